from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.engine.trees import synthetic_sample
from napari_midl.methods.vessels import apply, pretrain_pixels
from napari_midl.methods.vessels.pixel_network import PIXEL_ARCHITECTURES, PixelNet
from napari_midl.methods.vessels.score import dice
from napari_midl.methods.vessels.settings import PretrainPixelsSettings
from napari_midl.volumes.volume import Volume

QUICK = PretrainPixelsSettings(steps=3, data_licence="CC0-1.0")


def stack(seed: int, name: str, shape=(6, 64, 64)) -> tuple[Volume, Volume]:
    image, mask, scale = synthetic_sample(shape, seed=seed)
    about = {"scale": scale, "units": ("micrometer",) * 3}
    return (
        Volume.from_array(image, name=name, **about),
        Volume.from_array(mask.astype(np.uint8) * 255, name=f"{name} mask", **about),
    )


STACKS = [stack(7, "one"), stack(8, "two", (4, 64, 64))]


def test_the_networks_find_the_vessels_of_another_stack():
    settings = PretrainPixelsSettings(steps=150)
    model = run(pretrain_pixels.pretrain([stack(7, "one", (10, 96, 96))], settings))
    image, mask = stack(11, "other", (10, 96, 96))
    found = apply.predict_region(image, model, tuple(slice(0, n) for n in image.shape))
    assert dice(found >= 0.5, np.asarray(mask.data) > 0) > 0.6


def test_the_card_tells_what_they_are_made_of():
    model = run(pretrain_pixels.pretrain(STACKS, QUICK))
    card = model.card
    assert (card["tool"], card["architecture"]) == ("vessels", "pixels-base")
    assert (card["steps"], card["seed"]) == (3, 0)
    assert card["training_data"] == ["one", "two"]
    assert card["training_data_licence"] == "CC0-1.0"
    assert card["settings"] == QUICK.to_dict()


def test_they_carry_as_many_voxels_of_each_stack():
    network = run(pretrain_pixels.pretrain(STACKS, QUICK)).network
    assert isinstance(network, PixelNet)
    wanted = PIXEL_ARCHITECTURES["pixels-base"].library
    assert len(network.library) == len(network.library_labels) == wanted
    halves = network.library_labels[: wanted // 2], network.library_labels[wanted // 2 :]
    for labels, (_, mask) in zip(halves, STACKS, strict=True):
        share = (np.asarray(mask.data) > 0).mean()
        assert set(labels.unique().tolist()) == {0.0, 1.0}
        assert float(labels.mean()) == pytest.approx(share, abs=0.02)
    # Standardised, as they are learnt again.
    assert float(network.library.mean().abs()) < 0.3
    assert float(network.library.std()) == pytest.approx(1, abs=0.3)


def test_the_same_seed_gives_the_same_bits_and_each_network_is_another():
    first, again = (run(pretrain_pixels.pretrain(STACKS, QUICK)) for _ in range(2))
    other = run(pretrain_pixels.pretrain(STACKS, PretrainPixelsSettings(steps=3, seed=1)))
    assert first.sha256 == again.sha256 != other.sha256
    weights = [member.first.weight for member in first.network.members]
    assert len(weights) == 3
    assert not any(weights[0].equal(weight) for weight in weights[1:])


def test_exactly_the_steps_that_a_replay_asks_for():
    wanted = run(pretrain_pixels.pretrain(STACKS, QUICK)).network
    found = run(pretrain_pixels.pretrain(STACKS, PretrainPixelsSettings(), exactly=3))
    assert found.card["steps"] == 3
    # The clock of the rate is that of the steps taken.
    assert wanted.members[0].first.weight.equal(found.network.members[0].first.weight)

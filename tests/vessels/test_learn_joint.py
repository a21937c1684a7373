from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.jobs import run
from napari_midl.engine.models import Model, save_model
from napari_midl.engine.streaming import stream
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.verdict import Basis
from napari_midl.methods.vessels import apply, learn_joint
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.joint_network import JointNet
from napari_midl.methods.vessels.models import build, named_model, scratch
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.settings import FinetuneSettings, PredictSettings
from napari_midl.methods.vessels.teaching import Teacher, taught
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.trained import Finetuned

pytestmark = pytest.mark.usefixtures("few_pixel_steps", "few_learners")
IMAGE, MASK, VOXEL = synthetic_sample((12, 128, 128), seed=7)
QUICK = FinetuneSettings(steps=3, minutes=60.0, patch=(8, 32, 32), batch=1, held_out=0.3)


def volume() -> Volume:
    return Volume.from_array(IMAGE, scale=VOXEL, units=("micrometer",) * 3, name="sample")


def strokes(*planes: int) -> list[Patch]:
    painted = np.where(MASK, 2, 1).astype(np.uint8)
    return [Patch((z, 0, 0), painted[z : z + 1], f"slice {z}") for z in planes]


def tuned(
    start: Model, patches: list[Patch], settings: FinetuneSettings = QUICK, **how
) -> Finetuned:
    base = lambda: named_model("base")  # noqa: E731
    return run(learn_joint.finetune(volume(), patches, start, settings, base, **how))


@cache
def learnt() -> Finetuned:
    with pytest.MonkeyPatch.context() as patch:
        # Three steps make a deep network that would be left out.
        patch.setattr(learn_joint, "LEAST", 0.0)
        return tuned(named_model("unet"), strokes(3, 8))


class Says(torch.nn.Module):
    """A network that says what it is told."""

    halo = stride = (1, 1, 1)

    def __init__(self, probability: np.ndarray) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.logit(torch.from_numpy(probability), 1e-4))

    def forward(self, image: torch.Tensor, region: tuple[slice, ...]) -> torch.Tensor:
        # The image is the index of each voxel, so that it knows where it looks.
        return self.logits.flatten()[image.long()][..., *region]


def painted(held_out: float = 0.3) -> PaintedVolume:
    index = np.arange(MASK.size, dtype=np.float32).reshape(MASK.shape)
    return PaintedVolume(index, lambda x: x, strokes(3, 8), CLASSES, held_out)


def answering(noise: float) -> Says:
    """Right up to noise; at 1 what it says has nothing to do with what is there."""
    drawn = np.random.default_rng(0).random(MASK.shape)
    return Says(((1 - noise) * MASK + noise * drawn).astype(np.float32))


def test_the_network_that_is_right_on_held_out_strokes_has_the_larger_share():
    poor, good = answering(0.9), answering(0.2)
    trusted = learn_joint.join(poor, good, painted())
    assert trusted.share > 0.8
    assert trusted.score.scores["dice"] > 0.95 and trusted.score.counts["blocks"]
    assert learn_joint.join(good, poor, painted()).share < 0.2


def test_a_deep_network_that_knows_nothing_is_left_out():
    wrong = Says((1 - MASK).astype(np.float32))
    assert learn_joint.join(answering(0.2), wrong, painted()).share == 0.0


def test_both_networks_are_one_model(tmp_path):
    result = learnt()
    network = result.model.network
    assert isinstance(network, JointNet) and 0 < float(network.share) < 1
    assert result.model.card["architecture"] == "pixels+compact"
    assert result.model.card["shares"]["deep"] == pytest.approx(float(network.share), abs=1e-3)
    assert result.basis in (Basis.UNSEEN, Basis.CHOSE) and result.after["dice"] > 0.5
    save_model(result.model, tmp_path / "model.safetensors")
    again = VesselModelIn(str(tmp_path / "model.safetensors"))
    assert not again.learns_in_seconds
    assert again.open().sha256 == result.model.sha256


def test_its_probability_is_the_mean_of_both():
    network = learnt().model.network
    whole = tuple(slice(0, n) for n in IMAGE.shape)
    found, pixels, deep = (
        apply.predict_region(volume(), Model(part, learnt().model.card), whole)
        for part in (network, network.pixels, network.deep)
    )
    share = float(network.share)
    np.testing.assert_allclose(found, (1 - share) * pixels + share * deep, atol=1e-4)


def test_tiles_do_not_show(tmp_path):
    model = learnt().model
    out = tmp_path / "out.ome.zarr"
    run(stream(VesselModel(volume(), model, PredictSettings(tile=(8, 64, 64))), out)).close()
    whole = apply.predict_region(volume(), model, tuple(slice(0, n) for n in IMAGE.shape))
    written = np.asarray(open_volume(out).spatial().data)
    np.testing.assert_allclose(written, whole, atol=2e-3)  # half precision


def test_it_learns_again_from_both():
    again = tuned(learnt().model, strokes(3, 8), seeded(1))
    assert isinstance(again.model.network, JointNet | PixelNet)
    assert again.before.keys() == again.after.keys() or not again.before
    assert again.model.card["parent"] == learnt().model.sha256


def seeded(seed: int) -> FinetuneSettings:
    return FinetuneSettings(**{**QUICK.to_dict(), "seed": seed})


def test_the_same_seed_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(learn_joint, "LEAST", 0.0)
    again = tuned(named_model("unet"), strokes(3, 8), exactly=learnt().steps)
    assert again.model.sha256 == learnt().model.sha256


def test_with_too_little_paint_to_tell_it_is_the_pixel_network_alone():
    labels = np.zeros((1, *MASK.shape[1:]), np.uint8)
    y, x = np.argwhere(MASK[6])[0]
    labels[0, y : y + 2, x : x + 2] = 2
    labels[0, (y + 40) % 120, :6] = 1
    result = tuned(named_model("unet"), [Patch((6, 0, 0), labels, "a stroke")])
    assert isinstance(result.model.network, PixelNet)
    assert result.advice == learn_joint.TOO_LITTLE


def test_cancelled_it_leaves_the_start_as_it_was():
    start = named_model("unet")
    before = start.sha256
    job = learn_joint.finetune(volume(), strokes(3, 8), start, QUICK, lambda: named_model("base"))
    for progress in job:
        if progress.message.startswith("step"):
            break
    job.close()
    assert start.sha256 == before


def test_what_is_taught_is_what_the_pixel_network_says():
    network, of = Says(np.full(MASK.shape, 0.25, np.float32)), painted()
    teacher = Teacher(MASK.shape)
    run(teacher.asking(network, of, seed=0))
    everywhere = tuple(slice(0, n) for n in MASK.shape)
    said = teacher.says(everywhere)
    np.testing.assert_allclose((said - 1.0) / 254, 0.25, atol=1 / 254)
    assert all(
        0 <= c < n for c, n in zip(teacher.voxel(np.random.default_rng(0)), MASK.shape, strict=True)
    )


def test_the_loss_is_the_cross_entropy_of_paint_and_of_what_is_taught():
    logits = torch.zeros(1, 1, 1, 1, 3)
    paint = torch.tensor([2, 0, 0], dtype=torch.uint8).reshape(1, 1, 1, 1, 3)
    said = torch.tensor([0, 255, 0], dtype=torch.uint8).reshape(1, 1, 1, 1, 3)
    loss = taught(logits, torch.cat([paint, said], 1))
    assert float(loss) == pytest.approx(2 * np.log(2))
    sure = torch.tensor([10.0, 10.0, -10.0]).reshape(1, 1, 1, 1, 3)
    assert float(taught(sure, torch.cat([paint, said], 1))) == pytest.approx(0, abs=1e-3)


def test_its_architectures_are_built_by_name():
    assert isinstance(build("pixels+compact"), JointNet)
    assert scratch("pixels+compact").network.deep.design.norm == "batch"

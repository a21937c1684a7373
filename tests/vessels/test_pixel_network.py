from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from napari_midl.engine.pixels.depth import depth_seen
from napari_midl.engine.pixels.network import softened
from napari_midl.engine.pixels.scale_space import feature_names
from napari_midl.engine.ready_model import ReadyModel
from napari_midl.engine.trees import synthetic_sample
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.errors import InputError
from napari_midl.methods.vessels.models import build, named_model, scratch
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.predictor import VesselModel
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume

IMAGE, MASK, VOXEL = synthetic_sample((10, 140, 150), seed=7)
VOLUME = Volume.from_array(IMAGE, scale=VOXEL, units=("micrometer",) * 3, name="sample")
EVERYTHING = tuple(slice(0, n) for n in IMAGE.shape)


@pytest.fixture(scope="module")
def base() -> PixelNet:
    network = named_model("base").network
    assert isinstance(network, PixelNet)
    return network


def looked(settings: PredictSettings, region, volume: Volume = VOLUME) -> np.ndarray:
    return ReadyModel(VesselModel(volume, named_model("base"), settings)).look(region)


def test_the_pass_over_an_image_says_what_the_table_of_features_says(base):
    network = copy.deepcopy(base).at_depth(2.0)
    # Nothing is held within reason, which the pass does before it interpolates.
    network.deviation *= 4
    image = torch.from_numpy(IMAGE[:6, :64, :96] / np.float32(255))
    region = tuple(slice(0, n) for n in image.shape)
    with torch.inference_mode():
        table = network.space.features(image, region)
        logits = network.logits(network.standardised(table.flatten(0, 2)))
        wanted = softened(logits.reshape(image.shape))
        found = network(image[None, None])[0, 0]
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert wanted.std() > 0.1


def test_a_part_of_an_image_is_as_in_the_whole(base):
    image = torch.from_numpy(IMAGE / np.float32(255))[None, None]
    part = (slice(2, 5), slice(33, 77), slice(90, 150))
    with torch.inference_mode():
        np.testing.assert_allclose(base(image, part), base(image)[..., *part], atol=1e-3)


def test_tiles_do_not_show():
    whole = looked(PredictSettings(), EVERYTHING)
    region = (slice(3, 6), slice(40, 100), slice(64, 150))
    np.testing.assert_allclose(looked(PredictSettings(), region), whole[:, *region], atol=1e-3)


def test_the_shipped_networks_find_the_samples_vessels():
    found = looked(PredictSettings(), EVERYTHING)[0] >= 0.5
    assert 2 * (found & MASK).sum() / (found.sum() + MASK.sum()) > 0.6


def test_the_distance_of_slices_is_known_or_seen_and_else_that_of_the_model(base):
    assert float(base.at_depth(3.5).depth) == 3.5
    assert base.at_depth(None) is base
    assert base.at_depth(3.5).state_dict().keys() == base.state_dict().keys()
    assert float(base.depth) != 3.5
    apart = Volume.from_array(np.ascontiguousarray(IMAGE[::2]))
    seen = depth_seen(apart, robust_scaling(apart))
    assert seen > depth_seen(Volume.from_array(IMAGE), robust_scaling(apart))
    for volume, depth in ((VOLUME, 2.0), (apart, pytest.approx(seen))):
        model = VesselModel(volume, named_model("base"), PredictSettings())
        assert float(model.network().depth) == depth


def test_doubt_is_the_entropy_of_the_probability():
    region = (slice(4, 5), slice(0, 60), slice(0, 60))
    probability, doubt = looked(PredictSettings(uncertainty=True), region)
    np.testing.assert_allclose(doubt, binary_entropy(probability[None])[0], atol=1e-6)
    assert doubt.max() > 0.9 and doubt.min() < 0.1


def test_brightness_shifts_its_own_features_alone(base):
    shifted = {n for n, by in zip(feature_names(), base.shift.tolist(), strict=True) if by}
    assert shifted and all(name.startswith(("L ", "L3 ")) for name in shifted)
    assert not any("gradient" in name or "hessian" in name for name in shifted)


def test_standardised_features_are_held_within_reason(base):
    wild = torch.full((1, len(feature_names())), 1e9)
    assert base.standardised(wild).abs().max() == 6


def test_random_weights_differ_by_the_seed_and_an_unknown_preset_is_refused():
    first, again, other = (scratch("pixels", seed).sha256 for seed in (0, 0, 1))
    assert first == again != other
    with pytest.raises(InputError, match="no preset"):
        build("voxels")

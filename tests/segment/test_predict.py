from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_midl.engine.jobs import run
from napari_midl.engine.models import save_model
from napari_midl.errors import InputError
from napari_midl.methods.segment.models import scratch
from napari_midl.methods.segment.operations import Predict
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.open import open_volume

CLASSES = Classes("background", "a", "b", colours={"a": "#ff0000"})


def predict(folder, shape, name, channels=1, **options):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    axes = "CZYX"[-len(shape) :] if channels > 1 else "ZYX"
    tifffile.imwrite(folder / "image.ome.tif", image, metadata={"axes": axes})
    save_model(scratch(name, CLASSES, channels, seed=3), folder / "m.safetensors")
    how = {"image": folder / "image.ome.tif", "model": str(folder / "m.safetensors")}
    out = folder / "out.ome.zarr"
    run(Predict.of(**how | {"out": out} | options).perform())
    return open_volume(out), np.asarray(open_volume(out / "labels" / "classes").data).squeeze()


@pytest.mark.parametrize(
    ("shape", "name", "channels"),
    [
        ((6, 40, 44), "unet-3d-compact 1>3", 1),
        ((2, 6, 40, 44), "deepvesselnet 2>3", 2),
        ((1, 40, 44), "unet-2d-compact 1>3", 1),
        ((6, 40, 44), "mo-net-3d-compact 1>3+2", 1),
    ],
)
def test_it_writes_probabilities_doubt_and_labels(tmp_path, shape, name, channels):
    found, labels = predict(tmp_path, shape, name, channels, tile=(4, 16, 24))
    values = open_volume(tmp_path / "out.ome.zarr" / "labels" / "classes").values
    assert values == {0: "background", 1: "a", 2: "b"}
    assert found.channels == ("a", "b", "doubt")
    a, b, doubt = np.asarray(found.data).reshape(3, *labels.shape)
    rest = 1 - a - b
    assert rest.min() > -0.01
    np.testing.assert_array_equal(labels, np.stack([rest, a, b]).argmax(0))
    p = np.clip([rest, a, b], 1e-6, 1)
    np.testing.assert_allclose(doubt, -(p * np.log(p)).sum(0) / np.log(3), atol=0.02)


def test_where_the_image_is_no_number_there_is_nothing_and_nothing_is_sure(tmp_path):
    image = np.random.default_rng(0).normal(100, 20, (6, 40, 44)).astype(np.float32)
    image[:, :15] = np.nan
    image[3, 30, 30] = np.inf
    tifffile.imwrite(tmp_path / "holes.ome.tif", image, metadata={"axes": "ZYX"})
    where = tmp_path / "holes.ome.tif"
    found, labels = predict(tmp_path, image.shape, "unet-3d-compact 1>3", image=where)
    nowhere = ~np.isfinite(image)
    *each, doubt = np.asarray(found.data)
    assert not labels[nowhere].any() and not np.stack(each)[:, nowhere].any()
    assert (doubt[nowhere] == 1).all()
    assert labels[~nowhere].any() and (doubt[~nowhere] < 1).any()


def test_tiles_do_not_show(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    one, _ = predict(tmp_path / "one", (6, 40, 44), "unet-3d-compact 1>3", tile=(8, 64, 64))
    many, _ = predict(tmp_path / "many", (6, 40, 44), "unet-3d-compact 1>3", tile=(4, 16, 16))
    np.testing.assert_allclose(np.asarray(one.data), np.asarray(many.data), atol=1e-3)


def test_doubt_may_come_of_samples(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    one, _ = predict(tmp_path / "one", (6, 32, 32), "unet-3d-compact 1>3")
    many, _ = predict(tmp_path / "many", (6, 32, 32), "unet-3d-compact 1>3", samples=4)
    same = np.asarray(one.data) == np.asarray(many.data)
    assert same[:2].all()
    assert not same[2].all()


def test_a_model_of_two_channels_refuses_one(tmp_path):
    one = np.ones((4, 32, 32), np.uint8)
    tifffile.imwrite(tmp_path / "one.tif", one, photometric="minisblack")
    with pytest.raises(InputError, match=r"m looks at 2 channels and is given 1"):
        predict(tmp_path, (2, 6, 32, 32), "unet-3d-compact 2>3", 2, image=tmp_path / "one.tif")
    assert not (tmp_path / "out.ome.zarr").exists()


def test_a_network_for_stacks_refuses_a_picture(tmp_path):
    with pytest.raises(InputError, match="has one slice and the network is 3D"):
        predict(tmp_path, (1, 40, 44), "unet-3d-compact 1>3")


def test_the_trees_that_ship_find_a_vessel_that_nobody_labelled(tmp_path):
    z, y, _ = np.indices((16, 64, 64))
    tube = (y - 32) ** 2 + (z - 8) ** 2 < 25
    image = np.random.default_rng(0).normal(50, 8, tube.shape) + 110 * tube
    tifffile.imwrite(tmp_path / "tube.tif", image.clip(0, 255).astype(np.uint8))
    out = tmp_path / "out.ome.zarr"
    run(Predict.of(image=tmp_path / "tube.tif", model="trees", out=out).perform())
    found = np.asarray(open_volume(out / "labels" / "classes").data).squeeze() == 1
    assert 2 * (found & tube).sum() / (found.sum() + tube.sum()) > 0.7

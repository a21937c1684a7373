from __future__ import annotations

import numpy as np
import pytest
import tifffile
from napari.layers import Layer

from napari_midl.reader import get_reader
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space


@pytest.fixture
def stack(tmp_path):
    """Write a stack (channels first) as TIFF and as OME-Zarr of 2 x 0.5 x 0.5 micrometres."""

    def write(kind, names):
        array = np.random.default_rng(0).integers(0, 255, (len(names), 6, 300, 40), np.uint8)
        if kind == "tif":
            path = tmp_path / "a.ome.tif"
            axes = "CZYX" if len(names) > 1 else "ZYX"
            about = {"axes": axes, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2}
            about["Channel"] = {"Name": list(names)}
            tifffile.imwrite(
                path, array.reshape([len(names)] * (axes[0] == "C") + [6, 300, 40]), metadata=about
            )
        else:
            path = tmp_path / "a.ome.zarr"
            OmeZarrImage.create(
                path,
                shape=array.shape,
                dtype="uint8",
                axes="CZYX",
                space=Space.of((2, 0.5, 0.5), "micrometer"),
                chunks=(1, 6, 64, 40),
                channels=names,
            ).write((slice(None),) * 4, array)
        return path, array

    return write


@pytest.mark.parametrize("names", [("dye",), ("dye", "nuclei")])
@pytest.mark.parametrize("kind", ["tif", "zarr"])
def test_layers_are_lazy_at_their_size_and_say_where_they_are_from(stack, kind, names):
    path, array = stack(kind, names)
    layers = get_reader(str(path))(str(path))
    assert len(layers) == len(names)
    for n, (data, options, what) in enumerate(layers):
        finest = data[0] if options["multiscale"] else data
        assert isinstance(finest, Lazy)
        np.testing.assert_array_equal(finest, array[n])
        assert options["scale"] == [2, 0.5, 0.5]
        assert options["units"] == ["micrometer"] * 3
        kept = options["metadata"]
        assert (kept["source"], kept["channel"]) == (str(path), n)
        assert Space.from_dict(kept["space"]) == open_volume(path).space
        assert what == "image"
        assert isinstance(options["name"], str)
    if len(names) > 1:
        assert [options["name"] for _, options, _ in layers] == ["a dye", "a nuclei"]


def test_labels_that_name_their_values_are_a_layer_of_labels(stack):
    path, array = stack("zarr", ("dye",))
    image = OmeZarrImage.open(path)
    meanings = {0: Meaning("rest"), 1: Meaning("vessel")}
    image.create_labels("vessels", meanings=meanings).write((slice(None),) * 3, array[0] > 99)
    within = str(path / "labels" / "vessels")
    ((data, options, what),) = get_reader(within)(within)
    assert what == "labels"
    layer = Layer.create(data, options, what)
    assert list(layer.features["class"]) == ["rest", "vessel"]
    np.testing.assert_array_equal(layer.scale, [2, 0.5, 0.5])
    finest = layer.data[0] if layer.multiscale else layer.data
    assert isinstance(finest, Lazy)
    np.testing.assert_array_equal(finest, array[0] > 99)


def test_what_is_not_for_us_is_left_to_other_readers(tmp_path):
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((16, 16, 3), np.uint8), photometric="rgb")
    assert get_reader(str(tmp_path / "rgb.tif")) is None
    assert get_reader(str(tmp_path / "missing.tif")) is None
    assert get_reader([str(tmp_path / "rgb.tif")]) is None

"""What is written as OME-TIFF is read with its size by tifffile, and by us."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.export import write_image
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.volumes.tiff_out import write_tiff

STACK = np.arange(5 * 6 * 7).reshape(5, 6, 7)
SPACE = Space.of((2.0, 0.5, 0.25), "um", (1, 2, 3))


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "float32", "float64"]
)
@pytest.mark.parametrize("name", ["a.ome.tif", "a.tiff"])
def test_values_and_size(tmp_path, name, dtype):
    values = (STACK % 100).astype(dtype)
    write_image(values, SPACE, tmp_path / name)

    np.testing.assert_array_equal(tifffile.imread(tmp_path / name), values)
    with tifffile.TiffFile(tmp_path / name) as file:
        assert file.is_ome
        assert file.series[0].axes == "ZYX"
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        x, y = (file.pages[0].tags[f"{axis}Resolution"].value for axis in "XY")
    assert [pixels[f"PhysicalSize{axis}"] for axis in "ZYX"] == [2.0, 0.5, 0.25]
    assert {pixels[f"PhysicalSize{axis}Unit"] for axis in "ZYX"} == {"µm"}
    assert (x[0] / x[1], y[0] / y[1]) == pytest.approx((1e4 / 0.25, 1e4 / 0.5))
    volume = open_volume(tmp_path / name)
    np.testing.assert_array_equal(np.asarray(volume.data), values)
    assert volume.sizes_in("micrometer") == (2.0, 0.5, 0.25)


def positions(path):
    with tifffile.TiffFile(path) as file:
        planes = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Plane"]
    return [tuple(plane[f"Position{axis}"] for axis in "XYZ") for plane in planes]


def test_a_cut_out_keeps_its_place_in_its_scan(tmp_path):
    scan = Space.of((2.0, 0.5, 0.25), "um", (-10, 20, 30))
    part = scan.cut((1, 2, 4))

    write_tiff((STACK % 100).astype(np.uint8), part, tmp_path / "a.ome.tif")

    assert positions(tmp_path / "a.ome.tif") == [(-9, 21, 32 + 2 * n) for n in range(5)]
    assert open_volume(tmp_path / "a.ome.tif").space.origin == (-9, 21, 32)


def test_the_place_of_channels_is_that_of_each_slice(tmp_path):
    write_tiff(np.stack([STACK, STACK]).astype(np.uint8), SPACE, tmp_path / "a.tif")

    assert positions(tmp_path / "a.tif") == [(1, 2, 3 + 2 * n) for n in range(5)] * 2
    assert open_volume(tmp_path / "a.tif").space == SPACE


def test_the_place_of_a_turned_image_is_left_out(tmp_path):
    turned = Space.of((2.0, 0.5, 0.25), "um", (1, 2, 3), np.diag([-1, 1, 1]))

    write_tiff(STACK.astype(np.uint8), turned, tmp_path / "a.tif")

    assert open_volume(tmp_path / "a.tif").space.origin is None


@pytest.mark.parametrize("unit", ["nm", "mm", "m", "inch"])
def test_units(tmp_path, unit):
    write_tiff(STACK.astype(np.uint8), Space.of((2.0, 0.5, 0.25), unit), tmp_path / "a.tif")

    expected = Space.of((2.0, 0.5, 0.25), unit).sizes_in("micrometer")
    assert open_volume(tmp_path / "a.tif").sizes_in("micrometer") == pytest.approx(expected)


def test_a_size_that_is_not_known_is_not_written(tmp_path):
    write_tiff(STACK.astype(np.uint8), Space(), tmp_path / "a.tif")

    assert open_volume(tmp_path / "a.tif").unit is None


def test_channels(tmp_path):
    both = np.stack([STACK, STACK + 1]).astype(np.uint8)

    write_tiff(both, SPACE, tmp_path / "a.tif", channels=["dye", "nuclei"])

    volume = open_volume(tmp_path / "a.tif")
    assert volume.channels == ("dye", "nuclei")
    np.testing.assert_array_equal(np.asarray(volume.data), both)


@pytest.mark.parametrize(("dtype", "stored"), [("bool", "uint8"), ("float16", "float32")])
def test_types_that_fiji_does_not_know(tmp_path, dtype, stored):
    write_tiff((STACK % 2).astype(dtype), SPACE, tmp_path / "a.tif")

    assert tifffile.imread(tmp_path / "a.tif").dtype == stored


def test_integers_of_64_bits_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.tif has no room for int64 values; write a \.nii\.gz"):
        write_tiff(STACK.astype(np.int64), SPACE, tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def test_a_lone_plane(tmp_path):
    write_tiff(STACK[:1].astype(np.uint8), SPACE, tmp_path / "a.tif")

    np.testing.assert_array_equal(
        np.asarray(open_volume(tmp_path / "a.tif").spatial().data), STACK[:1]
    )

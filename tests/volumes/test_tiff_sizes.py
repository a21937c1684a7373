"""Sizes of voxels as TIFFs say them: each axis in its own unit, and nothing that is no length."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_midl.reader import get_reader
from napari_midl.volumes.open import open_volume

STACK = np.arange(3 * 8 * 10, dtype=np.uint16).reshape(3, 8, 10)


def imagej(path, lines, resolution=(2.0, 2.0), planes=3):
    """Write a stack as ImageJ does, pixels per unit along x and y."""
    about = f"ImageJ=1.54f\nimages={planes}\nslices={planes}\n{lines}loop=false\n"
    tifffile.imwrite(
        path,
        STACK[:planes],
        photometric="minisblack",
        description=about.encode("latin-1"),
        resolution=resolution,
        resolutionunit=1,
        metadata=None,
    )
    return path


def micrometers(path):
    space = open_volume(path).space
    return space.sizes_in("micrometer") if space.known else None


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        ("unit=micron\nzunit=nm\nspacing=2000\n", (2, 0.5, 0.5)),
        ("unit=um\nyunit=mm\nzunit=cm\nspacing=0.5\n", (5000, 500, 0.5)),
        ("unit=nm\nspacing=700\nzunit=micron\n", (700, 0.0005, 0.0005)),
        ("unit=um\nspacing=-3.0\n", (3, 0.5, 0.5)),
        ("unit=um/pixel\nspacing=2,5\n", (2.5, 0.5, 0.5)),
        ("unit=um\n", (1, 0.5, 0.5)),
    ],
)
def test_each_axis_of_imagej_is_in_its_own_unit(tmp_path, lines, sizes):
    assert micrometers(imagej(tmp_path / "a.tif", lines)) == pytest.approx(sizes)


def test_a_spacing_that_imagej_leaves_out_is_said(tmp_path):
    (note,) = open_volume(imagej(tmp_path / "a.tif", "unit=um\n")).notes
    assert "a.tif" in note
    assert "1 µm" in note
    assert not open_volume(imagej(tmp_path / "b.tif", "unit=um\nspacing=2\n")).notes


def test_of_time_points_no_spacing_of_slices_is_missed(tmp_path):
    for axes in ("TYX", "CYX"):
        frames = np.zeros((3, 8, 9), np.uint8)
        metadata = {"axes": axes, "unit": "um"}
        tifffile.imwrite(tmp_path / "t.tif", frames, imagej=True, metadata=metadata)
        assert not open_volume(tmp_path / "t.tif").notes, axes


def test_a_spacing_that_is_no_number_is_quoted(tmp_path):
    (note,) = open_volume(imagej(tmp_path / "a.tif", "unit=um\nspacing=two\n")).notes
    assert "has the spacing two, which is no number" in note


@pytest.mark.parametrize("lines", ["spacing=0\n", "spacing=NaN\n", "spacing=x\n", "zunit=pixel\n"])
def test_a_spacing_that_cannot_be_leaves_only_z_unknown(tmp_path, lines):
    space = open_volume(imagej(tmp_path / "a.tif", f"unit=um\n{lines}")).space
    assert space.scale == (None, 0.5, 0.5)
    assert space.unit == "micrometer"


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("micron", 1),
        ("MICRONS", 1),
        ("Micron", 1),
        ("\\u00B5m", 1),
        ("\\u03BCm", 1),
        ("\xb5m", 1),
        ("\xc2\xb5m", 1),
        (" um ", 1),
        ("micrometre", 1),
        ("nm", 1e-3),
        ("pm", 1e-6),
        ("mm", 1e3),
        ("cm", 1e4),
        ("inch", 25400),
        *((unit, None) for unit in ("pixel", "pixels", "voxel", "sec", "a.u.", "unit", "", " ")),
        *((unit, None) for unit in ("\xb5", "10", "true", "um^2", "gray value")),
    ],
)
def test_units_as_people_type_them(tmp_path, unit, factor):
    path = imagej(tmp_path / "a.tif", f"unit={unit}\nspacing=2.0\n")
    sizes = micrometers(path)
    assert sizes == (None if factor is None else pytest.approx((2 * factor, *[0.5 * factor] * 2)))
    np.testing.assert_array_equal(open_volume(path).data, STACK)
    # napari knows fewer units than people do.
    ((data, options, _),) = get_reader(str(path))(str(path))
    np.testing.assert_array_equal(data, STACK)
    assert options["units"] == ["pixel"] * 3 if factor is None else options["units"]
    import pint

    assert all(pint.Unit(each) for each in options["units"])


@pytest.mark.parametrize(
    ("unit", "dots"), [("inch", 300), ("inch", 96), ("cm", 118.11), ("cm", 28.3465)]
)
def test_imagej_passes_no_resolution_of_a_printer_for_a_size(tmp_path, unit, dots):
    path = imagej(tmp_path / "a.tif", f"unit={unit}\nspacing=1\n", (dots, dots))
    volume = open_volume(path)
    assert volume.space.scale == (None, None, None)
    assert "per inch" in volume.notes[0]


@pytest.mark.parametrize("resolution", [(0.0, 2.0), (2.0, 0.0)])
def test_a_resolution_of_zero_is_unknown(tmp_path, resolution):
    space = open_volume(imagej(tmp_path / "a.tif", "unit=um\nspacing=2\n", resolution)).space
    assert space.scale.count(None) == 1
    assert not space.known


@pytest.mark.parametrize(
    ("dots", "unit", "size"),
    [
        (72, "INCH", None),
        (300, "INCH", None),
        (9600, "INCH", None),
        (118, "CENTIMETER", None),
        (20000, "CENTIMETER", 0.5),
        (50800, "INCH", 0.5),
        (20000, "NONE", None),
    ],
)
def test_a_plain_resolution_is_a_size_where_no_printer_is_as_fine(tmp_path, dots, unit, size):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK[0], metadata=None, resolution=(dots, dots), resolutionunit=unit)
    volume = open_volume(path).spatial()
    assert volume.space.known == (size is not None)
    if size is not None:
        assert volume.sizes_in("micrometer")[1:] == pytest.approx((size, size))


def test_the_distance_of_planes_of_a_plain_stack_is_not_known(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        *(path, STACK),
        photometric="minisblack",
        resolution=(20000, 20000),
        resolutionunit="CENTIMETER",
    )
    assert open_volume(path).space.scale == (None, pytest.approx(0.5), pytest.approx(0.5))


def ome(path, **about):
    named = {f"PhysicalSize{name}": value for name, value in about.items()}
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata={"axes": "ZYX", **named})
    return path


@pytest.mark.parametrize(
    ("about", "sizes"),
    [
        ({"X": 300, "XUnit": "nm", "Y": 0.3, "Z": 0.002, "ZUnit": "mm"}, (2, 0.3, 0.3)),
        ({"X": 3, "XUnit": "Å", "Y": 3, "YUnit": "Å", "Z": 1}, (1, 3e-4, 3e-4)),
        ({"X": 0.5, "Y": 0.5, "Z": 2}, (2, 0.5, 0.5)),
        ({"X": 1, "XUnit": "pixel", "Y": 1, "YUnit": "pixel", "Z": 1, "ZUnit": "pixel"}, None),
        ({"X": 1, "Y": 1, "Z": 1, "ZUnit": "reference frame"}, None),
        ({"X": 1, "Y": 1}, None),
        ({}, None),
        ({"X": 0, "Y": 1, "Z": 1}, None),
        ({"X": 1, "Y": -1, "Z": 1}, None),
        ({"X": 1, "Y": 1, "Z": float("nan")}, None),
        ({"X": "wide", "Y": 1, "Z": 1}, None),
    ],
)
def test_each_axis_of_ome_is_in_its_own_unit(tmp_path, about, sizes):
    path = ome(tmp_path / "a.ome.tif", **about)
    assert micrometers(path) == (None if sizes is None else pytest.approx(sizes))
    np.testing.assert_array_equal(open_volume(path).data, STACK)
    assert get_reader(str(path)) is not None


def test_what_ome_says_of_one_axis_is_kept_where_it_is_silent_of_another(tmp_path):
    space = open_volume(ome(tmp_path / "a.ome.tif", X=0.5, Y=0.5, ZUnit="nm")).space
    assert space.scale == (None, 0.5, 0.5)


def stage(path, creator, unit="mm"):
    about = {axis: [value] * 3 for axis, value in zip("XYZ", (7, 8, 0.5), strict=True)}
    planes = {f"Position{axis}": places for axis, places in about.items()}
    planes |= {f"Position{axis}Unit": [unit] * 3 for axis in "XYZ"}
    size = {f"PhysicalSize{axis}": 1 for axis in "XYZ"}
    said = {"axes": "ZYX", "Creator": creator, "Plane": planes, **size}
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=said)
    return open_volume(path).space.origin


def test_a_place_that_we_wrote_is_read_in_any_unit(tmp_path):
    assert stage(tmp_path / "a.ome.tif", "napari-midl 1.0") == (7000, 8000, 500)


@pytest.mark.parametrize(
    ("creator", "unit"),
    [("OME Bio-Formats 7.3.1", "mm"), ("NIS", "µm"), ("napari-midl 1.0", "reference frame")],
)
def test_the_position_of_a_stage_is_no_place(tmp_path, creator, unit):
    assert stage(tmp_path / "a.ome.tif", creator, unit) is None

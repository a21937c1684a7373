from __future__ import annotations

import pytest

from napari_midl.volumes.units import factor, length_unit, symbol


@pytest.mark.parametrize(
    ("unit", "spellings"),
    [
        (
            "micrometer",
            "um µm μm micron microns Micron MICRONS micrometer micrometers micrometre Micrometres "
            "\\u00B5m \\u03BCm &#181;m Âµm um/pixel µm/px Microns/Pixel um/voxel [um] (µm) [µm/px]",
        ),
        ("millimeter", "mm MM millimeter millimetre millimeters"),
        ("nanometer", "nm nanometer nanometres"),
        ("centimeter", "cm centimetre"),
        ("meter", "m meter metres"),
        ("angstrom", "Å å Angstrom angstroms Ångström A\u030a"),
        ("inch", 'in in. inch inches "'),
        ("foot", "ft feet foot '"),
    ],
)
def test_units_as_files_and_people_write_them(unit, spellings):
    assert {s: length_unit(s) for s in spellings.split()} == dict.fromkeys(spellings.split(), unit)
    assert length_unit(f"  {unit} ") == unit
    assert length_unit(symbol(unit)) == unit
    assert length_unit(f"{unit}s per pixel") == unit


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "pixel",
        "pixels",
        "voxel",
        "a.u.",
        "sec",
        "second",
        "dimensionless",
        "u",
        "1/um",
        "pixel/um",
    ],
)
def test_what_is_no_length_is_none(text):
    assert length_unit(text) is None


@pytest.mark.parametrize(
    ("unit", "wanted", "times"),
    [
        ("micrometer", "millimeter", 0.001),
        ("millimeter", "micrometer", 1000.0),
        ("nanometer", "micrometer", 0.001),
        ("inch", "millimeter", 25.4),
        ("angstrom", "nanometer", 0.1),
        ("foot", "inch", 12.0),
        ("meter", "meter", 1.0),
    ],
)
def test_units_are_converted_to_the_last_digit(unit, wanted, times):
    assert factor(unit, wanted) == times


def test_symbols():
    assert symbol("micrometer") == "µm"
    assert symbol(None) == "voxel"

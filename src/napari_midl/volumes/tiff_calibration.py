"""What a TIFF says of the size of its voxels: as ImageJ, as OME, or by its resolution.

Only an OME-TIFF that we wrote says where they lie, too.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_midl.volumes.space import AXES, Space, Three
from napari_midl.volumes.units import factor, length_unit, symbol

if TYPE_CHECKING:
    from pathlib import Path
    from xml.etree.ElementTree import Element

    import tifffile

OURS = "napari-midl "  # how the creator begins of what we wrote
# Dots per inch of printers, screens, scanners and cameras, which are no size of what is seen.
_PRINTED = frozenset((72, 75, 90, 96, 100, 120, 144, 150, 180, 192, 200, 240, 254, 300, 360, 400))
_PRINTED |= {600, 720, 800, 1000, 1200, 1440, 2400, 2540, 3200, 4000, 4800, 6400, 9600}
# Finer than any of them, in pixels per inch.
_FINEST = 10_000
_UNITS = {2: "inch", 3: "centimeter"}


class Calibration(NamedTuple):
    """Size and place of the voxels, and what was taken for granted."""

    space: Space
    notes: list[str]


def ome_calibration(pixels: Element, creator: str = "") -> Calibration:
    """Size of the voxels from OME-XML, and their place where we wrote it.

    Each axis has a size in a unit of its own, micrometres where none is said. One that is absent,
    no positive number, or in a unit that is no length, such as ``pixel`` or ``reference frame``,
    is not known. The positions of planes are where we wrote the middle of the first voxel.
    Microscopes write those of their stage, some of a corner and some of the middle, with y up or
    down; what was made of such an image seldom keeps them, and would be shown far from it.

    Parameters
    ----------
    pixels : Element
        The element ``Pixels``.
    creator : str
        The program that wrote it.
    """
    sizes = [_number(pixels.get(f"PhysicalSize{axis}")) for axis in AXES]
    units = [pixels.get(f"PhysicalSize{axis}Unit", "µm") for axis in AXES]
    space = _space(sizes, units)
    place = _first_place(pixels, space.unit) if creator.startswith(OURS) else None
    return Calibration(replace(space, origin=place), [])


def imagej_calibration(path: Path, file: tifffile.TiffFile, slices: int) -> Calibration:
    """Size of the voxels from ImageJ's description.

    The resolution tags are in ``unit``, y and z in a unit of their own where ``yunit`` and
    ``zunit`` say so. A unit that is no length leaves the sizes unknown, and so does a resolution
    of printers or scanners, such as 300 pixels per inch, which ImageJ passes on from pictures.
    ``spacing`` is that of the slices, taken without its sign; ImageJ leaves out a spacing of one.

    Parameters
    ----------
    path : Path
        What to call the file.
    file : TiffFile
        The open file.
    slices : int
        How many planes it has at each time point in each channel.
    """
    about: dict[str, Any] = file.imagej_metadata or {}
    unit = about.get("unit")
    if unit is None or not str(unit).strip():
        return resolution_calibration(file)
    units = [str(about.get(key, unit)) for key in ("zunit", "yunit", "unit")]
    y, x = _resolution(file)
    lengths = [length_unit(each) for each in units]
    per_inch = [_per_inch(r, u) for r, u in zip((y, x), lengths[1:], strict=True)]
    if lengths[2] in _UNITS.values() and any(map(_is_printed, per_inch)):
        return Calibration(Space(), [_printed_note(path, per_inch)])
    spacing, notes = _number(about.get("spacing")), []
    if "spacing" not in about and slices > 1:
        spacing = 1.0
        if lengths[0] is not None:
            notes = [f"{path} says no spacing of its slices; ImageJ means 1 {symbol(lengths[0])}."]
    elif "spacing" in about and spacing is None:
        notes = [f"{path} has the spacing {about['spacing']}, which is no number: none is known."]
    sizes = [None if spacing is None else abs(spacing), _inverse(y), _inverse(x)]
    return Calibration(_space(sizes, units), notes)


def resolution_calibration(file: tifffile.TiffFile) -> Calibration:
    """Size of the pixels from the resolution tags of a plain TIFF, where they surely say one.

    TIFF keeps the resolution at which to print in the same tags as that of a microscope, in
    pixels per inch or centimetre. Only one finer than any printer or scanner, above 10,000 pixels
    per inch (2.54 µm), is clearly the size of what is seen. Any other leaves the size unknown, and
    so does a resolution without a unit. The distance of planes is never said.

    Parameters
    ----------
    file : TiffFile
        The open file.
    """
    unit = _UNITS.get(file.pages.first.tags.valueof("ResolutionUnit", 2))
    if unit is None:
        return Calibration(Space(), [])
    y, x = _resolution(file)
    per_inch = [_per_inch(r, unit) for r in (y, x)]
    if any(r is None or r <= _FINEST for r in per_inch):
        return Calibration(Space(), [])
    micrometers = [_inverse(r, factor("inch", "micrometer")) for r in per_inch]
    return Calibration(_space([None, *micrometers], ["micrometer"] * 3), [])


def _space(sizes: list[float | None], units: list[str]) -> Space:
    """A space in which an axis without a unit of length does not hide the others."""
    lengths = [length_unit(unit) for unit in units]
    known = [s if u is not None else None for s, u in zip(sizes, lengths, strict=True)]
    return Space.of(known, lengths) if any(lengths) else Space()


def _first_place(pixels: Element, wanted: str | None) -> Three | None:
    """Position ``(x, y, z)`` of the first plane in a unit; None where it is not said."""
    first = next((p for p in pixels.findall("{*}Plane") if _is_first(p)), None)
    if first is None or wanted is None:
        return None
    units = [length_unit(first.get(f"Position{axis}Unit")) for axis in "XYZ"]
    places = [_number(first.get(f"Position{axis}")) for axis in "XYZ"]
    known = [
        place * factor(unit, wanted)
        for place, unit in zip(places, units, strict=True)
        if place is not None and math.isfinite(place) and unit is not None
    ]
    return (known[0], known[1], known[2]) if len(known) == len(places) else None


def _is_first(plane: Element) -> bool:
    return all(plane.get(f"The{axis}", "0") == "0" for axis in "ZCT")


def _resolution(file: tifffile.TiffFile) -> tuple[float | None, float | None]:
    """Pixels per unit along y and x."""
    tags = file.pages.first.tags
    y, x = (_quotient(tags.valueof(f"{axis}Resolution")) for axis in "YX")
    return y, x


def _quotient(value: Any) -> float | None:
    try:
        above, below = value
        return _number(above / below)
    except (TypeError, ValueError, ArithmeticError):
        return None


def _number(value: Any) -> float | None:
    try:
        # Some countries' programs write a decimal comma.
        return float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        return None


def _inverse(value: float | None, of: float = 1.0) -> float | None:
    return of / value if value else None


def _per_inch(resolution: float | None, unit: str | None) -> float | None:
    return None if resolution is None or unit is None else resolution * factor("inch", unit)


def _is_printed(per_inch: float | None) -> bool:
    return per_inch is not None and any(abs(per_inch - dots) < 0.01 * dots for dots in _PRINTED)


def _printed_note(path: Path, per_inch: list[float | None]) -> str:
    dots = next(r for r in per_inch if r is not None)
    return (
        f"{path} has {dots:.4g} pixels per inch, a resolution of printers and scanners, so its "
        "voxel size is taken as not known."
    )

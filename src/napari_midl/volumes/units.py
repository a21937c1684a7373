"""Units of length as files and people write them."""

from __future__ import annotations

import re

# Names of OME-Zarr, and what one of each is in metres.
_METRES = {
    "picometer": 1e-12,
    "angstrom": 1e-10,
    "nanometer": 1e-9,
    "micrometer": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "decimeter": 1e-1,
    "meter": 1.0,
    "inch": 0.0254,
    "foot": 0.3048,
}
_SYMBOLS = {
    "picometer": "pm",
    "angstrom": "Å",
    "nanometer": "nm",
    "micrometer": "µm",
    "millimeter": "mm",
    "centimeter": "cm",
    "decimeter": "dm",
    "meter": "m",
    "inch": "in",
    "foot": "ft",
}
_SPELLINGS = {
    "angstrom": ("å", "angström", "ångström", "a\u030a"),
    "micrometer": ("um", "micron", "mikrometer", "mikron", "umeter"),
    "meter": ("mètre",),
    "inch": ("inches", '"', "zoll"),
    "foot": ("feet", "'"),
}


def _spellings() -> dict[str, str]:
    known: dict[str, str] = {}
    for name, symbol in _SYMBOLS.items():
        british = name.replace("meter", "metre")
        for spelling in (name, british, symbol.casefold(), *_SPELLINGS.get(name, ())):
            known |= {spelling: name, f"{spelling}s" if len(spelling) > 2 else spelling: name}
    return known


_KNOWN = _spellings()
# The sign for micro stands twice in Unicode; ImageJ and XML write both as text, and UTF-8 that is
# read as Latin-1 puts an Â before it. Folding the case makes one sign of both.
_OF_ONE_PIXEL = re.compile(r"(/|per)(pixel|pix|px|voxel)[\])]?$")
_MICRO = ("Âµ".casefold(), "µ".casefold(), "\\u00b5", "\\u03bc", "&#181;")


def length_unit(text: str | None) -> str | None:
    """Name of a unit of length in OME-Zarr, such as ``micrometer``; None if it is none.

    Parameters
    ----------
    text : str or None
        As files and people write it: ``um``, ``Micron``, ``µm``, ``MICRONS``, ``inch``. What is no
        length, such as ``pixel``, ``a.u.`` or ``sec``, is None.
    """
    plain = (text or "").strip().casefold().rstrip(".")
    for micro in _MICRO:
        plain = plain.replace(micro, "u")
    return _KNOWN.get(_OF_ONE_PIXEL.sub("", plain.replace(" ", "")).strip("[]()"))


def factor(unit: str, wanted: str) -> float:
    """How many of one unit of length make one of another, both named as by `length_unit`."""
    # Both as decimal powers of a metre: their quotient is exact to the last digit but one.
    return float(f"{_METRES[unit] / _METRES[wanted]:.15g}")


def symbol(unit: str | None) -> str:
    """Short sign of a unit, such as ``µm``; ``voxel`` where there is none."""
    return _SYMBOLS.get(unit or "", unit or "voxel")


def length_in_words(length: float, unit: str | None) -> str:
    """A length with its unit and four digits, such as ``0.06013 mm``, or ``312 voxels``.

    Parameters
    ----------
    length : float
        In `unit`.
    unit : str or None
        As named by `length_unit`; None or ``voxel`` for voxels.
    """
    digits = f"{length:,.0f}" if abs(length) >= 1000 else f"{length:.4g}"
    return f"{digits} {symbol(unit) if length_unit(unit) else 'voxels'}"

"""Names of the axes of an image, ``T C Z Y X``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.volumes import space

if TYPE_CHECKING:
    from collections.abc import Sequence

SPATIAL = space.AXES
AXES = ("T", "C", *SPATIAL)


def typed_axes(axes: str, what: str, shape: Sequence[int]) -> str:
    """Names of axes as a person types them, in capitals.

    Parameters
    ----------
    axes : str
        Such as ``ZYX``.
    what : str
        What to call the image.
    shape : sequence of int
        Its shape.

    Raises
    ------
    InputError
        If they are no names for the axes of an image of that shape.
    """
    names = axes.strip().upper()
    fine = {"Y", "X"} <= set(names) <= set(AXES) and len(set(names)) == len(names)
    if not fine or len(names) != len(shape):
        raise InputError(
            f"--axes {axes} does not fit {what} of {' x '.join(map(str, shape))}; name its "
            f"{len(shape)} axes, each with another letter of TCZYX, Y and X among them."
        )
    return names


def along(axes: Sequence[str], given: Any) -> list[Any]:
    """Values given along named axes, or along the last spatial ones, along ``Z Y X``.

    None where none is given; one text is that of all.
    """
    if given is None or isinstance(given, str):
        return [given] * len(SPATIAL)
    values = list(given)
    named = axes if len(values) == len(axes) else SPATIAL[-len(values) :]
    known = dict(zip(named, values, strict=True))
    return [known.get(axis) for axis in SPATIAL]


def slices_elsewhere(axes: Sequence[str], shape: Sequence[int]) -> tuple[str, int]:
    """Time points or channels that may be the slices of an image without any.

    Parameters
    ----------
    axes : sequence of str
        Names of its axes.
    shape : sequence of int
        Its shape.

    Returns
    -------
    axis : str
        ``T`` or ``C``, whichever is longer.
    count : int
        How long it is; 1 where there are slices, or nothing that may be some.
    """
    counts = dict(zip(axes, shape, strict=True))
    axis = max("TC", key=lambda each: counts.get(each, 1))
    return axis, 1 if counts.get("Z", 1) > 1 else counts.get(axis, 1)


def swapped(axes: Sequence[str], axis: str) -> str:
    """The names if an axis is Z, and Z, where there is one, is that axis."""
    return "".join({axis: "Z", "Z": axis}.get(each, each) for each in axes)

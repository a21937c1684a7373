"""Boxes of voxels in level 0 of a volume."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Box = tuple[slice, slice, slice]
Region = tuple[slice, ...]
Voxel = tuple[int, int, int]

_RANGE = re.compile(r"(\d{0,15}):(\d{0,15})", re.ASCII)


def box_around(centre: Sequence[int], size: Sequence[int], shape: Sequence[int]) -> Box:
    """A box ``Z Y X`` of at most `size` around a voxel, moved to lie inside `shape`."""
    box = []
    for c, n, whole in zip(centre, size, shape, strict=True):
        n = min(n, whole)
        start = min(max(int(c) - n // 2, 0), whole - n)
        box.append(slice(start, start + n))
    return box[0], box[1], box[2]


def check_box(text: str) -> None:
    """Refuse what is written in another way than `box_in` takes.

    Raises
    ------
    InputError
        If so.
    """
    _ends(text)


def box_in(text: str, shape: Sequence[int], name: str) -> Box:
    """The box that a text means in an image.

    Parameters
    ----------
    text : str
        ``z0:z1,y0:y1,x0:x1`` in voxels, first and last but one, counted from 0; an end that is
        left out is that of the image, and so is z of an image of one slice.
    shape : sequence of int
        Voxels ``(z, y, x)`` of the image.
    name : str
        What to call the image.

    Raises
    ------
    InputError
        If it is no box, or reaches beyond the image.
    """
    ends = _ends(text)
    if len(ends) == 2 and shape[0] == 1:
        ends.insert(0, (None, None))
    if len(ends) != 3:
        raise _no_box(text)
    found = []
    for (first, last), whole, axis in zip(ends, shape, "zyx", strict=True):
        part = slice(first or 0, whole if last is None else last)
        if not part.start < part.stop <= whole:
            raise InputError(
                f"the box {text} takes {axis} from {part.start} to {part.stop}, and {name} has "
                f"{axis} from 0 to {whole}; give a box inside it."
            )
        found.append(part)
    return found[0], found[1], found[2]


def written(box: Sequence[slice]) -> str:
    """A box as `box_in` takes it."""
    return ",".join(f"{part.start}:{part.stop}" for part in box)


def _ends(text: str) -> list[tuple[int | None, int | None]]:
    parts = [_RANGE.fullmatch(part.strip()) for part in text.split(",")]
    if len(parts) not in (2, 3):
        raise _no_box(text)
    found: list[tuple[int | None, int | None]] = []
    for part in parts:
        if part is None:
            raise _no_box(text)
        first, last = (int(end) if end else None for end in part.groups())
        found.append((first, last))
    return found


def _no_box(text: str) -> InputError:
    return InputError(
        f"{text!r} is no box; write it as z0:z1,y0:y1,x0:x1 in voxels, such as 10:20,0:512,0:512, "
        "where an end may be left out."
    )

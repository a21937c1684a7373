"""Boxes of voxels in level 0 of a volume."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def cell_of(voxel: Sequence[int], shape: Sequence[int], most: Sequence[int]) -> Region:
    """The cell that holds a voxel, where a volume is cut evenly into cells.

    Parameters
    ----------
    voxel : sequence of int
        ``(z, y, x)`` inside `shape`.
    shape : sequence of int
        Voxels of the volume.
    most : sequence of int
        Voxels of a cell, at most.
    """
    box = []
    for at, whole, size in zip(voxel, shape, _cell_size(shape, most), strict=True):
        start = int(at) // size * size
        box.append(slice(start, min(start + size, whole)))
    return tuple(box)


def cells_in(box: Region, shape: Sequence[int], most: Sequence[int]) -> list[Region]:
    """The cells, as of `cell_of`, that have a part in a box inside `shape`."""
    sides = [
        range(s.start // size * size, s.stop, size)
        for s, size in zip(box, _cell_size(shape, most), strict=True)
    ]
    return [cell_of(corner, shape, most) for corner in itertools.product(*sides)]


def _cell_size(shape: Sequence[int], most: Sequence[int]) -> list[int]:
    return [math.ceil(whole / math.ceil(whole / n)) for whole, n in zip(shape, most, strict=True)]


def common(one: Region, other: Region) -> Region | None:
    """What two boxes have in common; None where that is nothing."""
    both = tuple(
        slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return both if all(s.start < s.stop for s in both) else None


def holds(box: Region, voxel: Sequence[int]) -> bool:
    """Whether a voxel lies in a box."""
    return all(s.start <= at < s.stop for s, at in zip(box, voxel, strict=True))


def seen_from(box: Region, origin: Sequence[int]) -> Region:
    """A box, counted from another first voxel than that of the volume."""
    return tuple(slice(s.start - o, s.stop - o) for s, o in zip(box, origin, strict=True))


def hull(boxes: Iterable[Region]) -> Region:
    """The smallest box around some boxes, of which there is one at least."""
    sides = zip(*boxes, strict=True)
    return tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in sides)


def corner_of(box: Region) -> tuple[int, ...]:
    """The first voxel of a box."""
    return tuple(s.start for s in box)


def size_of(box: Region) -> tuple[int, ...]:
    """How many voxels a box has along each axis."""
    return tuple(s.stop - s.start for s in box)


def box_of(origin: Sequence[int], shape: Sequence[int]) -> Region:
    """A box from its first voxel and its size."""
    return tuple(slice(o, o + n) for o, n in zip(origin, shape, strict=True))

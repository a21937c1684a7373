"""Boxes of voxels in level 0 of a volume."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Box = tuple[slice, slice, slice]
Region = tuple[slice, ...]
Voxel = tuple[int, int, int]


def box_around(centre: Sequence[int], size: Sequence[int], shape: Sequence[int]) -> Box:
    """A box ``Z Y X`` of at most `size` around a voxel, moved to lie inside `shape`."""
    box = []
    for c, n, whole in zip(centre, size, shape, strict=True):
        n = min(n, whole)
        start = min(max(int(c) - n // 2, 0), whole - n)
        box.append(slice(start, start + n))
    return box[0], box[1], box[2]


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


def box_of(origin: Sequence[int], shape: Sequence[int]) -> Region:
    """A box from its first voxel and its size."""
    return tuple(slice(o, o + n) for o, n in zip(origin, shape, strict=True))

"""Boxes of voxels in level 0 of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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

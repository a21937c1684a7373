"""Where a stored prediction is least sure, by a look over a coarse level of it and a few places."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.tiles import Tiling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Index
    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.lazy import Lazy

    Doubt = Callable[[NDArray[np.float32]], NDArray[np.float32]]

MOST_VOXELS = 2**26  # of the level that is looked over
_AT_ONCE = 2**22
_SURE = 1e-3  # what is less is in no doubt
_ACROSS = 8  # voxels of the level across a place, so that it is still seen


def unsure_boxes(
    levels: Sequence[Lazy], doubt: Doubt, size: Index, most: int = 64
) -> Job[list[Region]]:
    """Find the places of an image that are most in doubt.

    The cost does not grow with the image: of a large one a coarser level is read, and of one that
    has none as coarse, evenly spread parts.

    Parameters
    ----------
    levels : sequence of Lazy
        What is stored, axes ``Z Y X``, the finest first.
    doubt : callable
        How much in doubt each voxel of a block is, 0 where it is sure or nothing is stored.
    size : tuple of int
        Voxels ``(z, y, x)`` of a place in the finest level.
    most : int
        Most places to find.

    Yields
    ------
    Progress
        In parts of the level.

    Returns
    -------
    list of Region
        Places that do not overlap, the most in doubt first; returned by the generator.
    """
    finest = levels[0].shape
    level = _level(levels, size)
    ratio = [n / m for n, m in zip(finest, level.shape, strict=True)]
    cell = [max(1, min(round(s / r), n)) for s, r, n in zip(size, ratio, level.shape, strict=True)]
    parts = Tiling(_index(level.shape), _part(level.shape, cell), stride=_index(cell))
    fits = max(1, MOST_VOXELS // math.prod(parts.core_size))
    chosen = np.unique(np.linspace(0, len(parts) - 1, min(fits, len(parts))).astype(int))
    found: list[tuple[float, tuple[int, ...]]] = []

    def look(region: Region) -> list[tuple[float, tuple[int, ...]]]:
        means = _means(doubt(np.asarray(level[region], np.float32)), cell)
        best = np.argsort(means, axis=None, kind="stable")[::-1][:most]
        corners = np.unravel_index(best, means.shape)
        return [
            (
                float(means[at]),
                tuple(r.start + int(i) * c for r, i, c in zip(region, at, cell, strict=True)),
            )
            for at in zip(*corners, strict=True)
            if means[at] > _SURE
        ]

    for done, index in enumerate(chosen):
        step = Progress(done, len(chosen), "looking over the prediction")
        yield step
        region = parts.core(int(index))
        found += yield from wait_for(in_thread(partial(look, region)), step)
        found = sorted(found, key=lambda one: -one[0])[:most]
    return [_box(corner, cell, ratio, size, finest) for _, corner in found]


def _level(levels: Sequence[Lazy], size: Index) -> Lazy:
    """The coarsest level in which a place is still seen, or a coarser one if that is large."""
    finest = levels[0].shape
    seen = [
        level
        for level in levels
        if all(
            s * m >= _ACROSS * n
            for s, n, m in zip(size[1:], finest[1:], level.shape[1:], strict=True)
        )
    ]
    level = seen[-1] if seen else levels[0]
    smaller = [other for other in levels if other.size <= MOST_VOXELS]
    if level.size <= MOST_VOXELS:
        return level
    return smaller[0] if smaller else levels[-1]


def _part(shape: Sequence[int], cell: Sequence[int]) -> Index:
    """Voxels of what is read at once: whole rows of cells, as many as there is room for."""
    z, y = cell[:2]
    wide = shape[2]
    high = min(shape[1], max(y, _AT_ONCE // (wide * z)))
    deep = min(shape[0], max(z, _AT_ONCE // (wide * high)))
    return deep, high, wide


def _means(block: NDArray[np.float32], cell: Sequence[int]) -> NDArray[np.float32]:
    """Mean of each cell; what is beyond the block counts as sure."""
    beyond = [(0, -n % c) for n, c in zip(block.shape, cell, strict=True)]
    padded = np.pad(block, beyond)
    shape = [k for n, c in zip(padded.shape, cell, strict=True) for k in (n // c, c)]
    means: NDArray[np.float32] = padded.reshape(shape).mean(axis=(1, 3, 5))
    return means


def _box(
    corner: Sequence[int],
    cell: Sequence[int],
    ratio: Sequence[float],
    size: Sequence[int],
    finest: Sequence[int],
) -> Region:
    """A place of the finest level in the middle of a cell."""
    box = []
    for start, n, r, extent, whole in zip(corner, cell, ratio, size, finest, strict=True):
        extent = min(extent, whole)
        first = min(max(round((start + n / 2) * r - extent / 2), 0), whole - extent)
        box.append(slice(first, first + extent))
    return tuple(box)


def _index(values: Sequence[int]) -> Index:
    z, y, x = values
    return (z, y, x)

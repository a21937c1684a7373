"""The brightest voxel along an axis, of stacks of any size, read in blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

# Voxels to look through; of a stack with more, a slab is projected.
MOST_VOXELS = 2**27
_LONGEST_EDGE = 2048
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Projection:
    """Part of a volume, seen along an axis.

    Parameters
    ----------
    values : ndarray
        With the axes of the volume, one voxel along `axis`.
    axis : int
        Which one it is seen along.
    slab : tuple of int
        First slice of the finest level, and the one after the last.
    whole : bool
        Whether that is all of them.
    """

    values: NDArray[np.float32]
    axis: int
    slab: tuple[int, int]
    whole: bool


def slab_around(volume: Volume, axis: int, at: float, most: int = MOST_VOXELS) -> tuple[int, int]:
    """First slice, and the one after the last, of what can be projected about a slice.

    Parameters
    ----------
    volume : Volume
        With the axes ``Z Y X``.
    axis : int
        Along which to project.
    at : float
        Slice in the middle.
    most : int
        Voxels to look through at most; all slices where that is enough.
    """
    level = _level(volume, axis)
    count, factor = volume.shape[axis], volume.shape[axis] / level.shape[axis]
    slices = max(1, most * level.shape[axis] // max(level.size, 1)) * factor
    if slices >= count:
        return 0, count
    first = int(np.clip(round(at - slices / 2), 0, count - slices))
    return first, first + int(slices)


def projected(
    volume: Volume,
    axis: int,
    slab: tuple[int, int],
    dark: bool = False,
    wanted: Callable[[], bool] = lambda: True,
) -> Projection | None:
    """The brightest, or darkest, voxel along an axis.

    Parameters
    ----------
    volume : Volume
        With the axes ``Z Y X``; a coarser level of it is read where the finest is larger than a
        screen.
    axis : int
        Along which to look.
    slab : tuple of int
        First slice of the finest level, and the one after the last.
    dark : bool
        Whether the darkest voxel counts.
    wanted : callable
        Asked before each block is read; once it says no, nothing more is.

    Returns
    -------
    Projection or None
        None where it was not wanted to its end.
    """
    level = _level(volume, axis)
    factor = volume.shape[axis] / level.shape[axis]
    first = min(int(slab[0] / factor), level.shape[axis] - 1)
    last = min(max(first + 1, math.ceil(slab[1] / factor)), level.shape[axis])
    plane = level.size // level.shape[axis]
    step = max(level.chunks[axis], _BLOCK // max(plane, 1), 1)
    choose = np.fmin if dark else np.fmax
    found: NDArray[np.float32] | None = None
    for begin in range(first, last, step):
        if not wanted():
            return None
        region = [slice(None)] * 3
        region[axis] = slice(begin, min(begin + step, last))
        block = _along(level, tuple(region), axis, choose)
        found = block if found is None else choose(found, block)
    assert found is not None
    return Projection(found, axis, slab, slab == (0, volume.shape[axis]))


def _along(
    level: Lazy, region: tuple[slice, ...], axis: int, choose: np.ufunc
) -> NDArray[np.float32]:
    block = np.asarray(level[region])
    return np.asarray(choose.reduce(block, axis=axis, keepdims=True), np.float32)


def _level(volume: Volume, axis: int) -> Lazy:
    """The finest level whose slices are no larger than a screen."""
    for level in volume.levels:
        edges = [n for k, n in enumerate(level.shape) if k != axis]
        if max(edges) <= _LONGEST_EDGE:
            return level
    return volume.levels[-1]

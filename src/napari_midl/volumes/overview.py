"""A look over a volume of any size: blocks that are spread evenly, and those that stand out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

    Block = NDArray[np.float64] | NDArray[np.integer]
    Blocks = list[Block]

MOST_VOXELS = 2**22
_MANY, _FEW = 64, 16
_QUICK = 2**21  # voxels of a chunk that takes little time to decode
_PLACES = 8
_PRIMES = (2, 3, 5, 7, 11)  # an axis each
_NARROW = 2  # bytes of an integer that is not made a float
SEARCHED = 2**30  # voxels of a level to look through, where nothing was found otherwise
_SURELY = 20  # voxels that are no accident
_TIMES_PIECE = 8  # of what is read at once, at most


def overview(volume: Volume, times: int = 1, most: int = MOST_VOXELS) -> Blocks:
    """Intensities of a volume: all of a small one, evenly spread blocks of a large one.

    They are always the same.

    Parameters
    ----------
    volume : Volume
        Any axes.
    times : int
        How many times as many blocks to read of a large one.
    most : int
        Voxels of a small volume, and of all blocks of a large one.

    Returns
    -------
    list of ndarray
        With the axes of the volume, the last two Y and X; float64, or integers of up to 16 bits
        as they are.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    regions = _spread(volume.data, volume.axes, times, most)
    return [_read(volume.data, region) for region in regions]


def standing_out(volume: Volume) -> Blocks:
    """Blocks of the finest level where the coarsest one differs most from what is common.

    Parameters
    ----------
    volume : Volume
        With a pyramid.

    Returns
    -------
    list of ndarray
        As from `overview`, a few.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    finest = _Finest(volume)
    coarsest = volume.levels[-1]
    reach = [math.ceil(e / r) for e, r in zip(finest.edges, finest.ratio, strict=True)]
    found: list[tuple[float, Region]] = []
    for region in _spread(coarsest, volume.axes):
        away = _from_common(_read(coarsest, region))
        for _ in range(_PLACES):
            flat = np.argmax(away)
            place = [int(i) for i in np.unravel_index(flat, away.shape)]
            found.append((float(away.flat[flat]), finest.block(region, place)))
            # What lies in the same block is read with it.
            around = zip(place, reach, strict=True)
            away[tuple(slice(max(0, i - n), i + n + 1) for i, n in around)] = 0
    found.sort(key=lambda one: -one[0])
    return [_read(volume.data, block) for away, block in found[:_PLACES] if away > 0]


def searched(volume: Volume) -> Blocks:
    """Blocks of the finest level where the coarsest one is not the same all over.

    For volumes of which all that `overview` sees has one value. All of the coarsest level is
    looked through, or much of a very large one, until enough is found.

    Parameters
    ----------
    volume : Volume
        Any axes.

    Returns
    -------
    list of ndarray
        As from `overview`, a few; empty where nothing is found.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    finest, coarsest = _Finest(volume), volume.levels[-1]
    sides = _edges(coarsest, volume.axes, MOST_VOXELS)
    pieces = [
        max(c, min(n, e // c * c))
        for c, n, e in zip(coarsest.chunks, coarsest.shape, sides, strict=True)
    ]
    if math.prod(pieces) > _TIMES_PIECE * MOST_VOXELS:
        # One chunk is all there is, as where an array is mapped from a file.
        pieces = [min(n, e) for n, e in zip(coarsest.shape, sides, strict=True)]
    grid = [math.ceil(n / p) for n, p in zip(coarsest.shape, pieces, strict=True)]
    most = max(1, SEARCHED // math.prod(pieces))
    # In no order, so that what is looked at first, or at all, is spread over the whole.
    order = np.random.default_rng(0).permutation(math.prod(grid))[:most]
    found: Blocks = []
    for index in order:
        corner = np.unravel_index(int(index), grid)
        region = tuple(
            slice(int(i) * p, min((int(i) + 1) * p, n))
            for i, p, n in zip(corner, pieces, coarsest.shape, strict=True)
        )
        voxels = np.asarray(coarsest[region])
        others = np.flatnonzero((voxels != voxels.flat[0]) & np.isfinite(voxels))
        if len(others) < _SURELY:
            continue
        place = np.unravel_index(others[len(others) // 2], voxels.shape)
        found.append(_read(volume.data, finest.block(region, [int(i) for i in place])))
        if len(found) == _PLACES:
            break
    return found


class _Finest:
    """The finest level of a pyramid, as it is seen from the coarsest one."""

    def __init__(self, volume: Volume) -> None:
        self._shape = volume.data.shape
        self.edges = _edges(volume.data, volume.axes, MOST_VOXELS // _MANY)
        coarsest = volume.levels[-1].shape
        self.ratio = [n / m for n, m in zip(self._shape, coarsest, strict=True)]

    def block(self, region: Region, place: Sequence[int]) -> Region:
        """The block around a place in a region of the coarsest level."""
        at = zip(place, region, self.ratio, strict=True)
        middle = [int((i + part.start + 0.5) * r) for i, part, r in at]
        return _block(self._shape, self.edges, middle)


def _from_common(block: Block) -> NDArray[np.float64]:
    """How far each voxel is from the median; 0 where it is no number."""
    known = np.isfinite(block)
    if not known.any():
        return np.zeros(block.shape)
    return np.where(known, np.abs(block - np.median(block[known])), 0)


def _read(level: Lazy, region: Region) -> Block:
    voxels = np.asarray(level[region])
    # Of eight bits the look takes a third of the time that it takes of 64.
    narrow = voxels.dtype.kind in "ui" and voxels.dtype.itemsize <= _NARROW
    return voxels if narrow else np.asarray(voxels, np.float64)


def _spread(
    level: Lazy, axes: Sequence[str], times: int = 1, most: int = MOST_VOXELS
) -> list[Region]:
    """Regions of a level, evenly spread: all of a small one."""
    if level.size <= times * most:
        return [tuple(slice(0, n) for n in level.shape)]
    count = _MANY if math.prod(level.chunks) <= _QUICK else _FEW
    edges = _edges(level, axes, most // count)
    points = zip(*(_halton(times * count, base) for base in _PRIMES[: level.ndim]), strict=True)
    places = ([int(p * n) for p, n in zip(point, level.shape, strict=True)] for point in points)
    return [_block(level.shape, edges, place) for place in places]


def _halton(count: int, base: int) -> list[float]:
    """Numbers from 0 to 1 that are spread evenly, also together with those of other primes.

    Those of scipy, whose module takes half a second to import while a person waits for a line.
    """
    found = []
    for number in range(count):
        value, digit = 0.0, 1.0
        rest = number
        while rest:
            digit /= base
            value += digit * (rest % base)
            rest //= base
        found.append(value)
    return found


def _block(shape: Sequence[int], edges: Sequence[int], place: Sequence[int]) -> Region:
    """The block around a place, on a grid that mostly is that of the chunks too."""
    starts = [min(p // e * e, n - e) for p, e, n in zip(place, edges, shape, strict=True)]
    return tuple(slice(s, s + e) for s, e in zip(starts, edges, strict=True))


def _edges(level: Lazy, axes: Sequence[str], voxels: int) -> list[int]:
    """Edges of a block of about `voxels` voxels, as near a cube as the level allows.

    They are powers of two, as those of chunks mostly are. Only one time and channel, and only
    one plane where the file is stored by planes: a cube would then read as many planes as it has.
    """
    longest = [
        n if axis in "ZYX" and chunk > 1 else 1
        for axis, n, chunk in zip(axes, level.shape, level.chunks, strict=True)
    ]
    edges = [1] * level.ndim
    left = float(voxels)
    for count, i in enumerate(sorted(range(level.ndim), key=lambda i: longest[i])):
        wanted = max(1.0, left ** (1 / (level.ndim - count)))
        edges[i] = min(longest[i], 2 ** int(math.log2(wanted)))
        left /= edges[i]
    return edges

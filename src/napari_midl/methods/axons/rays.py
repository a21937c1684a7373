"""The fibre that a click into a 3D view means: the brightest place on the ray from the eye."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

    Points = NDArray[np.float64]

# A ray of more voxels is looked along in a coarser level first.
LONGEST = 1500
# Voxels that are read at once: a slanting ray is cut into pieces, whose boxes are small.
MOST_AT_ONCE = 2**18
_STEP, _SMOOTH = 0.5, 2.0
# One bright voxel is noise; a fibre is bright around the ray too.
_AROUND = np.array([(0, 0, 0), (0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0)], float)


def brightest_on_ray(
    volume: Volume, start: Sequence[float], end: Sequence[float], dark: bool = False
) -> tuple[float, float, float]:
    """Voxel ``(z, y, x)`` of the brightest, or darkest, place between two voxels of a volume.

    Only what lies about the ray is read: of a long one at a coarse level, and of the finest
    level what is near the place that was found there.
    """
    first, last = np.asarray(start, float), np.asarray(end, float)
    finest = np.array(volume.shape, float)
    for level in _fitting(volume, float(np.abs(last - first).max())):
        shrunk = finest / np.array(level.shape)
        # Voxel centres: the middle of a coarse voxel is that of the voxels in it.
        a, b = ((place + 0.5) / shrunk - 0.5 for place in (first, last))
        found, reach = _brightest(level, a, b, dark)
        place = (found + 0.5) * shrunk - 0.5
        way = (last - first) / max(float(np.abs(last - first).max()), 1e-9)
        # In the next, finer level it lies within a voxel of this one.
        near = float(shrunk.max()) * reach
        along = float((place - first) @ way / max(float(way @ way), 1e-9))
        longest = float(np.abs(last - first).max())
        low, high = max(along - near, 0.0), min(along + near, longest)
        first, last = first + low * way, first + high * way
    z, y, x = np.clip(place, 0, finest - 1).tolist()
    return z, y, x


def _fitting(volume: Volume, length: float) -> list[Lazy]:
    """The coarsest level to begin with, and the finest."""
    levels = [level for level in volume.levels if len(level.shape) == 3]
    finest = levels[0]
    fit = [lv for lv in levels if length * max(lv.shape) / max(finest.shape) <= LONGEST]
    begin = fit[0] if fit else levels[-1]
    return [finest] if begin is finest else [begin, finest]


def _brightest(level: Lazy, start: Points, end: Points, dark: bool) -> tuple[Points, float]:
    """Where the ray is brightest, and within how many voxels that is certain."""
    count = max(2, int(np.ceil(float(np.abs(end - start).max()) / _STEP)) + 1)
    samples = start + (end - start) * np.linspace(0, 1, count)[:, None]
    bright = np.concatenate([_values(level, part) for part in _pieces(samples)])
    bright = ndimage.gaussian_filter1d(-bright if dark else bright, _SMOOTH, mode="nearest")
    return samples[int(bright.argmax())], _SMOOTH


def _pieces(samples: Points) -> Iterator[Points]:
    """Parts of a ray whose boxes hold at most `MOST_AT_ONCE` voxels."""
    box = np.prod(np.ptp(samples, axis=0) + 4)
    if box <= MOST_AT_ONCE or len(samples) < 4:
        yield samples
        return
    half = len(samples) // 2
    yield from _pieces(samples[:half])
    yield from _pieces(samples[half:])


def _values(level: Lazy, samples: Points) -> NDArray[np.float64]:
    """Intensities at places on a ray, each the mean of what is around it."""
    highest = np.array(level.shape) - 1
    low = np.clip(np.floor(samples.min(0)) - 1, 0, highest).astype(int)
    high = np.clip(np.ceil(samples.max(0)) + 1, 0, highest).astype(int) + 1
    region = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    voxels = np.nan_to_num(np.asarray(level[region], np.float64))
    tube = (samples[:, None] + _AROUND - low).reshape(-1, 3).T
    found = ndimage.map_coordinates(voxels, tube, order=1, mode="nearest")
    return np.asarray(found.reshape(len(samples), -1).mean(1))

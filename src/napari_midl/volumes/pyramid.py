"""Which levels a pyramid has, and how a coarser level is made from the one above it."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SMALLEST_PLANE = 256
_SMALLEST_CHUNK = 128


@dataclass(frozen=True)
class Level:
    """Shape, physical step and chunk of one level, one number an axis."""

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    chunks: tuple[int, ...]


def plan(
    axes: Sequence[str],
    shape: Sequence[int],
    scale: Sequence[float],
    chunks: Sequence[int],
    levels: int | Literal["auto"] = "auto",
) -> list[Level]:
    """Levels of an image, finest first.

    Planes halve, and Z where that keeps voxels nearer cubes. Chunks halve with them down to
    128, so that a chunk of one level feeds whole chunks of the next as long as they are large.

    Parameters
    ----------
    axes : sequence of str
        A subset of ``T C Z Y X``, with Y and X.
    shape, scale, chunks
        Of the finest level, along `axes`.
    levels : int or "auto"
        How many; "auto" ends with a plane of at most 256 x 256.
    """
    made = [
        Level(
            tuple(int(n) for n in shape),
            tuple(float(s) for s in scale),
            tuple(max(1, min(int(c), int(n))) for c, n in zip(chunks, shape, strict=True)),
        )
    ]
    plane = [axes.index("Y"), axes.index("X")]
    while True:
        last = made[-1]
        large = max(last.shape[i] for i in plane) > SMALLEST_PLANE
        if not (large if levels == "auto" else len(made) < levels):
            return made
        halve = set(plane)
        if "Z" in axes and last.scale[axes.index("Z")] < 1.5 * min(last.scale[i] for i in plane):
            halve.add(axes.index("Z"))
        factors = [2 if i in halve and n > 1 else 1 for i, n in enumerate(last.shape)]
        small = [-(-n // f) for n, f in zip(last.shape, factors, strict=True)]
        made.append(
            Level(
                tuple(small),
                tuple(s * f for s, f in zip(last.scale, factors, strict=True)),
                tuple(
                    min(n, max(c // f, min(c, _SMALLEST_CHUNK)))
                    for c, f, n in zip(last.chunks, factors, small, strict=True)
                ),
            )
        )


def mean(block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Mean over boxes of `factors` voxels; the last plane stands in for one that is missing."""
    exact = block.dtype.kind in "bf" or block.dtype.itemsize < 3
    wide = np.float32 if exact and block.dtype.itemsize < 8 else np.float64
    pad = [(0, -n % f) for n, f in zip(block.shape, factors, strict=True)]
    if any(after for _, after in pad):
        block = np.pad(block, pad, mode="edge")
    # Adding the corners in turn, not numpy's mean, whose order of sums depends on the shape.
    small = [n // f for n, f in zip(block.shape, factors, strict=True)]
    total: NDArray[Any] = np.zeros(small, wide)
    for corner in itertools.product(*map(range, factors)):
        total += block[tuple(slice(c, None, f) for c, f in zip(corner, factors, strict=True))]
    total /= math.prod(factors)
    return total if block.dtype.kind == "f" else np.rint(total)


def mean_of_filled(block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Mean as by `mean`, of whole numbers, without what is 0 in all channels.

    Parameters
    ----------
    block : ndarray of int, shape (C, ..., Y, X)
        A voxel of zeros alone is a hole.
    factors : sequence of int
        One an axis; that of the channels is 1.
    """
    filled = mean(np.any(block, axis=0, keepdims=True).astype(np.float32), factors)
    total = mean(block.astype(np.float32), factors)
    return np.rint(total / np.where(filled > 0, filled, 1))


def stride(block: NDArray[Any], factors: Sequence[int]) -> NDArray[Any]:
    """Keep the first voxel of each box, as labels have no mean."""
    return block[tuple(slice(None, None, f) for f in factors)]

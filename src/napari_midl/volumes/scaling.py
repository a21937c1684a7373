"""Intensities to [0, 1] by robust percentiles, so that one hot pixel cannot dim everything."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.volume import Volume

MOST_VOXELS = 2**22


@dataclass(frozen=True)
class Scaling:
    """Maps `low` to 0 and `high` to 1, and cuts off what lies beyond.

    Parameters
    ----------
    low, high : float
        Intensities in the image's own unit.
    """

    low: float
    high: float

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Scale a block of any shape to float32; not-a-number becomes 0."""
        scaled: NDArray[np.float32] = np.asarray(block, np.float32) - np.float32(self.low)
        scaled /= np.float32(self.high - self.low)
        np.clip(scaled, 0, 1, out=scaled)
        scaled[np.isnan(scaled)] = 0
        return scaled


def robust_scaling(
    volume: Volume, percentiles: tuple[float, float] = (0.5, 99.8), blocks: int = 16
) -> Scaling:
    """Measure the scaling of a volume on a sample of it.

    Small volumes are measured whole. Of large ones `blocks` blocks are read, spread evenly
    through level 0 and always the same, so that time and memory do not grow with the volume.

    Parameters
    ----------
    volume : Volume
        Any axes.
    percentiles : (float, float)
        Percentiles of the sampled intensities that become 0 and 1.
    blocks : int
        Blocks to read of a large volume.

    Returns
    -------
    Scaling
        With ``low < high``.

    Raises
    ------
    InputError
        If the volume is empty or damaged, holds no intensities or only NaN, or is flat.
    """
    if math.prod(volume.shape) == 0:
        raise InputError(f"{volume.name} is empty (shape {volume.shape}); choose another image.")
    if volume.data.dtype.kind not in "buif":
        raise InputError(
            f"{volume.name} holds {volume.data.dtype} values, no intensities; "
            "convert it to integers or floats."
        )
    sampled = sample(volume, blocks)
    finite = sampled[np.isfinite(sampled)]
    if not finite.size:
        raise InputError(f"{volume.name} holds no numbers, only NaN; export it again.")
    # Rounding inwards leaves out a single outlier even where there are few voxels.
    low = float(np.percentile(finite, percentiles[0], method="higher"))
    high = float(np.percentile(finite, percentiles[1], method="lower"))
    if not low < high:
        # A sparse image may hold its signal beyond the percentiles.
        low, high = float(finite.min()), float(finite.max())
    if low == high:
        raise InputError(f"{volume.name} is {low:g} everywhere; choose an image with contrast.")
    return Scaling(low, high)


def sample(volume: Volume, blocks: int = 16) -> NDArray[np.float32]:
    """Intensities of a volume: all of a small one, evenly spread blocks of a large one.

    Raises
    ------
    InputError
        If they cannot be decoded.
    """
    data = volume.data
    if data.size <= MOST_VOXELS:
        return np.asarray(volume.read((slice(None),) * data.ndim), np.float32)
    from scipy.stats import qmc  # slow to import, and small volumes do without

    edges = _edges(volume, MOST_VOXELS // blocks)
    boxes = []
    # Halton points fill the volume evenly, and are the same each time.
    for point in qmc.Halton(data.ndim, scramble=False).random(blocks):
        starts = [int(p * (n - e + 1)) for p, n, e in zip(point, data.shape, edges, strict=True)]
        boxes.append(tuple(slice(s, s + e) for s, e in zip(starts, edges, strict=True)))
    return np.concatenate([np.asarray(b, np.float32).ravel() for b in map(volume.read, boxes)])


def _edges(volume: Volume, voxels: int) -> list[int]:
    """Edges of a block of about `voxels` voxels, as near a cube as the volume allows.

    Only one time and channel, and only one plane where the file is stored by planes: a cube
    would then read as many planes as it has.
    """
    data = volume.data
    longest = [
        n if axis in "ZYX" and chunks > 1 else 1
        for axis, n, chunks in zip(volume.axes, data.shape, data.chunks, strict=True)
    ]
    edges = [1] * data.ndim
    left = float(voxels)
    by_length = sorted(range(data.ndim), key=lambda i: longest[i])
    for count, i in enumerate(by_length):
        edges[i] = max(1, min(longest[i], int(left ** (1 / (data.ndim - count)))))
        left /= edges[i]
    return edges

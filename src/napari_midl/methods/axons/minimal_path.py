"""The classical second opinion: minimal-cost paths over a ridge filter, by scikit-image.

On the same interface as the learnt tracker. Between two ends it is the path of least cost;
from one seed it is the path to the place, a given way ahead, that is cheapest to reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.filters import sato
from skimage.graph import MCP_Geometric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

# Just above 1: up to there scikit-image takes ten times as many taps.
WIDTHS = (1.01, 2.0)


def cost(image: NDArray[np.float32], widths: Sequence[float] = WIDTHS) -> NDArray[np.float64]:
    """Cost of a voxel: low on bright ridges of the given widths (standard deviations, px)."""
    ridge = sato(image, sigmas=widths, black_ridges=False, mode="reflect")
    scale = np.percentile(ridge, 99.5)
    return np.asarray(1 / (0.02 + np.clip(ridge / max(float(scale), 1e-12), 0, 1)))


def between(
    costs: NDArray[np.float64],
    start: ArrayLike,
    end: ArrayLike,
    spacing: Sequence[float],
) -> NDArray[np.float64]:
    """Path ``(n, d)`` of least cost between two voxels, in voxels, slightly smoothed."""
    mcp = MCP_Geometric(costs, sampling=tuple(spacing))
    last = tuple(_inside(end, costs.shape))
    mcp.find_costs([tuple(_inside(start, costs.shape))], [last])
    return _smooth(np.asarray(mcp.traceback(last), float))


def ahead(
    costs: NDArray[np.float64],
    start: ArrayLike,
    aim: ArrayLike,
    spacing: Sequence[float],
) -> NDArray[np.float64]:
    """Path of least mean cost from a voxel to the border, past a place that says the way.

    Only voxels within 60 degrees of that way are ends; of those on the border the one
    with the least cost a px wins.
    """
    first = _inside(start, costs.shape)
    mcp = MCP_Geometric(costs, sampling=tuple(spacing))
    reached, _ = mcp.find_costs([tuple(first)])
    border = np.ones(costs.shape, bool)
    border[tuple(slice(1, -1) if n > 2 else slice(None) for n in costs.shape)] = False
    ends = np.argwhere(border)
    way = (ends - first) * np.asarray(spacing)
    length = np.linalg.norm(way, axis=1)
    wanted = (np.asarray(aim, float) - np.asarray(start, float)) * np.asarray(spacing)
    heading = wanted / max(float(np.linalg.norm(wanted)), 1e-12)
    forward = way @ heading >= 0.5 * np.maximum(length, 1e-9)
    ends, length = ends[forward & (length > 0)], length[forward & (length > 0)]
    if not len(ends):
        return first[None].astype(float)
    mean = np.array([reached[tuple(e)] for e in ends]) / length
    return _smooth(np.asarray(mcp.traceback(tuple(ends[int(mean.argmin())])), float))


def _inside(point: ArrayLike, shape: Sequence[int]) -> NDArray[np.int64]:
    return np.clip(np.rint(point), 0, np.array(shape) - 1).astype(int)


def _smooth(path: NDArray[np.float64], width: float = 2.0) -> NDArray[np.float64]:
    if len(path) < 3:
        return path
    smooth = ndimage.gaussian_filter1d(path, width, axis=0, mode="nearest")
    smooth[[0, -1]] = path[[0, -1]]
    return np.asarray(smooth)

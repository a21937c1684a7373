"""What traces lie on: their labelled fibre, something else, nothing, or the edge of the image.

Of the shared tiles only one or two fibres are labelled; others are real. So what lies beside and
beyond the labelled one is told apart by a local test that no tracker uses: whether the image is
brighter under the trace than on both sides of it, more than under short straight lines laid
through the surroundings at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_midl.methods.axons.score import NEAR
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING = 0.5
# In px: within two steps of the border a stretch of so many that is nearly parallel is along it.
EDGE, STRETCH, PARALLEL = 6.0, 12.0, 0.25
# The piece over which contrast is averaged, how far beside a trace its ground is looked for, and
# the lines laid at random about each piece.
_PIECE, _SIDES, _ABOUT, _LINES = 15, ((3.0, 5.0), (7.0, 9.0), (12.0, 15.0)), 80, 300
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class Ground:
    """Shares of a trace's length; those of what is not on the labelled fibre sum up with it to 1.

    Parameters
    ----------
    on : float
        Within 3 px of the labelled fibre.
    off : float
        Further away, between its ends.
    beyond_edge, beyond_nothing, beyond_something : float
        Further away, beyond its ends: along the image's edge, on no signal, on some signal.
    edge : float
        Along the image's edge, wherever it is, but on the fibre.
    """

    on: float
    off: float
    beyond_edge: float
    beyond_nothing: float
    beyond_something: float
    edge: float


@dataclass(frozen=True)
class Places:
    """Of points every half pixel along a trace, what each lies on.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        In px.
    on, off, edge, signal : ndarray of bool, shape (n,)
        Near the labelled fibre; away from it between its ends; along the edge; on some signal.
    """

    points: NDArray[np.float64]
    on: NDArray[np.bool_]
    off: NDArray[np.bool_]
    edge: NDArray[np.bool_]
    signal: NDArray[np.bool_]

    def ground(self) -> Ground:
        """Shares of the length."""
        beyond = ~self.on & ~self.off
        edge = self.edge & ~self.on
        parts = (
            self.on,
            self.off,
            beyond & edge,
            beyond & ~edge & ~self.signal,
            beyond & ~edge & self.signal,
            edge,
        )
        return Ground(*(float(part.mean()) for part in parts))


def places(
    trace: NDArray[np.float64], line: NDArray[np.float64], image: NDArray[np.float32]
) -> Places:
    """What a trace ``(n, 2)`` lies on in an image, one of whose fibres is a line ``(m, 2)``."""
    points = resample(trace, SPACING)
    away, nearest = cKDTree(line).query(points)
    on = away <= NEAR
    between = (nearest > 0) & (nearest < len(line) - 1)
    return Places(
        points, on, ~on & between, along_edge(points, image.shape), on_signal(points, image)
    )


def along_edge(points: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether each point is within two steps of the border and runs nearly parallel to it."""
    reach = int(STRETCH / SPACING / 2)
    k = np.arange(len(points))
    way = points[np.minimum(k + reach, k[-1])] - points[np.maximum(k - reach, 0)]
    way = np.abs(way) / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
    near = np.minimum(points, np.array(shape) - 1 - points) < EDGE
    return np.asarray((near & (way < PARALLEL)).any(axis=1))


def on_signal(points: NDArray[np.float64], image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether the image is brighter under each point than beside it, beyond chance."""
    rng = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(image.astype(float), 0.7)
    every = ndimage.uniform_filter1d(
        _contrast(points, _ways(points), smooth), int(_PIECE / SPACING), axis=0, mode="nearest"
    )
    signal = np.zeros(len(points), bool)
    along = np.arange(_PIECE) - _PIECE // 2
    for begin in range(0, len(points), 4 * _PIECE):
        piece = slice(begin, begin + 4 * _PIECE)
        middle = points[piece].mean(axis=0) + rng.uniform(-_ABOUT, _ABOUT, (_LINES, 2))
        middle = np.clip(middle, 10, np.array(image.shape) - 11)
        angles = rng.uniform(0, np.pi, _LINES)
        ways = np.stack([np.sin(angles), np.cos(angles)], 1)
        lines = middle[:, None] + along[None, :, None] * ways[:, None]
        ways = np.repeat(ways, _PIECE, axis=0)
        chance = _contrast(lines.reshape(-1, 2), ways, smooth)
        chance = chance.reshape(_LINES, _PIECE, -1).mean(axis=1)
        usual = np.median(chance, axis=0)
        deviation = 1.4826 * np.median(np.abs(chance - usual), axis=0)
        signal[piece] = (every[piece] > usual + _DEVIATIONS * deviation).any(axis=1)
    return signal


def _ways(points: NDArray[np.float64]) -> NDArray[np.float64]:
    way = np.gradient(points, axis=0) if len(points) > 1 else np.ones(points.shape)
    return np.asarray(way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9))


def _contrast(
    points: NDArray[np.float64], ways: NDArray[np.float64], image: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much brighter each point ``(n, 2)`` is than its brighter side: ``(n, widths)``."""
    across = np.stack([-ways[:, 1], ways[:, 0]], 1)

    def at(shift: float) -> NDArray[np.float64]:
        where = (points + shift * across).T
        return np.asarray(ndimage.map_coordinates(image, where, order=1, mode="reflect"))

    middle = np.mean([at(s) for s in (-1.0, 0.0, 1.0)], axis=0)
    contrast = []
    for sides in _SIDES:
        left, right = (np.mean([at(side * s) for s in sides], axis=0) for side in (-1, 1))
        contrast.append(middle - np.maximum(left, right))
    return np.stack(contrast, 1)

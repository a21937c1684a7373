"""Traces as the straight pieces that are drawn, and which of them is under the mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.widgets.axons.seen import Depth, Seen

    Floats = NDArray[np.float64]

# A slice away counts as so many pixels away.
_PIXELS_A_SLICE = 0.4


@dataclass(frozen=True, eq=False)
class Polylines:
    """Pieces of all traces, one below the other.

    Parameters
    ----------
    starts, ends : ndarray, shape (n, d)
        Voxels.
    colours : ndarray, shape (n, 4)
        Red, green, blue and how opaque, from 0 to 1.
    owners : ndarray of int, shape (n,)
        Which trace a piece is of, counted from 0.
    nodes : ndarray of int, shape (n,)
        Which point of its trace it begins at.
    """

    starts: Floats
    ends: Floats
    colours: Floats
    owners: NDArray[np.int64]
    nodes: NDArray[np.int64]

    @classmethod
    def of(cls, lines: Sequence[Floats], colours: Sequence[Floats], ndim: int) -> Polylines:
        """From the points ``(m, d)`` and their colours ``(m, 4)`` of each line."""
        counts = [max(len(line) - 1, 0) for line in lines]
        none = np.zeros((0, ndim))
        return cls(
            np.concatenate([none, *(line[:-1] for line in lines)]),
            np.concatenate([none, *(line[1:] for line in lines)]),
            np.concatenate([np.zeros((0, 4)), *(colour[:-1] for colour in colours)]),
            np.repeat(np.arange(len(lines)), counts),
            np.concatenate([np.zeros(0, np.int64), *(np.arange(count) for count in counts)]),
        )

    def only(self, kept: NDArray[np.int64]) -> Polylines:
        """Some of the pieces."""
        return Polylines(
            self.starts[kept],
            self.ends[kept],
            self.colours[kept],
            self.owners[kept],
            self.nodes[kept],
        )

    def thinned(self, every: int) -> Polylines:
        """The same traces with every so many of their points, and their ends."""
        first = np.flatnonzero(self.nodes % every == 0)
        begins = np.flatnonzero(self.nodes == 0)
        counts = np.diff(np.append(begins, len(self.nodes)))
        final = np.repeat(begins + counts - 1, counts)
        last = np.minimum(first + every - 1, final[first])
        return Polylines(
            self.starts[first],
            self.ends[last],
            self.colours[first],
            self.owners[first],
            self.nodes[first],
        )

    def opaque(self, view: Seen, depth: Depth) -> Floats:
        """How much of each piece is seen from the slice in view, from 0 to 1."""
        if not view.hidden.any() or not len(self.starts):
            return np.ones(len(self.starts))
        apart = np.minimum(view.apart(self.starts), view.apart(self.ends))
        return depth.opaque(apart)


@dataclass(frozen=True)
class Under:
    """What is under the mouse.

    Parameters
    ----------
    owner : int
        Which trace.
    node : int
        Its nearest point, as it is seen.
    pixels : float
        How far away on the canvas.
    """

    owner: int
    node: int
    pixels: float


def under(
    lines: Polylines,
    view: Seen,
    place: Floats,
    depth: Depth,
    preferred: Sequence[int] = (),
    ahead: float = 0.0,
) -> Under | None:
    """The trace that is nearest on the canvas to a voxel ``(d,)``.

    Of two that are about as near, that wins which lies nearer to the slice in view.

    Parameters
    ----------
    lines : Polylines
        The traces.
    view : Seen
        How they are looked at.
    place : ndarray, shape (d,)
        A voxel that is seen where the mouse is.
    depth : Depth
        Within how many slices traces are seen.
    preferred : sequence of int
        Traces that win although others are nearer.
    ahead : float
        By at most so many pixels.
    """
    kept = np.flatnonzero(lines.opaque(view, depth) > 0)
    if not len(kept):
        return None
    here = view.pixels(place[None])
    start = view.pixels(lines.starts[kept]) - here
    way = view.pixels(lines.ends[kept]) - here - start
    length = np.einsum("ij,ij->i", way, way)
    share = np.clip(-np.einsum("ij,ij->i", start, way) / np.maximum(length, 1e-12), 0, 1)
    pixels = np.linalg.norm(start + share[:, None] * way, axis=1)
    far = pixels + _PIXELS_A_SLICE * view.apart(lines.starts[kept])
    far = far - ahead * np.isin(lines.owners[kept], preferred)
    best = int(far.argmin())
    piece = kept[best]
    node = int(lines.nodes[piece] + (share[best] > 0.5))
    return Under(int(lines.owners[piece]), node, float(pixels[best]))

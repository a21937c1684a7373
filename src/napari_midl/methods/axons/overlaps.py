"""Which fibres are traced already: the trace at a place, and what of a new trace is new."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from napari_midl.volumes.traces import Link, Trace, resample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.entries import Entry

T = TypeVar("T", "Entry", Trace)

# A fibre of width 1 is about four px across; what is within three of its middle is on it.
ON_IT = 3.0
# Times that radius: what runs along a trace for less only crosses it, and what leaves it for less
# is no fibre of its own.
_CROSSING, _LEAST = 4.0, 5.0
_PARALLEL = 0.8
# What is new of a trace is not what was clicked, where it lies so many times that radius farther.
_MEANT = 2.0
# An end so near to a trace, in those radii, or a little further and heading for it as straight as
# that cosine, grows from there; nobody has seen it, so that it is as doubtful as that.
_TOUCHES, _NEAR, _TOWARDS, _GUESSED = 1.5, 2.0, 0.6, 0.6
_SPACING = 1.0
_TANGENT = 3


def traced_at(
    known: Iterable[T],
    place: Sequence[float],
    radius: float = ON_IT,
    voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
) -> T | None:
    """The trace on which a place lies.

    Parameters
    ----------
    known : iterable of Trace or Entry
        Where to look.
    place : sequence of float
        Voxel ``(z, y, x)``.
    radius : float
        How far from the place a trace may run, in pixels along x.
    voxel_size : sequence of float
        Size ``(z, y, x)`` of a voxel, in any unit.

    Returns
    -------
    Trace or Entry or None
        The nearest; None where there is none within the radius.
    """
    size = np.asarray(voxel_size, float) / voxel_size[-1]
    nearest, found = radius, None
    for item in known:
        trace = item if isinstance(item, Trace) else item.trace
        away = _distance(trace.points * size, np.asarray(place, float) * size)
        if away <= nearest:
            nearest, found = away, item
    return found


def _distance(line: NDArray[np.float64], place: NDArray[np.float64]) -> float:
    """Of a place from a polyline ``(n, d)``; its nodes may lie far apart."""
    if len(line) < 2:
        return float(np.linalg.norm(line - place, axis=1).min(initial=np.inf))
    begin, way = line[:-1], np.diff(line, axis=0)
    along = ((place - begin) * way).sum(1) / np.maximum((way**2).sum(1), 1e-12)
    feet = begin + np.clip(along, 0, 1)[:, None] * way
    return float(np.linalg.norm(feet - place, axis=1).min())


class Traced:
    """Traces of an image, asked by many places at once.

    Parameters
    ----------
    spacing : sequence of float
        Size ``(z, y, x)`` of a voxel, in pixels along x.
    traces : iterable of Trace
        What is there to begin with.
    """

    def __init__(self, spacing: Sequence[float], traces: Iterable[Trace] = ()) -> None:
        self._spacing = np.asarray(spacing, float)
        self.traces: list[Trace] = []
        self._lines: list[NDArray[np.float64]] = []
        self.add(*traces)

    def add(self, *traces: Trace) -> None:
        """Add traces as they are."""
        new = [trace for trace in traces if len(trace.points) > 1]
        self.traces += new
        self._lines += [resample(trace.points * self._spacing, _SPACING) for trace in new]
        if self._lines:
            self._tree = cKDTree(np.concatenate(self._lines))
            self._ways = np.concatenate([_tangents(line) for line in self._lines])
            self._owners = np.repeat(np.arange(len(self._lines)), [len(p) for p in self._lines])

    def at(self, places: NDArray[np.float64], radius: float) -> list[Trace | None]:
        """The trace within a radius, in px, of each voxel ``(n, 3)``; None where none is."""
        if not self._lines:
            return [None] * len(places)
        away, nearest = self._tree.query(places * self._spacing)
        return [
            self.traces[self._owners[k]] if far <= radius else None
            for far, k in zip(away, nearest, strict=True)
        ]

    def take(self, trace: Trace, radius: float, at: Sequence[float] | None = None) -> list[Trace]:
        """Add what is new of a trace, and give it, the longest piece first.

        What runs within a radius, in px, along what is there is left out; a crossing is not. What
        ends at a trace, or just before it, grows from it, which is marked as doubtful. Where a
        voxel was meant, and nothing is new at the point of the trace next to it, nothing is taken.
        """
        new = [self._guessed(piece, radius) for piece in self._new(trace, radius)]
        if new and at is not None:
            reach = self._away(at, trace) + _MEANT * radius
            if min(self._away(at, piece) for piece in new) > reach:
                return []
        self.add(*new)
        return new

    def nearest_of(self, place: Sequence[float], trace: Trace, radius: float) -> Trace | None:
        """Of what lies within a radius, in px, of a trace, that which comes nearest to a voxel."""
        met = {other.path: other for other in self.at(trace.points, radius) if other is not None}
        return min(met.values(), key=lambda other: self._away(place, other), default=None)

    def _away(self, place: Sequence[float], trace: Trace) -> float:
        return _distance(trace.points * self._spacing, np.asarray(place) * self._spacing)

    def shares(self, trace: Trace, radius: float) -> bool:
        """Whether a trace follows a fibre that is there for longer than a crossing would."""
        if len(trace.points) < 2 or not self._lines:
            return False
        line = resample(trace.points * self._spacing, _SPACING)
        along = self._along(line, radius)
        return any(end - begin >= _CROSSING * radius / _SPACING for begin, end in _runs(along))

    def before_shared(self, trace: Trace, radius: float) -> int:
        """How many points of a trace come before it follows a fibre that is there, or ends on it.

        A crossing is passed over, and so is where it begins beside the fibre that it leaves.
        """
        count = len(trace.points)
        if count < 2 or not self._lines:
            return count
        at = self._lengths(trace)
        for begin, end in _runs(self._along(trace.points * self._spacing, radius)):
            if end == count or at[end - 1] - at[begin] >= _CROSSING * radius:
                return begin
        return count

    def _new(self, trace: Trace, radius: float) -> list[Trace]:
        if len(trace.points) < 2:
            return []
        along = self._along(trace.points * self._spacing, radius)
        if not along.any():
            return [trace]
        at = self._lengths(trace)
        for begin, end in _runs(along):
            inside = begin > 0 and end < len(along)
            if inside and at[end - 1] - at[begin] < _CROSSING * radius:
                along[begin:end] = False
        runs = sorted(_runs(~along), key=lambda run: at[run[0]] - at[run[1] - 1])
        return [
            self._part(trace, begin, end)
            for begin, end in runs
            if at[end - 1] - at[begin] >= _LEAST * radius
        ]

    def _lengths(self, trace: Trace) -> NDArray[np.float64]:
        """Length of a trace up to each of its points, in px."""
        steps = np.linalg.norm(np.diff(trace.points * self._spacing, axis=0), axis=1)
        return np.asarray(np.r_[0.0, np.cumsum(steps)])

    def _along(self, points: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
        """Whether each point of a line, in px, lies on a trace and the line runs along it."""
        if not self._lines:
            return np.zeros(len(points), bool)
        away, nearest = self._tree.query(points)
        cosine = np.abs((_tangents(points) * self._ways[nearest]).sum(1))
        return np.asarray((away <= radius) & (cosine >= _PARALLEL))

    def _part(self, trace: Trace, begin: int, end: int) -> Trace:
        """A piece of a trace, which grows from the trace that it leaves."""
        piece = trace.part(slice(begin, end))
        if begin == 0 and end == len(trace.points):
            return piece
        if begin == 0:
            piece = piece.part(slice(None, None, -1))
        return self._grown_from(trace.points[end if begin == 0 else begin - 1], piece)

    def branch(self, trace: Trace, radius: float) -> Trace:
        """A trace that begins or ends within a radius, in px, of another, as a branch of that."""
        return self._branch(trace, radius, radius)

    def _guessed(self, trace: Trace, radius: float) -> Trace:
        """The same of an end that nobody has put there."""
        return self._branch(trace, _TOUCHES * radius, _NEAR * radius, _GUESSED)

    def _branch(self, trace: Trace, touches: float, near: float, least: float = np.nan) -> Trace:
        if not self._lines or trace.parent is not None or len(trace.points) < 2:
            return trace
        line = resample(trace.points * self._spacing, _SPACING)
        for points, turned in ((line, trace), (line[::-1], trace.part(slice(None, None, -1)))):
            away, nearest = self._tree.query(points[0])
            ahead = points[0] - points[min(_TANGENT, len(points) - 1)]
            there = self._tree.data[nearest] - points[0]
            heads = ahead @ there >= _TOWARDS * np.linalg.norm(ahead) * away
            if away <= touches or (away <= near and heads):
                return self._grown_from(turned.points[0], turned, least)
        return trace

    def _grown_from(self, place: NDArray[np.float64], piece: Trace, least: float = np.nan) -> Trace:
        """A piece with the point of the trace at a place, from which it grows, before it.

        That is as unsure as there, or at least as unsure as is told.
        """
        _, nearest = self._tree.query(place * self._spacing)
        parent: Trace = self.traces[self._owners[nearest]]
        away = np.linalg.norm((parent.points - place) * self._spacing, axis=1)
        link = Link(parent.path, int(away.argmin()))
        root = parent.part(
            slice(link.index, link.index + 1),
            path=piece.path,
            placed_by=piece.placed_by,
            why=piece.why,
            state=piece.state,
            parent=link,
        )
        root = replace(root, uncertainty=np.fmax(root.uncertainty, least))
        return root.followed_by(piece)


def same_fibres(traces: Sequence[Trace], spacing: Sequence[float]) -> list[list[int]]:
    """Indices of traces of one tree, or that run along one another, group by group.

    Two that have a third in common are in one group too.

    Parameters
    ----------
    traces : sequence of Trace
        In voxels.
    spacing : sequence of float
        Size ``(z, y, x)`` of a voxel, in pixels along x.
    """
    together = np.eye(len(traces), dtype=bool)
    for k, trace in enumerate(traces):
        known = Traced(spacing, [trace])
        for other in range(k):
            together[k, other] = known.shares(traces[other], ON_IT)
    for name in {t.parent.path for t in traces if t.parent}:
        # The parent itself may not be among them.
        grown = [k for k, t in enumerate(traces) if name in (t.path, t.parent and t.parent.path)]
        together[grown[0], grown] = True
    _, labels = connected_components(together, directed=False)
    return [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]


def _tangents(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit direction ``(n, d)`` at each point of a line."""
    index = np.arange(len(line))
    ahead, behind = np.minimum(index + _TANGENT, len(line) - 1), np.maximum(index - _TANGENT, 0)
    way = line[ahead] - line[behind]
    return np.asarray(way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12))


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one past the last index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]

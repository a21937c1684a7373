"""One tree of many: which come nearest to each other, and what lies between them.

A neuron that was traced piece by piece is a bag of trees. They are tied where an end of one lies
nearest to another, from the root outwards, as a minimum spanning tree does; what lies between is
found in the image. Where that shows nothing, the next nearest are tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Job, Progress, elsewhere, mapped
from napari_midl.errors import InputError
from napari_midl.methods.axons.edits import is_a_guess
from napari_midl.methods.axons.overlaps import ON_IT
from napari_midl.methods.axons.trees import free_ends, kept_linked, point_at, root_of, rooted
from napari_midl.methods.axons.words import ALONG, GUESS, LINE
from napari_midl.volumes.swc_paths import grows_from_its_parent
from napari_midl.volumes.trace import Link, Trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.tracing import Tracing

# How doubtful a tie is that nobody has seen.
_UNSEEN = 0.6
# Where the agent doubts more than that on average, or the way is so many times as long as the gap,
# the image does not show what lies between.
_LOST, _DETOUR = 0.5, 2.0
_STEP = 2.0
# Where the nearest way to tie a tree is a guess, so many others are tried that cost so many times
# as much at most.
_OTHERS, _REACH = 2, 2.0
_OF_BRIDGE = ("points", "uncertainty", "radius", "ids")


class _Tree:
    """The points of a tree, and its free ends with the ways that they head."""

    def __init__(self, traces: Sequence[Trace], size: NDArray[np.float64]) -> None:
        self.is_cell = any(trace.is_soma for trace in traces)
        self.length = sum(trace.length(size.tolist()) for trace in traces)
        self.radii = np.concatenate([trace.radius for trace in traces])
        self.voxels = np.concatenate([trace.points for trace in traces])
        self.size, self._near = size, cKDTree(self.voxels * size)
        ends = free_ends(traces)
        self.ends = np.array([trace.points[index] for trace, index, _ in ends])
        headings = np.array([way for *_, way in ends]) * size
        norms = np.linalg.norm(headings, axis=1, keepdims=True)
        self.ways = headings / np.maximum(norms, 1e-9)

    def nearest(self, voxels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Distances ``(n,)`` of voxels ``(n, 3)`` from the tree, and which of its points it is."""
        away, index = self._near.query(voxels * self.size)
        return np.asarray(away), np.asarray(index)

    def ahead_of(
        self, end: NDArray[np.float64], way: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], float, float]:
        """The point of the tree to which it costs an end least to go on, how far, and that cost."""
        # None costs less than its distance, or more than the nearest in the worst direction.
        reach = 3.0 * float(self.nearest(end[None])[0][0])
        near = self.voxels[self._near.query_ball_point(end * self.size, reach + 1e-6)]
        ahead = (near - end) * self.size
        away = np.linalg.norm(ahead, axis=1)
        costs = away * 2 - ahead @ way
        best = int(costs.argmin())
        return near[best], float(away[best]), float(costs[best])


@dataclass(frozen=True)
class Gap:
    """Where a tree comes near to another: a point of either, in voxels.

    The cost is the length, for an end that does not head for the other up to thrice that.
    """

    tree: _Tree
    other: _Tree
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    length: float
    cost: float

    @classmethod
    def between(cls, tree: _Tree, other: _Tree) -> list[Gap]:
        """The nearest point of one to each free end of the other, which rather heads for it."""
        found = []
        for ends, points, turned in ((tree, other, False), (other, tree, True)):
            for end, way in zip(ends.ends, ends.ways, strict=True):
                place, length, cost = points.ahead_of(end, way)
                start, stop = (place, end) if turned else (end, place)
                found.append(cls(tree, other, start, stop, length, cost))
        return found

    def is_like(self, other: Gap) -> bool:
        """Whether it is at the same place as another, perhaps seen from its other side."""
        apart = np.stack([self.start - other.start, self.end - other.end]) * self.tree.size
        return bool((np.linalg.norm(apart, axis=1) <= ON_IT).all())


def _worth_a_try(found: Iterable[Gap]) -> list[Gap]:
    """The nearest of some gaps, then others that lie little further."""
    kept: list[Gap] = []
    for gap in sorted(found, key=lambda gap: gap.cost):
        if len(kept) > _OTHERS or (kept and gap.cost > _REACH * kept[0].cost):
            break
        if not any(gap.is_like(other) for other in kept):
            kept.append(gap)
    return kept


class Gaps:
    """Where trees are to be tied so that all become one, from the root outwards.

    Trees grow from those with a soma, each from the nearest; where there is none, from the longest.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other alone.
    voxel_size : sequence of float
        Physical size ``(z, y, x)``.

    Attributes
    ----------
    apart : list
        The trees that are not tied yet.
    """

    def __init__(self, traces: Sequence[Trace], voxel_size: Sequence[float]) -> None:
        size, by_name = np.asarray(voxel_size) / voxel_size[-1], {t.path: t for t in traces}
        members: dict[str, list[Trace]] = {}
        for trace in traces:
            members.setdefault(root_of(trace.path, by_name), []).append(trace)
        trees = [_Tree(tree, size) for tree in members.values()]
        longest = max(trees, key=lambda tree: tree.length)
        self._new = [t for t in trees if t.is_cell] or [longest]
        self.apart = [tree for tree in trees if tree not in self._new]
        self._near: dict[_Tree, list[Gap]] = {tree: [] for tree in self.apart}

    def nearest(self) -> list[Gap]:
        """The gap that is nearest, and others to the same tree that are worth a try."""
        for tree in self.apart:
            new = [gap for other in self._new for gap in Gap.between(other, tree)]
            self._near[tree] = _worth_a_try([*self._near[tree], *new])
        self._new = []
        return min((self._near[tree] for tree in self.apart), key=lambda found: found[0].cost)

    def close(self, gap: Gap) -> None:
        """It is closed: others may lie nearer to what it ties."""
        self.apart.remove(gap.other)
        self._new.append(gap.other)


def bridges(tracing: Tracing, traces: Sequence[Trace]) -> Job[list[Trace]]:
    """What ties the trees of some traces to one, from the root outwards.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for their image; only what lies in the gaps is read.
    traces : sequence of Trace
        With links to each other alone.

    Yields
    ------
    Progress
        One gap after another.

    Returns
    -------
    list of Trace
        Each from a point of a tree to a point of the one that is to grow from it; ``why`` says
        how it was found. Returned by the generator.
    """
    look = partial(Gaps, traces, tracing.volume.voxel_size)
    gaps = yield from elsewhere(look, "looking for the gaps")
    found: list[Trace] = []
    count = len(gaps.apart)
    while gaps.apart:
        told = partial(_told, len(found), count)
        tried: list[tuple[Gap, Trace]] = []
        for gap in (yield from mapped(elsewhere(gaps.nearest, ""), told)):
            tried.append((gap, (yield from mapped(_bridge(tracing, gap), told))))
            if tried[-1][1].why != GUESS:
                break
        gap, bridge = next((one for one in tried if one[1].why != GUESS), tried[0])
        gaps.close(gap)
        found.append(bridge)
    return found


def _told(before: int, count: int, step: Progress) -> Progress:
    done = before + step.done / max(step.total, 1)
    return replace(step, done=done, total=count, message=f"gap {before + 1} of {count}")


def _bridge(tracing: Tracing, gap: Gap) -> Job[Trace]:
    """What lies in a gap, or a straight line where the image does not show it."""
    from napari_midl.methods.axons.apply import connect

    if gap.length <= ON_IT:
        return Trace("", np.stack([gap.start, gap.end]), np.full(2, _UNSEEN), why=ALONG)
    way = yield from connect(tracing, [gap.start.tolist(), gap.end.tolist()], "")
    # What runs along the two trees is theirs.
    (away, there), (beyond, here) = gap.tree.nearest(way.points), gap.other.nearest(way.points)
    last = int(np.flatnonzero(beyond <= ON_IT)[0])
    first = int(np.flatnonzero(away[: last + 1] <= ON_IT)[-1])
    inside = slice(first + 1, last)
    ends = gap.tree.voxels[there[[first]]], gap.other.voxels[here[[last]]]
    points = np.concatenate([ends[0], way.points[inside], ends[1]])
    doubt = way.uncertainty[inside]
    unsure = np.r_[_UNSEEN, doubt, doubt[-1:] if len(doubt) else _UNSEEN]
    bridge = Trace("", points, unsure, why=ALONG)
    is_detour = bridge.length(gap.tree.size.tolist()) > _DETOUR * gap.length
    if is_detour or (len(doubt) and doubt.mean() > _LOST):
        return _straight(gap)
    return bridge


def _straight(gap: Gap) -> Trace:
    count = max(int(gap.length / _STEP), 1) + 1
    radii = np.concatenate([gap.tree.radii, gap.other.radii])
    why = GUESS if is_a_guess(gap.length, radii) else LINE
    return Trace("", np.linspace(gap.start, gap.end, count), np.ones(count), why=why)


def one_tree(traces: Sequence[Trace], ties: Sequence[Trace]) -> list[Trace]:
    """Traces whose trees are tied by bridges; what is tied begins at its bridge.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    ties : sequence of Trace
        Bridges between points of these, from the root outwards.

    Raises
    ------
    InputError
        If a trace is not where a bridge ends any more.
    """
    now = list(traces)
    for tie in ties:
        start, end = _node(tie.points[0], now), _node(tie.points[-1], now)
        if start is None or end is None:
            raise InputError("A trace was changed meanwhile; join them again.")
        now = rooted(now, end)
        by_name = {trace.path: trace for trace in now}
        start = _node(tie.points[0], now)
        assert start is not None
        parent, child = by_name[start.path], by_name[root_of(end.path, by_name)]
        between = slice(1 if parent.is_soma else 0, -1)
        kinds = np.full(len(tie.points), child.kinds[0])
        head = replace(child, kinds=kinds, **{n: getattr(tie, n) for n in _OF_BRIDGE})
        grown = head.part(between).followed_by(child, parent=start)
        now = kept_linked(now, [grown if trace is child else trace for trace in now])
    return now


def _node(place: NDArray[np.float64], traces: Sequence[Trace]) -> Link | None:
    """The point at a place; where a branch begins, that of the trace that it grows from."""
    found, by_name = point_at(place, 0, traces), {trace.path: trace for trace in traces}
    if found is None or found.index or not grows_from_its_parent(by_name[found.path], by_name):
        return found
    return by_name[found.path].parent

"""Traces as trees: which grow from which, and where a tree begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.volumes.swc_paths import SAME_PLACE
from napari_midl.volumes.trace import Link

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.trace import Trace

# Points from which the way of an end is taken.
_TANGENT = 4


def root_of(path: str, traces: Mapping[str, Trace]) -> str:
    """Name of the trace that the tree of a trace begins with."""
    while (link := traces[path].parent) is not None:
        path = link.path
    return path


def free_ends(traces: Iterable[Trace]) -> list[tuple[Trace, int, NDArray[np.float64]]]:
    """Where trees end and nothing goes on: the trace, its point, and how it heads there in voxels.

    Parameters
    ----------
    traces : iterable of Trace
        With links to each other alone.
    """
    traces = list(traces)
    taken, found = {trace.parent for trace in traces}, []
    for trace in traces:
        points, last = trace.points, len(trace.points) - 1
        if trace.parent is None:
            found.append((trace, 0, points[0] - points[min(_TANGENT, last)]))
        if last and Link(trace.path, last) not in taken:
            found.append((trace, last, points[last] - points[max(last - _TANGENT, 0)]))
    return found


def kept_linked(before: Sequence[Trace], after: Sequence[Trace]) -> list[Trace]:
    """Traces that still grow from the places that they grew from.

    Parameters
    ----------
    before : sequence of Trace
        The traces before some were changed.
    after : sequence of Trace
        The traces now, with links as they were before.

    Returns
    -------
    list of Trace
        Those of `after`. What grew from a point goes with it, into whichever changed trace has it
        now; what grew from a point that is gone begins a tree of its own.
    """
    were, are = ({trace.path: trace for trace in traces} for traces in (before, after))
    unchanged = {id(trace) for trace in before}
    changed = [trace for trace in after if id(trace) not in unchanged]
    linked = []
    for trace in after:
        link = trace.parent
        parent = are.get(link.path) if link else None
        old = were.get(link.path) if link else None
        # A parent that is new, or has not changed, has the point where the link says.
        if link is None or (parent is not None and (old is None or parent is old)):
            linked.append(trace)
            continue
        is_old = id(trace) in unchanged and old is not None
        place = old.points[link.index] if is_old and old is not None else trace.points[0]
        likely = [parent] if parent is not None else []
        found = point_at(place, link.index, [t for t in (*likely, *changed) if t is not trace])
        linked.append(trace if found == link else replace(trace, parent=found))
    return linked


def rooted(traces: Sequence[Trace], at: Link) -> list[Trace]:
    """Traces of which one tree begins at another of its points.

    Traces on the way from there to the former root are turned. One that is left in its middle
    becomes two: the longer one keeps the name, and the other comes behind it.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    at : Link
        Where the tree is to begin.
    """
    are = {trace.path: trace for trace in traces}
    new: dict[str, list[Trace]] = {}
    taken = set(are)
    where: Link | None = at
    parent: Link | None = None
    while where is not None:
        old = are[where.path]
        last = len(old.points) - 1
        ahead = old.part(slice(where.index, None), parent=parent)
        back = replace(turned(old.part(slice(where.index + 1))), parent=parent)
        if where.index == last:
            new[old.path] = [back]
        elif where.index == 0:
            new[old.path] = [ahead]
            back = ahead.part(slice(1))
        else:
            other = _free_name(old.path, taken)
            taken.add(other)
            if 2 * where.index <= last:
                back = replace(back, path=other, parent=parent or Link(old.path, 0))
                new[old.path] = [ahead, back]
            else:
                ahead = replace(ahead, path=other)
                back = replace(back, parent=parent or Link(other, 0))
                new[old.path] = [back, ahead]
        where, parent = old.parent, Link(back.path, len(back.points) - 1)
    made = {part.path: part for parts in new.values() for part in parts}
    after = [part for trace in traces for part in new.get(trace.path, [trace])]
    return [made.get(trace.path, trace) for trace in kept_linked(traces, after)]


def turned(trace: Trace) -> Trace:
    """A trace from its other end; what it grew from is lost."""
    why = " / ".join(reversed(trace.why.split(" / ")))
    return trace.part(slice(None, None, -1), why=why, parent=None)


def point_at(place: NDArray[np.float64], index: int, traces: Sequence[Trace]) -> Link | None:
    """The point of the first of some traces that lies at a place; near an index, if several do."""
    for trace in traces:
        there = np.flatnonzero(np.abs(trace.points - place).max(axis=1) < SAME_PLACE)
        if len(there):
            return Link(trace.path, int(there[np.abs(there - index).argmin()]))
    return None


def _free_name(path: str, taken: set[str]) -> str:
    number = 2
    while f"{path} ({number})" in taken:
        number += 1
    return f"{path} ({number})"

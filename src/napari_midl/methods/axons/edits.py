"""What can be done to the points of a trace: cut it, go on from its end, join two."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.volumes.traces import Trace

# Two ends that are nearer than so many pixels along x meet.
TOUCHING = 3.0


def nearest(trace: Trace, place: Sequence[float], voxel_size: Sequence[float]) -> tuple[int, float]:
    """Index of the point of a trace that is nearest to a voxel, and its physical distance."""
    apart = (trace.points - np.asarray(place)) * np.asarray(voxel_size)
    distances = np.linalg.norm(apart, axis=1)
    index = int(distances.argmin())
    return index, float(distances[index])


def cut(trace: Trace, index: int, other: bool = False) -> Trace:
    """The longer part of a trace that is cut at a point, or the other one; it ends there."""
    head, tail = slice(0, index + 1), slice(None, index - 1 if index else None, -1)
    longer, shorter = (head, tail) if 2 * index >= len(trace.points) - 1 else (tail, head)
    part = shorter if other else longer
    parent = trace.parent if part is head else None
    return trace.part(part, placed_by="person", why="cut", parent=parent)


def continued(head: Trace, found: Trace) -> Trace:
    """A trace that goes on with another, under its own name."""
    return head.followed_by(found, why=found.why)


def facing(one: Trace, other: Trace, voxel_size: Sequence[float]) -> tuple[Trace, Trace, float]:
    """Two traces, turned so that the first ends where the second begins, and their distance.

    The distance is in sizes of a voxel along x.
    """
    size = np.asarray(voxel_size) / voxel_size[-1]
    ways = [
        (float(np.linalg.norm((a.points[-1] - b.points[0]) * size)), k, a, b)
        for k, (a, b) in enumerate(
            (a, b) for a in (one, _turned(one)) for b in (other, _turned(other))
        )
    ]
    gap, _, first, second = min(ways, key=lambda way: way[:2])
    return first, second, gap


def joined(
    one: Trace, other: Trace, voxel_size: Sequence[float], between: Trace | None = None
) -> Trace:
    """Two traces as one, the end of one tied to the nearest end of the other.

    Parameters
    ----------
    one, other : Trace
        Their order and direction do not matter.
    voxel_size : sequence of float
        Size ``(z, y, x)`` of a voxel, in any unit.
    between : Trace, optional
        From the end of the one to that of the other, as `facing` turns them. Without it a
        straight line ties them, which is doubtful unless they touch.
    """
    first, second, gap = facing(one, other, voxel_size)
    if between is not None:
        first = continued(first, between.part(slice(1, -1)))
    elif gap > TOUCHING:
        first = ending_in_doubt(first)
    return replace(continued(first, second), path=one.path, placed_by="person")


def ending_in_doubt(trace: Trace) -> Trace:
    """A trace after whose end a straight line follows that no image was asked about."""
    unsure = trace.uncertainty.copy()
    unsure[-1] = 1.0
    return replace(trace, uncertainty=unsure)


def _turned(trace: Trace) -> Trace:
    why = " / ".join(reversed(trace.why.split(" / ")))
    return trace.part(slice(None, None, -1), why=why, parent=None)

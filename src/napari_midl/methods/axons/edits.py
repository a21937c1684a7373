"""What can be done to the points of a trace: cut it, go on from its end, join two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.axons.trees import turned
from napari_midl.volumes.traces import Link, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# In sizes of a voxel along x, and in widths of the fibre: a longer bridge is a guess.
LONG, LONG_WIDTHS = 15.0, 3.0
_BRIDGE_STEP = 2.0


def nearest(trace: Trace, place: Sequence[float], voxel_size: Sequence[float]) -> tuple[int, float]:
    """Index of the point of a trace that is nearest to a voxel, and its physical distance."""
    apart = (trace.points - np.asarray(place)) * np.asarray(voxel_size)
    distances = np.linalg.norm(apart, axis=1)
    index = int(distances.argmin())
    return index, float(distances[index])


def begins_shorter(trace: Trace, index: int) -> bool:
    """Whether a trace has fewer points before one of them than behind it."""
    return 2 * index < len(trace.points) - 1


def cut(trace: Trace, index: int, other: bool = False) -> Trace:
    """The longer part of a trace that is cut at a point, or the other one; it ends there."""
    head, tail = slice(0, index + 1), slice(None, index - 1 if index else None, -1)
    longer, shorter = (tail, head) if begins_shorter(trace, index) else (head, tail)
    part = shorter if other else longer
    parent = trace.parent if part is head else None
    return trace.part(part, placed_by="person", why="cut", parent=parent)


def continued(head: Trace, found: Trace) -> Trace:
    """A trace that goes on with another, under its own name."""
    return head.followed_by(found, why=found.why)


class LongBridge(InputError):
    """Two traces whose ends lie so far apart that what lies between is to be found first."""


@dataclass(frozen=True)
class Tie:
    """How two traces are joined.

    Parameters
    ----------
    first, second : Trace
        Turned so that the end of the first is tied to the beginning of the second.
    gap : float
        How far apart these are, in sizes of a voxel along x.
    """

    first: Trace
    second: Trace
    gap: float

    @property
    def ends(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """The voxels ``(z, y, x)`` that are tied."""
        (a, b, c), (d, e, f) = self.first.points[-1].tolist(), self.second.points[0].tolist()
        return (a, b, c), (d, e, f)

    @property
    def is_long(self) -> bool:
        """Whether a straight line between them would be a guess."""
        return is_a_guess(self.gap, np.concatenate([self.first.radius, self.second.radius]))


def is_a_guess(gap: float, radii: NDArray[np.float64]) -> bool:
    """Whether a straight line over a gap is a guess, by the radii of what it ties."""
    known = radii[np.isfinite(radii)]
    width = 2 * float(np.median(known)) if len(known) else 0.0
    return gap > max(LONG, LONG_WIDTHS * width)


def tie(one: Trace, other: Trace, voxel_size: Sequence[float]) -> Tie:
    """How to join two traces at their nearest ends; an end that grows from a trace is not free.

    Raises
    ------
    InputError
        If both grow from other traces.
    """
    orders = (one, other), (other, one)
    onwards = [(a, b.part(slice(1, None))) for a, b in orders if goes_on(a, b)]
    ways = onwards or [
        (a, b)
        for first, second in orders
        if second.parent is None
        for a in ((first,) if first.parent else (first, turned(first)))
        for b in (second, turned(second))
    ]
    if not ways:
        raise InputError(
            f"{one.path} and {other.path} both grow from other traces; cut one of them off first."
        )
    size = np.asarray(voxel_size) / voxel_size[-1]
    gaps = [float(np.linalg.norm((a.points[-1] - b.points[0]) * size)) for a, b in ways]
    nearest_way = int(np.argmin(gaps))
    return Tie(*ways[nearest_way], gaps[nearest_way])


def goes_on(one: Trace, other: Trace) -> bool:
    """Whether a trace grows from the end of another."""
    return len(other.points) > 1 and other.parent == Link(one.path, len(one.points) - 1)


def joined(
    one: Trace, other: Trace, voxel_size: Sequence[float], bridge: Trace | None = None
) -> Trace:
    """Two traces as one, the end of one tied to the nearest end of the other.

    Parameters
    ----------
    one, other : Trace
        The first gives its name.
    voxel_size : sequence of float
        Size ``(z, y, x)``.
    bridge : Trace, optional
        What lies between the ends that `tie` names, in either direction. Without it they are tied
        by a straight line, of which nothing is sure.
    """
    tied = tie(one, other, voxel_size)
    between = _straight(tied) if bridge is None else _along(bridge, tied)
    return tied.first.followed_by(
        between, tied.second, path=one.path, placed_by="person", why=tied.second.why
    )


def _straight(tied: Tie) -> Trace:
    """Points of a line between two ends, without these."""
    count = max(int(tied.gap / _BRIDGE_STEP), 1)
    points = np.linspace(tied.first.points[-1], tied.second.points[0], count + 1)[1:-1]
    return _between(tied, points, np.ones(len(points)))


def _along(bridge: Trace, tied: Tie) -> Trace:
    """What was found between two ends, without these."""
    ends = np.asarray(tied.ends)
    found = bridge.points[[0, -1]]
    if np.abs(found - ends).sum() > np.abs(found[::-1] - ends).sum():
        bridge = turned(bridge)
    return _between(tied, bridge.points[1:-1], bridge.uncertainty[1:-1])


def _between(tied: Tie, points: NDArray[np.float64], unsure: NDArray[np.float64]) -> Trace:
    kinds = np.full(len(points), tied.first.kinds[-1])
    return Trace(tied.first.path, points, unsure, "person", kinds=kinds)


def ending_in_doubt(trace: Trace) -> Trace:
    """A trace after whose end a straight line follows that no image was asked about."""
    unsure = trace.uncertainty.copy()
    unsure[-1] = 1.0
    return replace(trace, uncertainty=unsure)

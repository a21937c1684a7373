"""What may be done to traces, without a window: cut, go on, join, look for doubt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.entry import Entry

DOUBTFUL = 0.5


@dataclass(frozen=True)
class Doubt:
    """A place where a trace is likely to have left its fibre.

    Parameters
    ----------
    entry : Entry
        The trace.
    position : ndarray, shape (3,)
        Voxel ``(z, y, x)``.
    uncertainty : float
        At that place.
    """

    entry: Entry
    position: np.ndarray
    uncertainty: float


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
    return replace(
        trace,
        points=trace.points[part],
        uncertainty=trace.uncertainty[part],
        placed_by="person",
        why="cut",
    )


def continued(head: Trace, found: Trace) -> Trace:
    """A trace that goes on with another, under its own name."""
    return replace(
        head,
        points=np.concatenate([head.points, found.points]),
        uncertainty=np.concatenate([head.uncertainty, found.uncertainty]),
        why=found.why,
    )


def joined(one: Trace, other: Trace, voxel_size: Sequence[float]) -> Trace:
    """Two traces as one, the end of one tied to the nearest end of the other."""
    size = np.asarray(voxel_size)
    ways = [
        (float(np.linalg.norm((a.points[-1] - b.points[0]) * size)), k, a, b)
        for k, (a, b) in enumerate(
            (a, b) for a in (one, _turned(one)) for b in (other, _turned(other))
        )
    ]
    _, _, first, second = min(ways, key=lambda way: way[:2])
    return replace(continued(first, second), path=one.path, placed_by="person")


def _turned(trace: Trace) -> Trace:
    why = " / ".join(reversed(trace.why.split(" / ")))
    return replace(trace, points=trace.points[::-1], uncertainty=trace.uncertainty[::-1], why=why)


def doubts_of(entry: Entry) -> list[Doubt]:
    """Doubtful places of a trace: one for each run of points above one half.

    Where there is none, its worst point.
    """
    unsure = entry.trace.uncertainty
    above = np.flatnonzero(unsure > DOUBTFUL)
    starts = np.flatnonzero(np.diff(above, prepend=-2) > 1)
    runs = np.split(above, starts[1:]) if len(above) else [np.arange(len(unsure))]
    worst = [int(run[unsure[run].argmax()]) for run in runs]
    return [Doubt(entry, entry.trace.points[i], float(unsure[i])) for i in worst]


def doubts(found: Iterable[Doubt]) -> list[Doubt]:
    """Those of the proposed traces to look at, the worst first.

    All above one half; where there is none, the worst of all.
    """
    proposed = [doubt for doubt in found if not doubt.entry.accepted]
    ordered = sorted(proposed, key=lambda doubt: -doubt.uncertainty)
    return [doubt for doubt in ordered if doubt.uncertainty > DOUBTFUL] or ordered[:1]


def free_trace_name(taken: Collection[str], stem: str = "trace") -> str:
    """The first of ``trace 1``, ``trace 2``... that is not taken."""
    number = 1
    while f"{stem} {number}" in taken:
        number += 1
    return f"{stem} {number}"

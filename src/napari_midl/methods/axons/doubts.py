"""Where traces are likely to have left their fibres, so that a person looks there first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.methods.axons.edits import LONG
from napari_midl.methods.axons.trees import free_ends, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.traces import Trace

DOUBTFUL = 0.5
# Two ends that lie so near, in sizes of a voxel along x, and head for each other as straight as
# that cosine may be of one fibre; nobody has seen it.
_NEAR, _TOWARDS, _UNSEEN = 2 * LONG, 0.3, 0.6
# What is less doubtful than the worst of its run by so little is as doubtful.
_NEARLY = 0.05


@dataclass(frozen=True)
class Doubt:
    """A place where a trace is likely to have left its fibre, or to stop short on it.

    Parameters
    ----------
    entry : Entry
        The trace.
    index : int
        Which of its points.
    uncertainty : float
        At that place.
    short_of : str
        Name of a trace whose end lies close ahead of the end that this place is.
    """

    entry: Entry
    index: int
    uncertainty: float
    short_of: str = ""

    @property
    def position(self) -> NDArray[np.float64]:
        """Voxel ``(z, y, x)``."""
        position: NDArray[np.float64] = self.entry.trace.points[self.index]
        return position


def doubts_of(entry: Entry) -> list[Doubt]:
    """Doubtful places of a trace: one for each run of points above one half.

    Of the points that are nearly as doubtful as the worst it is the one on the surer side: behind
    a place where the trace may have changed over all is doubtful, and that place is to be looked
    at. Where there is no run, the worst point of which it is told; where of none, no place.
    """
    unsure, told = entry.trace.uncertainty, np.flatnonzero(~entry.trace.untold)
    above = np.flatnonzero(unsure > DOUBTFUL)
    starts = np.flatnonzero(np.diff(above, prepend=-2) > 1)
    runs = np.split(above, starts[1:]) if len(above) else [told] if len(told) else []
    nearly = _NEARLY if len(above) else 0.0
    found = []
    for run in runs:
        worst = float(unsure[run].max())
        found.append(Doubt(entry, _begin(unsure, run[unsure[run] >= worst - nearly]), worst))
    return found


def stopping_short(entries: Iterable[Entry], voxel_size: Sequence[float]) -> list[Doubt]:
    """Where two trees end close to each other and head for each other: one place for both ends.

    It is the end of a trace that is still to be accepted, and that is not doubtful there anyway.
    """
    named = {entry.name: entry for entry in entries}
    traces = {name: entry.trace for name, entry in named.items()}
    ends = [end for end in free_ends(traces.values()) if not end[0].is_soma]
    size = np.asarray(voxel_size) / voxel_size[-1]
    places = np.array([trace.points[index] for trace, index, _ in ends]).reshape(-1, 3) * size
    found = []
    for pair in sorted(cKDTree(places).query_pairs(_NEAR)) if ends else ():
        (one, _, way), (other, _, back) = (ends[k] for k in pair)
        ahead = places[pair[1]] - places[pair[0]]
        if min(_cosine(way * size, ahead), _cosine(back * size, -ahead)) < _TOWARDS:
            continue
        if root_of(one.path, traces) == root_of(other.path, traces):
            continue
        for here, there in (pair, pair[::-1]):
            trace, index, _ = ends[here]
            entry = named[trace.path]
            doubtful = trace.uncertainty[index] > DOUBTFUL
            if not entry.accepted and not doubtful:
                found.append(Doubt(entry, index, _UNSEEN, ends[there][0].path))
                break
    return found


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(one @ other) / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)


def _begin(unsure: NDArray[np.float64], worst: NDArray[np.int64]) -> int:
    """The first of some points, or the last where what lies behind that is surer.

    What lies beyond the ends of a trace is not sure.
    """
    beyond = np.pad(between(unsure), 1, constant_values=1.0)
    first, last = int(worst[0]), int(worst[-1])
    return first if beyond[first] <= beyond[last + 2] else last


def between(unsure: NDArray[np.float64]) -> NDArray[np.float64]:
    """Uncertainty that can be compared: what nobody told is neither sure nor doubtful."""
    return np.nan_to_num(unsure, nan=DOUBTFUL)


def to_look_at(found: Iterable[Doubt]) -> list[Doubt]:
    """Those of the proposed traces, the worst first.

    All above one half; where there is none, the worst of all.
    """
    proposed = [doubt for doubt in found if not doubt.entry.accepted]
    ordered = sorted(proposed, key=lambda doubt: -doubt.uncertainty)
    return [doubt for doubt in ordered if doubt.uncertainty > DOUBTFUL] or ordered[:1]


def without_doubt(entries: Iterable[Entry], left: Iterable[Doubt]) -> list[Entry]:
    """Those of the proposed traces at which no doubtful place is left to be looked at.

    A trace of which it is not told all along is not among them.
    """
    known = {doubt.entry for doubt in left if doubt.uncertainty > DOUBTFUL}
    proposed = [entry for entry in entries if not entry.accepted]
    return [entry for entry in proposed if entry.trace.is_told and entry not in known]


def untold(entries: Iterable[Entry]) -> list[Entry]:
    """Those of the proposed traces of which it is not told all along how unsure they are."""
    return [entry for entry in entries if not entry.accepted and not entry.trace.is_told]


def surely_off(trace: Trace) -> bool:
    """Whether a trace is on no fibre all along."""
    return bool((trace.uncertainty >= 1).all())

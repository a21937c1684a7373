"""Where traces are likely to have left their fibres, so that a person looks there first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.traces import Trace

DOUBTFUL = 0.5
# What is less doubtful than the worst of its run by so little is as doubtful.
_NEARLY = 0.05


@dataclass(frozen=True)
class Doubt:
    """A place where a trace is likely to have left its fibre.

    Parameters
    ----------
    entry : Entry
        The trace.
    index : int
        Which of its points.
    uncertainty : float
        At that place.
    """

    entry: Entry
    index: int
    uncertainty: float

    @property
    def position(self) -> NDArray[np.float64]:
        """Voxel ``(z, y, x)``."""
        position: NDArray[np.float64] = self.entry.trace.points[self.index]
        return position


def doubts_of(entry: Entry) -> list[Doubt]:
    """Doubtful places of a trace: one for each run of points above one half.

    Of the points that are nearly as doubtful as the worst it is the one on the surer side: behind
    a place where the trace may have changed over all is doubtful, and that place is to be looked
    at. Where there is no run, the worst point.
    """
    unsure = entry.trace.uncertainty
    above = np.flatnonzero(unsure > DOUBTFUL)
    starts = np.flatnonzero(np.diff(above, prepend=-2) > 1)
    runs = np.split(above, starts[1:]) if len(above) else [np.arange(len(unsure))]
    nearly = _NEARLY if len(above) else 0.0
    found = []
    for run in runs:
        worst = float(unsure[run].max())
        found.append(Doubt(entry, _begin(unsure, run[unsure[run] >= worst - nearly]), worst))
    return found


def _begin(unsure: NDArray[np.float64], worst: NDArray[np.int64]) -> int:
    """The first of some points, or the last where what lies behind that is surer.

    What lies beyond the ends of a trace is not sure.
    """
    beyond = np.pad(unsure, 1, constant_values=1.0)
    first, last = int(worst[0]), int(worst[-1])
    return first if beyond[first] <= beyond[last + 2] else last


def to_look_at(found: Iterable[Doubt]) -> list[Doubt]:
    """Those of the proposed traces, the worst first.

    All above one half; where there is none, the worst of all.
    """
    proposed = [doubt for doubt in found if not doubt.entry.accepted]
    ordered = sorted(proposed, key=lambda doubt: -doubt.uncertainty)
    return [doubt for doubt in ordered if doubt.uncertainty > DOUBTFUL] or ordered[:1]


def without_doubt(entries: Iterable[Entry], left: Iterable[Doubt]) -> list[Entry]:
    """Those of the proposed traces at which no doubtful place is left to be looked at."""
    doubtful = {doubt.entry for doubt in left if doubt.uncertainty > DOUBTFUL}
    return [entry for entry in entries if not entry.accepted and entry not in doubtful]


def surely_off(trace: Trace) -> bool:
    """Whether a trace is on no fibre all along."""
    return bool((trace.uncertainty >= 1).all())

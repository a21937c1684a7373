"""What is to be followed: a new fibre, a branch or a correction; and those that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.edits import continued, cut, ending_in_doubt, nearest
from napari_midl.methods.axons.ports import AxonModelIn, Grown, SeedsIn, TracesOut, TracingCache
from napari_midl.volumes.traces import Link, Seed, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.ports import ImageIn
    from napari_midl.methods.axons.entries import Entry
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.methods.axons.trace_list import TraceList

    Voxel = tuple[float, float, float]

_ON_IT = 0.5
# A click that far from the trace that it continues, in voxels, is joined to it by a doubtful line.
_BRIDGED = 10.0


@dataclass(frozen=True, eq=False)
class TraceRequest:
    """A trace that is wanted.

    Parameters
    ----------
    seed : Seed
        Where to follow it from.
    head : Trace, optional
        What lies before the seed.
    instead_of : Entry, optional
        The trace whose place it takes.
    """

    seed: Seed
    head: Trace | None = None
    instead_of: Entry | None = None

    @property
    def missed(self) -> str:
        """What to say where there is no fibre."""
        place = zip("zyx", self.seed.position, strict=True)
        where = ", ".join(f"{axis} {value:.0f}" for axis, value in place)
        return (
            f"The tracker sees no fibre at {where}: click nearer to the middle of one, or draw it "
            "with From – to."
        )

    def whole(self, found: Trace) -> Trace:
        """The trace with what lies before the seed."""
        if self.head is None:
            return found
        far = len(found.points) > 0 and _apart(self.head, found) > _BRIDGED
        return continued(ending_in_doubt(self.head) if far else self.head, found)


def branch(name: str, traces: TraceList, place: Voxel) -> TraceRequest:
    """A trace that begins at the nearest point of another and goes on from a place beside it.

    Raises
    ------
    InputError
        If there is no other trace, or the place lies on it.
    """
    if not traces.entries:
        raise InputError("There is no trace to branch from yet; trace its parent first.")
    size, known = traces.voxel_size, [entry.trace for entry in traces.entries]
    parent = min(known, key=lambda trace: nearest(trace, place, size)[1])
    root = nearest(parent, place, size)[0]
    head = parent.part(slice(root, root + 1), path=name, parent=Link(parent.path, root))
    return TraceRequest(_onwards(name, head, place), head)


def correction(traces: TraceList, place: Voxel, other: bool = False) -> TraceRequest:
    """The selected trace, cut at its point nearest to a place, which goes on from there.

    Parameters
    ----------
    traces : TraceList
        One of them is selected: it went astray.
    place : tuple of float
        Voxel ``(z, y, x)`` where it should have gone.
    other : bool
        Keep the shorter part and not the longer one.

    Raises
    ------
    InputError
        If not exactly one is selected, or the place lies on it.
    """
    old = traces.only_selected
    head = cut(old.trace, nearest(old.trace, place, traces.voxel_size)[0], other)
    return TraceRequest(_onwards(old.name, head, place), head, old)


def _apart(head: Trace, found: Trace) -> float:
    return float(np.linalg.norm(found.points[0] - head.points[-1]))


def _onwards(name: str, head: Trace, place: Voxel) -> Seed:
    """A seed at a place that heads away from the end of a trace."""
    way = np.asarray(place) - head.points[-1]
    z, y, x = way.tolist()
    if np.linalg.norm(way) < _ON_IT:
        raise InputError("That is on the trace itself; click a little way from it.")
    return Seed(name, place, (z, y, x))


class RequestQueue:
    """Requests that wait, and those that are followed now as one batch.

    Attributes
    ----------
    waiting, under_way : list of TraceRequest
        In the order in which they were made.
    """

    def __init__(self) -> None:
        self.waiting: list[TraceRequest] = []
        self.under_way: list[TraceRequest] = []
        self._cache = TracingCache()
        self._grown: Grown | None = None

    @property
    def names(self) -> list[str]:
        """Names of the traces that are wanted."""
        return [request.seed.path for request in (*self.under_way, *self.waiting)]

    def begin(self, image: ImageIn, model: str, settings: TraceSettings) -> operations.Trace:
        """What follows all that wait, which are now under way."""
        self.under_way, self.waiting, self._grown = self.waiting, [], Grown()
        return operations.Trace(
            image=image,
            seeds=SeedsIn(None, [request.seed for request in self.under_way]),
            model=AxonModelIn(model, self._cache),
            skip=True,
            out=TracesOut(None),
            settings=settings,
        )

    def connect(
        self,
        image: ImageIn,
        model: str,
        settings: TraceSettings,
        ends: tuple[Voxel, Voxel],
        name: str,
    ) -> operations.Connect:
        """What finds the fibre between two voxels; it does not wait in the queue."""
        return operations.Connect(
            image=image,
            start=ends[0],
            end=ends[1],
            path=name,
            model=AxonModelIn(model, self._cache),
            out=TracesOut(None),
            settings=settings,
        )

    def grow(self, grown: Grown) -> list[Trace]:
        """The traces under way as they stand, with what lies before their seeds."""
        self._grown = grown
        found = (*grown.done, *grown.growing)
        return [r.whole(trace) for r, trace in zip(self.under_way, found, strict=False)]

    def enter(self, traces: TraceList, found: Sequence[Trace]) -> list[TraceRequest]:
        """Put the traces of the batch into a list; gives the requests that met no fibre."""
        self._grown = None
        return traces.enter(self.under_way, found)

    @property
    def stopped(self) -> bool:
        """Whether the batch was not entered: its job was cancelled, failed or still runs."""
        return self._grown is not None

    def stop(self, traces: TraceList) -> list[TraceRequest]:
        """Enter what a batch had finished when it was stopped, and forget what waits."""
        assert self._grown is not None
        self.waiting = []
        return self.enter(traces, self._grown.done)

    def end(self) -> None:
        """Nothing is under way any more."""
        self.under_way, self._grown = [], None

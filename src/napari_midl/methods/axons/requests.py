"""What is to be followed: a new fibre, a branch or a correction; and those that wait."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, takewhile
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.importing_torch import import_torch
from napari_midl.engine.jobs import elsewhere
from napari_midl.errors import InputError
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.doubts import surely_off
from napari_midl.methods.axons.edits import begins_shorter, continued, cut, ending_in_doubt, nearest
from napari_midl.methods.axons.overlaps import ON_IT
from napari_midl.methods.axons.ports import (
    AxonModelIn,
    Grown,
    KnownIn,
    SeedsIn,
    TracesIn,
    TracesOut,
    TracingCache,
)
from napari_midl.methods.axons.trees import turned
from napari_midl.methods.axons.words import FAINT, NO_FIBRE, ON
from napari_midl.volumes.traces import Link, Seed, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.inputs import ImageIn
    from napari_midl.engine.jobs import Job
    from napari_midl.methods.axons.doubts import Doubt
    from napari_midl.methods.axons.entries import Entry
    from napari_midl.methods.axons.other_ways import OtherWay
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.methods.axons.trace_list import TraceList
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.volume import Volume

    Voxel = tuple[float, float, float]

_ON_IT = 0.5
# A click that far from the trace that it continues, in voxels, is joined to it by a doubtful line.
_BRIDGED = 10.0
# A fibre that far from a click, in sizes of a voxel along x, is that which is meant.
_MEANT = 2 * ON_IT
# Points from which the way of an end is taken.
_TANGENT = 4


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
    faint : bool
        Keep the trace though it hardly stands out from the noise: a person points at it.
    backwards : bool
        What lies before the seed is the far end of the trace: it begins where this one ends.
    """

    seed: Seed
    head: Trace | None = None
    instead_of: Entry | None = None
    faint: bool = True
    backwards: bool = False

    @property
    def missed(self) -> str:
        """What to say where there is no fibre."""
        return (
            "The tracker sees no fibre there: click nearer to the middle of one, or draw it with "
            "From – to."
        )

    def nothing_new(self, why: str) -> str:
        """What to say where nothing came of it; its empty trace says why."""
        if why in (NO_FIBRE, FAINT):
            return self.missed
        return f"This fibre is traced already, by {why.removeprefix(ON)}."

    def is_on_nothing(self, found: Trace) -> bool:
        """Whether what was found is surely off all along, and kept since a way was given."""
        return self.seed.direction is not None and surely_off(found)

    def beside(self, trace: Trace, voxel_size: Sequence[float]) -> float:
        """How far from its click a trace runs, in sizes of a voxel along x; 0 where it is meant.

        Meant is what lies no farther from the click than a fibre is wide.
        """
        if self.seed.direction is not None:
            return 0.0
        away = nearest(trace, self.seed.position, voxel_size)[1] / voxel_size[-1]
        known = trace.radius[np.isfinite(trace.radius)]
        width = 2 * float(np.median(known)) if len(known) else 0.0
        return away if away > max(_MEANT, width) else 0.0

    def whole(self, found: Trace) -> Trace:
        """The trace with what lies before the seed."""
        if self.head is None:
            return found
        far = len(found.points) > 0 and _apart(self.head, found) > _BRIDGED
        trace = continued(ending_in_doubt(self.head) if far else self.head, found)
        return turned(trace) if self.backwards else trace


def _first(trace: Trace) -> Voxel:
    z, y, x = trace.points[0].tolist()
    return z, y, x


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
    return TraceRequest(_onwards(name, head, place, size), head)


def correction(traces: TraceList, place: Voxel, other: bool = False) -> TraceRequest:
    """The selected trace, cut at its point nearest to a place, which goes on from there.

    What is kept of a trace in a tree is the part on the side of the root, however short, so that
    the tree stays one; of a trace by itself the longer part. It begins on that side, still.

    Parameters
    ----------
    traces : TraceList
        One of them is selected: it went astray.
    place : tuple of float
        Voxel ``(z, y, x)`` where it should have gone.
    other : bool
        Keep the other part.

    Raises
    ------
    InputError
        If not exactly one is selected, or the place lies on it.
    """
    old = traces.only_selected
    index = nearest(old.trace, place, traces.voxel_size)[0]
    parents = {entry.trace.parent.path for entry in traces.entries if entry.trace.parent}
    shorter = begins_shorter(old.trace, index)
    if shorter and (old.trace.parent is not None or old.name in parents):
        other = not other
    head = cut(old.trace, index, other)
    seed = _onwards(old.name, head, place, traces.voxel_size)
    return TraceRequest(seed, head, old, backwards=shorter != other)


def _at(seed: Seed, trace: Trace, pieces: Sequence[Trace]) -> Trace:
    """A trace, or the one of its further pieces that lies nearest to its seed."""
    parts = [trace, *(piece for piece in pieces if piece.path.startswith(f"{trace.path} "))]
    whole = [part for part in parts if len(part.points)]
    best = min(whole, key=lambda part: nearest(part, seed.position, (1, 1, 1))[1], default=trace)
    return replace(best, path=trace.path)


def _apart(head: Trace, found: Trace) -> float:
    return float(np.linalg.norm(found.points[0] - head.points[-1]))


def _onwards(name: str, head: Trace, place: Voxel, voxel_size: Sequence[float]) -> Seed:
    """A seed at a place that heads away from the end of a trace.

    The way from its nearest point to the place is across it: along the trace, as far as it came,
    is as likely, and straight across a fibre beside it an agent would see none.
    """
    size = np.asarray(voxel_size) / voxel_size[-1]
    across = np.asarray(place) - head.points[-1]
    if np.linalg.norm(across) < _ON_IT:
        raise InputError("That is on the trace itself; click a little way from it.")
    along = (head.points[-1] - head.points[-1 - _TANGENT :][0]) * size
    if along.any():
        along *= np.linalg.norm(across * size) / np.linalg.norm(along)
    z, y, x = (across + along / size).tolist()
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
        self._cache, self._looking = TracingCache(), TracingCache()
        self._grown: Grown | None = None

    @property
    def names(self) -> list[str]:
        """Names of the traces that are wanted."""
        return [request.seed.path for request in (*self.under_way, *self.waiting)]

    def prepare(self, volume: Volume, model: str, settings: TraceSettings) -> None:
        """Load the model and look at the image, so that the first click is answered at once.

        Whether fibres are dark is guessed; a click on one tells.
        """
        import_torch()
        from napari_midl.methods.axons.polarity import seen_as

        whole = tuple(slice(0, n) for n in volume.shape)
        seen = seen_as(volume, settings, (), (whole[0], whole[1], whole[2]))
        self._cache.tracing(volume, self._cache.model(model), seen)

    def begin(
        self, image: ImageIn, model: str, settings: TraceSettings, known: Sequence[Trace] = ()
    ) -> operations.Trace:
        """What follows those that wait and are alike, which are now under way.

        Fibres of the traces `known` are not traced again, but for what of them is corrected.
        """
        faint = self.waiting[0].faint
        alike = list(takewhile(lambda request: request.faint == faint, self.waiting))
        corrected = {r.instead_of.name: r.head for r in alike if r.instead_of and r.head}
        known = [corrected.get(trace.path, trace) for trace in known]
        self.under_way, self.waiting = alike, self.waiting[len(alike) :]
        self._grown = Grown()
        return operations.Trace(
            image=image,
            seeds=SeedsIn(None, [request.seed for request in self.under_way]),
            known=KnownIn(None, known),
            model=AxonModelIn(model, self._cache),
            skip=True,
            faint=faint,
            out=TracesOut(None),
            settings=settings,
        )

    def find(
        self,
        image: ImageIn,
        model: str,
        settings: TraceSettings,
        known: Sequence[Trace],
        box: str,
    ) -> operations.Trace:
        """What follows all fibres in a box that are not known; it does not wait in the queue."""
        return operations.Trace(
            image=image,
            box=box,
            known=KnownIn(None, known),
            model=AxonModelIn(model, self._cache),
            out=TracesOut(None),
            settings=settings,
        )

    def connect(
        self,
        image: ImageIn,
        model: str,
        settings: TraceSettings,
        ends: tuple[Voxel, ...],
        name: str,
    ) -> operations.Connect:
        """What finds the fibre through two voxels or more; it does not wait in the queue."""
        return operations.Connect(
            image=image,
            start=ends[0],
            through=tuple(chain.from_iterable(ends[1:-1])),
            end=ends[-1],
            path=name,
            model=AxonModelIn(model, self._cache),
            out=TracesOut(None),
            settings=settings,
        )

    def join(
        self, image: ImageIn, model: str, settings: TraceSettings, traces: Sequence[Trace]
    ) -> operations.Join:
        """What finds the bridges between the trees of some traces; it does not wait."""
        return operations.Join(
            image=image,
            traces=TracesIn.of(traces),
            model=AxonModelIn(model, self._cache),
            out=TracesOut(None),
            settings=settings,
        )

    def other_ways(
        self,
        volume: Volume,
        model: str,
        settings: TraceSettings,
        doubt: Doubt,
        known: Sequence[Trace],
    ) -> Job[list[OtherWay]]:
        """What looks for other ways on from a doubtful place, beside what is followed."""

        def look() -> Tracing:
            import_torch()
            from napari_midl.methods.axons.polarity import seen_as

            places = doubt.entry.trace.points.tolist()
            seen = seen_as(volume, settings, places)
            return self._looking.tracing(volume, self._cache.model(model), seen)

        tracing = yield from elsewhere(look, "looking at the image")
        from napari_midl.methods.axons.other_ways import find_other_ways

        return (yield from find_other_ways(tracing, doubt.entry.trace, doubt.index, known))

    def grow(self, grown: Grown) -> list[Trace]:
        """The traces under way as they stand, with what lies before their seeds."""
        self._grown = grown
        found = (*grown.done, *grown.growing)
        return [r.whole(trace) for r, trace in zip(self.under_way, found, strict=False)]

    def enter(self, traces: TraceList, found: Sequence[Trace]) -> list[TraceRequest]:
        """Put the traces of the batch into a list; gives the requests of which none came.

        Of a trace that others part, a click is meant for the piece at it; of a batch all are kept.
        """
        self._grown = None
        begun, pieces = found[: len(self.under_way)], found[len(self.under_way) :]
        if all(request.faint for request in self.under_way):
            pairs = zip(self.under_way, begun, strict=False)
            begun, pieces = [_at(request.seed, trace, pieces) for request, trace in pairs], []
        further = [TraceRequest(Seed(t.path, _first(t))) for t in pieces]
        return traces.enter([*self.under_way, *further], [*begun, *pieces])

    @property
    def stopped(self) -> bool:
        """Whether the batch was not entered: its job was cancelled, failed or still runs."""
        return self._grown is not None

    def stop(self, traces: TraceList) -> list[TraceRequest]:
        """Enter what a batch had finished when it was stopped, and forget what waits."""
        assert self._grown is not None
        self.waiting, self.under_way = [], self.under_way[: len(self._grown.done)]
        return self.enter(traces, [*self._grown.done, *self._grown.more])

    def end(self) -> None:
        """Nothing is under way any more."""
        self.under_way, self._grown = [], None

"""The traces of an image in a person's hands: decisions, undo, and which are selected."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING

from napari_midl.engine.history import History
from napari_midl.errors import InputError
from napari_midl.methods.axons.edits import TOUCHING, cut, facing, joined, nearest
from napari_midl.methods.axons.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_midl.methods.axons.requests import TraceRequest
    from napari_midl.volumes.traces import Trace

    Place = tuple[float, float, float]


class TraceList:
    """Traces, each a proposal until it is accepted; every decision can be undone.

    Parameters
    ----------
    entries : iterable of Entry
        What is there to begin with.
    voxel_size : sequence of float
        Physical size ``(z, y, x)`` of a voxel of the image.
    fine : iterable of tuple of float
        Voxels ``(z, y, x)`` at which a doubtful trace was found right before.

    Attributes
    ----------
    history : History
        The states of the list and of the fine places, one a decision.
    selected : tuple of Entry
        In the order of the list.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
        fine: Iterable[Place] = (),
    ) -> None:
        self.voxel_size = voxel_size
        self.history: History[tuple[tuple[Entry, ...], tuple[Place, ...]]] = History(
            (tuple(entries), tuple(fine))
        )
        self.selected: tuple[Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The traces as they stand."""
        return self.history.now[0]

    @property
    def fine(self) -> tuple[Place, ...]:
        """Voxels ``(z, y, x)`` at which a person found a doubtful trace right."""
        return self.history.now[1]

    @property
    def only_selected(self) -> Entry:
        """The one that is selected.

        Raises
        ------
        InputError
            If none is, or several are.
        """
        if len(self.selected) != 1:
            raise InputError("Select one trace in the list first, then click.")
        return self.selected[0]

    @property
    def can_accept(self) -> bool:
        """Whether a proposal is selected."""
        return any(not entry.accepted for entry in self.selected)

    @property
    def can_join(self) -> bool:
        """Whether two are selected."""
        return len(self.selected) == 2

    def select(self, entries: Iterable[Entry]) -> None:
        """Select traces, and no others."""
        wanted = set(entries)
        self.selected = tuple(entry for entry in self.entries if entry in wanted)

    def write(self, entries: Iterable[Entry], select: Iterable[Entry] = ()) -> None:
        """Make any decision: these are the traces now, and these of them are selected."""
        self.history.write((tuple(entries), self.fine))
        self.select(select)

    def find_fine(self, place: Place) -> None:
        """A doubtful trace is right at a voxel ``(z, y, x)``; the selection stays."""
        self.history.write((self.entries, (*self.fine, place)))

    def add(self, traces: Iterable[Trace], accepted: bool = False) -> None:
        """Add traces and select the last; one whose name is taken gets another."""
        traces = list(traces)
        taken = {entry.name for entry in self.entries}
        free = iter(self.free_names(len(traces), (trace.path for trace in traces)))
        named = [replace(t, path=next(free)) if t.path in taken else t for t in traces]
        new = [Entry(trace, accepted) for trace in named]
        if new:
            self.write((*self.entries, *new), new[-1:])

    def enter(self, requests: Sequence[TraceRequest], found: Sequence[Trace]) -> list[TraceRequest]:
        """Put what was found into the list, as one decision.

        Parameters
        ----------
        requests : sequence of TraceRequest
            What was wanted.
        found : sequence of Trace
            What came of the first of them, in their order; empty where there is no fibre.

        Returns
        -------
        list of TraceRequest
            Those for which there is no fibre.
        """
        entries, new, missed = list(self.entries), [], []
        for request, trace in zip(requests, found, strict=False):
            whole = request.whole(trace)
            if len(trace.points) == 0 or len(whole.points) < 2:
                missed.append(request)
                continue
            new.append(Entry(whole))
            if request.instead_of in entries:
                entries[entries.index(request.instead_of)] = new[-1]
            else:
                entries.append(new[-1])
        if new:
            self.write(entries, new[-1:])
        return missed

    def accept(self) -> None:
        """The selected traces are right."""
        new = {e: replace(e, accepted=True) for e in self.selected if not e.accepted}
        chosen = [new.get(e, e) for e in self.selected]
        self.write((new.get(e, e) for e in self.entries), chosen)

    def reject(self) -> None:
        """Delete the selected traces."""
        gone = set(self.selected)
        self.write(entry for entry in self.entries if entry not in gone)

    @property
    def gap(self) -> float:
        """How far the nearest ends of the two selected traces are apart, in pixels along x."""
        one, other = self.selected
        return facing(one.trace, other.trace, self.voxel_size)[2]

    def join(self, between: Trace | None = None) -> None:
        """Make one of the two selected traces, at their nearest ends.

        Parameters
        ----------
        between : Trace, optional
            What lies between them; otherwise a straight line, which is doubtful if it is long.
        """
        one, other = self.selected
        trace = joined(one.trace, other.trace, self.voxel_size, between)
        new = Entry(trace, one.accepted and other.accepted and self.gap <= TOUCHING)
        self.write((new if e is one else e for e in self.entries if e is not other), [new])

    def cut(self, place: Sequence[float], other: bool = False) -> None:
        """Cut the selected trace at its point nearest to a voxel, and keep the longer part.

        Parameters
        ----------
        place : sequence of float
            Voxel ``(z, y, x)``.
        other : bool
            Keep the shorter part.

        Raises
        ------
        InputError
            If not exactly one is selected, or nothing would be left of it.
        """
        old = self.only_selected
        part = cut(old.trace, nearest(old.trace, place, self.voxel_size)[0], other)
        if len(part.points) < 2:
            raise InputError("Nothing would be left of the trace; press Reject to delete it.")
        self._replace(old, Entry(part))

    def rename(self, entry: Entry, name: str) -> None:
        """Give a trace another name.

        Raises
        ------
        InputError
            If the name is empty or taken.
        """
        name = name.strip()
        if name == entry.name:
            return
        if not name or name in {other.name for other in self.entries}:
            raise InputError("Each trace needs a name of its own; choose another one.")
        self._replace(entry, replace(entry, trace=replace(entry.trace, path=name)))

    def undo(self) -> None:
        """Take the last decision back, and select what it had changed."""
        self._step(self.history.undo)

    def redo(self) -> None:
        """Make it again."""
        self._step(self.history.redo)

    def free_names(self, number: int, also_taken: Iterable[str] = ()) -> list[str]:
        """The first of ``trace 1``, ``trace 2``... that no trace has."""
        taken = {entry.name for entry in self.entries} | set(also_taken)
        names = (f"trace {n}" for n in count(1))
        return list(islice((name for name in names if name not in taken), number))

    def _replace(self, old: Entry, new: Entry) -> None:
        self.write((new if entry is old else entry for entry in self.entries), [new])

    def _step(self, step: Callable[[], None]) -> None:
        before = set(self.entries)
        step()
        self.select(entry for entry in self.entries if entry not in before)

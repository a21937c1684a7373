"""A list of traces with undo: what there is, what is selected, and which places are fine."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, islice
from typing import TYPE_CHECKING

from napari_midl.engine.history import History
from napari_midl.errors import InputError
from napari_midl.methods.axons.trees import kept_linked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_midl.methods.axons.entries import Entry

    Place = tuple[float, float, float]
    _State = tuple[tuple[Entry, ...], tuple[Place, ...], tuple[Entry, ...]]


class EntryList:
    """Traces of an image; every decision about them can be undone.

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
        The states of the list, of the fine places and of the selection, one a decision.
    """

    def __init__(
        self,
        entries: Iterable[Entry] = (),
        voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
        fine: Iterable[Place] = (),
    ) -> None:
        self.voxel_size = voxel_size
        self.history: History[_State] = History((tuple(entries), tuple(fine), ()))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The traces as they stand."""
        return self.history.now[0]

    @property
    def fine(self) -> tuple[Place, ...]:
        """Voxels ``(z, y, x)`` at which a person found a doubtful trace right."""
        return self.history.now[1]

    @property
    def selected(self) -> tuple[Entry, ...]:
        """Those that are selected, in the order of the list."""
        return self.history.now[2]

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
        now, fine, _ = self.history.now
        # No decision: taking back the one that follows leaves what is selected now.
        self.history.now = now, fine, tuple(entry for entry in now if entry in wanted)

    def write(
        self,
        entries: Iterable[Entry],
        select: Iterable[Entry] = (),
        before: Iterable[Entry] | None = None,
    ) -> None:
        """Make any decision: these are the traces now, and these of them are selected.

        What grew from a trace that changed grows from where its point is now.

        Parameters
        ----------
        entries : iterable of Entry
            All that there are now.
        select : iterable of Entry
            Some of these.
        before : iterable of Entry, optional
            Those among which each grows from where it says; those that were there if not given.
        """
        new = self._linked(entries, before)
        self.history.write((tuple(new.values()), self.fine, ()))
        self.select(new[entry] for entry in select)

    def _linked(
        self, entries: Iterable[Entry], before: Iterable[Entry] | None = None
    ) -> dict[Entry, Entry]:
        """For each of some entries, in their order, the one that grows from where its point is."""
        after = list(entries)
        known = [entry.trace for entry in (self.entries if before is None else before)]
        linked = kept_linked(known, [entry.trace for entry in after])
        return {
            entry: entry if trace is entry.trace else replace(entry, trace=trace)
            for entry, trace in zip(after, linked, strict=True)
        }

    def find_fine(self, place: Place) -> None:
        """A doubtful trace is right at a voxel ``(z, y, x)``; the selection stays."""
        self.history.write((self.entries, (*self.fine, place), self.selected))

    def undo(self) -> None:
        """Take the last decision back, and select what was selected before it."""
        self.history.undo()

    def redo(self) -> None:
        """Make it again, and select what was selected after it."""
        self.history.redo()

    def free_names(self, number: int, also_taken: Iterable[str] = ()) -> list[str]:
        """The first of ``trace 1``, ``trace 2``... that no trace has."""
        taken = {entry.name for entry in self.entries} | set(also_taken)
        return list(islice((name for name in numbered("trace") if name not in taken), number))

    def _replace(self, old: Entry, new: Entry) -> None:
        self.write((new if entry is old else entry for entry in self.entries), [new])


def numbered(kind: str) -> Iterator[str]:
    """The kind with 1, 2..."""
    return (f"{kind} {n}" for n in count(1))

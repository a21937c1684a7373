"""The traces of an image, what a person decided about them, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_midl.volumes.traces import Trace

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Entry:
    """A trace and whether it was accepted; each decision makes another one.

    Parameters
    ----------
    trace : Trace
        Its points and their uncertainty.
    accepted : bool
        A person found it right; else it is a proposal.
    """

    trace: Trace
    accepted: bool = False

    @property
    def name(self) -> str:
        """Name of the trace."""
        return self.trace.path

    @property
    def state(self) -> str:
        """``accepted`` or ``proposed``."""
        return "accepted" if self.accepted else "proposed"


class PerEntry(Generic[T]):
    """What is found out about entries, kept for as long as they are in the list.

    A decision leaves most entries as they are, and there may be thousands.

    Parameters
    ----------
    find : callable
        Finds it out for one entry.
    """

    def __init__(self, find: Callable[[Entry], T]) -> None:
        self._find = find
        self._known: dict[Entry, T] = {}

    def __call__(self, entries: Iterable[Entry]) -> list[T]:
        """For each entry, in their order."""
        known = self._known
        self._known = {e: known[e] if e in known else self._find(e) for e in entries}
        return list(self._known.values())


class Book:
    """States of the list of traces, one a decision, to walk back and forth.

    Parameters
    ----------
    entries : iterable of Entry
        The first state.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)
        self._past: list[tuple[Entry, ...]] = []
        self._future: list[tuple[Entry, ...]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a decision was taken back."""
        return bool(self._future)

    def write(self, entries: Iterable[Entry]) -> None:
        """Make a decision: these are the traces now."""
        self._past.append(self.entries)
        self._future.clear()
        self.entries = tuple(entries)

    def undo(self) -> None:
        """Take the last decision back."""
        self._future.append(self.entries)
        self.entries = self._past.pop()

    def redo(self) -> None:
        """Make the decision again that was taken back last."""
        self._past.append(self.entries)
        self.entries = self._future.pop()

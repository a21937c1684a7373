"""A trace and what a person decided about it, or what is found out about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_midl.methods.axons.settings import SHORTEST_LESSON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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

    def told(self) -> Trace:
        """The trace, which says what was decided."""
        return replace(self.trace, state=self.state)


def overview(entry: Entry, voxel_size: Sequence[float]) -> tuple[str, float, float, float, str]:
    """Name, length in the unit of `voxel_size`, tortuosity, mean uncertainty and state.

    The uncertainty is NaN where none is told.
    """
    trace = entry.trace
    bent, unsure = trace.tortuosity(voxel_size), trace.mean_uncertainty
    return entry.name, trace.length(voxel_size), round(bent, 2), round(unsure, 2), entry.state


def lessons(entries: Iterable[Entry]) -> list[Trace]:
    """Accepted traces that are long enough to fine-tune on."""
    accepted = [entry.trace for entry in entries if entry.accepted]
    return [trace for trace in accepted if trace.length((0, 1, 1)) >= SHORTEST_LESSON]


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

"""A trace and what a person decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_midl.volumes.traces import Trace


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

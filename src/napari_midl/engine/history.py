"""States of something, one a decision, to walk back and forth."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class History(Generic[T]):
    """What is now, what was, and what was taken back.

    Parameters
    ----------
    first : object
        The first state; states are never changed, only replaced.

    Attributes
    ----------
    now : object
        The state as it stands.
    """

    def __init__(self, first: T) -> None:
        self.now = first
        self._past: list[T] = []
        self._future: list[T] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a decision was taken back."""
        return bool(self._future)

    def write(self, state: T) -> None:
        """Make a decision: this is the state now."""
        self._past.append(self.now)
        self._future.clear()
        self.now = state

    def undo(self) -> None:
        """Take the last decision back."""
        self._future.append(self.now)
        self.now = self._past.pop()

    def redo(self) -> None:
        """Make the decision again that was taken back last."""
        self._past.append(self.now)
        self.now = self._future.pop()

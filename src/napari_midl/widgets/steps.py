"""What a person did last, to be taken back and done again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 100


@dataclass(frozen=True)
class Step:
    """One thing that was done.

    Parameters
    ----------
    undo : callable
        Takes it back.
    redo : callable, optional
        Does it again, where that can be.
    """

    undo: Callable[[], object]
    redo: Callable[[], object] | None = None


class Steps:
    """The last steps, at most `LIMIT`."""

    def __init__(self) -> None:
        self._done: deque[Step] = deque(maxlen=LIMIT)
        self._undone: list[Step] = []

    @property
    def can_undo(self) -> bool:
        """Whether something can be taken back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether something can be done again."""
        return bool(self._undone)

    def push(self, step: Step) -> None:
        """Something was done; what was taken back before is forgotten."""
        self._done.append(step)
        self._undone.clear()

    def undo(self) -> None:
        """Take the last step back."""
        if self._done:
            step = self._done.pop()
            if step.redo is not None:
                self._undone.append(step)
            step.undo()

    def redo(self) -> None:
        """Do the step again that was taken back last."""
        if self._undone:
            step = self._undone.pop()
            self._done.append(step)
            if step.redo is not None:
                step.redo()

    def clear(self) -> None:
        """Forget all steps."""
        self._done.clear()
        self._undone.clear()

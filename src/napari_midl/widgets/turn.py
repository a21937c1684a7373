"""The mouse over the image is one tool's at a time, whichever dock the tool is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable

_turns: WeakKeyDictionary[Any, WeakSet[Turn]] = WeakKeyDictionary()


class Turn:
    """Lets the tools of all docks of a viewer follow one another.

    Parameters
    ----------
    viewer : napari.Viewer
        Over whose image the mouse is.
    leave : callable
        Called when another tool takes the mouse.
    """

    def __init__(self, viewer: Any, leave: Callable[[], object]) -> None:
        self._leave = leave
        self._all = _turns.setdefault(viewer, WeakSet())
        self._all.add(self)

    def take(self) -> None:
        """Have the mouse, so that no other tool has it."""
        for other in [each for each in self._all if each is not self]:
            other._leave()

    def stop(self) -> None:
        """Be asked to leave no more."""
        self._all.discard(self)

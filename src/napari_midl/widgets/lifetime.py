"""Doing something before a docked widget's window closes or the widget is taken out of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QDockWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class Lifetime(QObject):
    """Calls `end` once, when the window around a widget closes or the widget leaves it.

    A person who clicks on the window's cross may still be asked and change their mind; the window
    hides once that is settled. napari takes a dock's widget out of the window when the dock is
    closed.

    Parameters
    ----------
    widget : QWidget
        Becomes the parent.
    end : callable
        Called in the GUI thread.
    """

    # Qt may still ask the filter while Python takes the object apart.
    _ended = True

    def __init__(self, widget: QWidget, end: Callable[[], object]) -> None:
        super().__init__(widget)
        self._widget, self._end = widget, end
        self._window: QWidget | None = None
        widget.installEventFilter(self)
        self._ended = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; filters nothing out."""
        if watched is None or event is None or self._ended:
            return False
        if watched is self._widget:
            self.follow()
        elif event.type() in (QEvent.Type.Close, QEvent.Type.Hide) and not event.spontaneous():
            self._finish()
        return False

    def follow(self) -> None:
        """Find the window; docking passes through several, and a hidden one sends no events."""
        window = self._widget.window()
        if isinstance(window, QDockWidget):
            # A dock that floats is a window of its own, but it lives as long as its main window.
            window = window.parentWidget() or window
        if self._ended or window is self._window:
            return
        if self._window is not None and window is self._widget:
            self._finish()
            return
        self._leave()
        if window is not None and window is not self._widget:
            window.installEventFilter(self)
            self._window = window

    def _leave(self) -> None:
        if self._window is not None:
            # Qt may have deleted a window through which docking passed.
            with suppress(RuntimeError):
                self._window.removeEventFilter(self)
        self._window = None

    def _finish(self) -> None:
        self._ended = True
        self._leave()
        self._end()

"""Doing something before a docked widget's window closes or the widget is taken out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class Lifetime(QObject):
    """Calls `end` once, when the window around a widget closes or the widget leaves it.

    napari hides its window once closing it was confirmed, and takes a dock's widget out of the
    window when the dock is closed.

    Parameters
    ----------
    widget : QWidget
        Becomes the parent.
    end : callable
        Called in the GUI thread.
    """

    def __init__(self, widget: QWidget, end: Callable[[], object]) -> None:
        super().__init__(widget)
        self._widget, self._end = widget, end
        self._window: QWidget | None = None
        self._ended = False
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; filters nothing out."""
        if watched is None or event is None or self._ended:
            return False
        if watched is self._widget:
            if event.type() in (QEvent.Type.ParentChange, QEvent.Type.Show):
                self._follow()
        elif event.type() == QEvent.Type.Hide and not event.spontaneous():
            self._finish()
        return False

    def _follow(self) -> None:
        window = self._widget.window()
        if window is self._window:
            return
        if self._window is not None:
            self._window.removeEventFilter(self)
            if window is self._widget:
                self._finish()
                return
        if window is not None and window is not self._widget:
            window.installEventFilter(self)
            self._window = window

    def _finish(self) -> None:
        self._ended = True
        self._end()

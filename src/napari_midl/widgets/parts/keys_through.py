"""Lists and boxes that leave letters to the keys of the dock, in place of searching by them."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QWidget

_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)


class KeysThrough(QObject):
    """Lets letters that are typed on lists, tables and boxes of a widget go on to its window.

    Parameters
    ----------
    widget : QWidget
        What it holds now is watched; fields to type in keep their letters.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        for part in (*widget.findChildren(QAbstractItemView), *widget.findChildren(QComboBox)):
            part.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: an event that is ignored goes on to the parent."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            letter = event.text().isalpha() or event.key() == Qt.Key.Key_Delete
            if letter and event.modifiers() in _PLAIN:
                event.ignore()
                return True
        return False

"""Lists, boxes and lines that leave keys to the image, once nothing is typed into them."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QAbstractItemView, QComboBox, QLineEdit, QWidget

_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)


class KeysThrough(QObject):
    """Lets letters and digits that are typed on parts of a widget go on to its window.

    Lists, tables and boxes would search by them. A line to type in keeps them until Return.

    Parameters
    ----------
    widget : QWidget
        What it holds now is watched.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        for part in (*widget.findChildren(QAbstractItemView), *widget.findChildren(QComboBox)):
            part.installEventFilter(self)
        # Kept, as whatever has a slot of ours: of what only Qt holds Python sees no cycle.
        self._lines = widget.findChildren(QLineEdit)
        for line in self._lines:
            focused = line.focusProxy() or line  # a box around it
            line.returnPressed.connect(focused.clearFocus)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: an event that is ignored goes on to the parent."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            ours = event.text().isalnum() or event.key() == Qt.Key.Key_Delete
            if ours and event.modifiers() in _PLAIN:
                event.ignore()
                return True
        return False

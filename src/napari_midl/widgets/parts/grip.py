"""A bar below a widget that is dragged to make it higher or lower."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QPainter
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QMouseEvent, QPaintEvent

_HEIGHT, _DOTS, _APART = 8, 5, 6


class Grip(QWidget):
    """Sets the height of another widget.

    Parameters
    ----------
    widget : QWidget
        Whose height.
    least : int
        Of its height, in pixels.
    """

    def __init__(self, widget: QWidget, least: int) -> None:
        super().__init__()
        self._widget, self._least = widget, least
        self._from = 0.0
        self.setFixedHeight(_HEIGHT)
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        self.setToolTip("Drag to see more, or less")

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: the drag begins."""
        if event is not None:
            self._from = event.globalPosition().y() - self._widget.height()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Qt's hook: as high as the mouse is low."""
        if event is not None:
            height = round(event.globalPosition().y() - self._from)
            self._widget.setFixedHeight(max(self._least, height))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Qt's hook: a few dots, in the colour of the text."""
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().windowText())
        painter.setOpacity(0.5)
        middle = self.width() // 2 - _APART * (_DOTS // 2)
        for dot in range(_DOTS):
            painter.drawEllipse(middle + _APART * dot, _HEIGHT // 2 - 1, 3, 3)

"""Widgets beside each other, which go on in a next line where a dock is too narrow for them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QSize
from superqt import QFlowLayout

if TYPE_CHECKING:
    from qtpy.QtWidgets import QLayoutItem

GAP = 5


class Flow(QFlowLayout):
    """As superqt's, but what is hidden takes no room, and a line is centred on its middle.

    It asks for the width of one line, and makes do with that of its widest widget.
    """

    def heightForWidth(self, width: int) -> int:
        """Qt's hook: the height of as many lines as it takes."""
        heights = [_height(line) for line in self._lines(width)]
        return sum(heights) + GAP * max(0, len(heights) - 1)

    def setGeometry(self, rect: QRect) -> None:
        """Qt's hook: put each widget into its place."""
        top = rect.top()
        for line in self._lines(rect.width()):
            height, sizes = _height(line), [item.sizeHint() for item in line]
            starts = accumulate((size.width() + GAP for size in sizes), initial=rect.left())
            for item, size, left in zip(line, sizes, starts, strict=False):
                middle = top + (height - size.height()) // 2
                item.setGeometry(
                    QRect(left, middle, min(size.width(), rect.width()), size.height())
                )
            top += height + GAP

    def sizeHint(self) -> QSize:
        """Qt's hook: all in one line."""
        seen = self._seen()
        width = sum(item.sizeHint().width() for item in seen) + GAP * max(0, len(seen) - 1)
        return QSize(width, _height(seen))

    def minimumSize(self) -> QSize:
        """Qt's hook: the widest widget."""
        seen = self._seen()
        widths = (item.minimumSize().width() for item in seen)
        return QSize(max(widths, default=0), _height(seen))

    def _seen(self) -> list[QLayoutItem]:
        items = (self.itemAt(index) for index in range(self.count()))
        return [item for item in items if item is not None and not item.isEmpty()]

    def _lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        left = 0
        for item in self._seen():
            wide = item.sizeHint().width()
            if not lines or left + wide > width:
                lines.append([])
                left = 0
            lines[-1].append(item)
            left += wide + GAP
        return lines


def _height(line: list[QLayoutItem]) -> int:
    return max((item.sizeHint().height() for item in line), default=0)

"""Words that change often, such as how far a job is, and the room that lines of them take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QRect, QSize, Qt
from qtpy.QtWidgets import QSizePolicy, QStylePainter, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent
    from qtpy.QtWidgets import QLabel


def room_for(lines: int, label: QLabel) -> int:
    """Height that a label without an indent takes for so many lines."""
    # As a label measures its text; line spacings are rounded each by itself.
    text = label.fontMetrics().boundingRect(QRect(), 0, "\n".join("a" * lines))
    margins = label.contentsMargins()
    return text.height() + margins.top() + margins.bottom()


class Words(QWidget):
    """One line of text, cut with an ellipsis where it is too long.

    Whatever it says, its size stays the same. A QLabel has the layouts around it made anew each
    time, which draws the window four times; without a graphics card each takes 30 ms.

    Parameters
    ----------
    text : str
        What it says.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setText(text)

    def text(self) -> str:
        """What it says, also where that is cut."""
        return self._text

    def setText(self, text: str) -> None:
        """Say something else."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:
        """A line high, and as wide as there is room."""
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw what there is room for."""
        shown = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        QStylePainter(self).drawItemText(
            self.rect(),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            self.palette(),
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )

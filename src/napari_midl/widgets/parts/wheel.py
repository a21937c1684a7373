"""A wheel that scrolls a dock changes no value that it passes over."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget


class WheelGuard(QObject):
    """Lets no spin box, list or slider of a widget turn by the wheel.

    Also none that was clicked: it keeps the focus while one scrolls on.

    Parameters
    ----------
    widget : QWidget
        Whose children to guard, as they are now; becomes the parent.
    """

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        for child in widget.findChildren(QWidget):
            turns = isinstance(child, QAbstractSlider | QAbstractSpinBox | QComboBox)
            if turns and not isinstance(child, QScrollBar):
                child.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                child.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook: hand the wheel on to what scrolls."""
        if event is None or event.type() != QEvent.Type.Wheel:
            return False
        event.ignore()
        return True

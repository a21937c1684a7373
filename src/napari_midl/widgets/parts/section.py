"""Small Qt conveniences of the sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_midl.widgets.parts.flow import GAP, Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from qtpy.QtCore import QObject
    from qtpy.QtGui import QShowEvent

T = TypeVar("T")

NO_SIZE = "<b>Voxel size unknown: lengths are in voxels.</b>"


class Section(QFrame):
    """Widgets below each other under a title, which folds them away and back.

    Parameters
    ----------
    title : str
        What it is called.

    Attributes
    ----------
    title : QToolButton
        Checked while the section is open.
    body : QVBoxLayout
        Of the widgets.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._wanted: QWidget = self
        self._labels: list[QWidget] = []
        self.title = QToolButton()
        self.title.setText(title)
        self.title.setToolTip("Fold this section away, or open it")
        self.title.setCheckable(True)
        self.title.setChecked(True)
        self.title.setAutoRaise(True)
        self.title.setStyleSheet("font-weight: bold")
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.title.toggled.connect(self._on_toggled)
        inside = QWidget()
        self.body = QVBoxLayout(inside)
        self.body.setContentsMargins(6, 2, 6, 6)
        self.body.setSpacing(5)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.title)
        whole.addWidget(inside)
        self._inside = inside
        self._on_toggled(True)

    def row(self, *widgets: QWidget | str, stretch: int | None = None) -> None:
        """Add widgets beside each other; a text becomes a label.

        Where none is to stretch they go on in a next line, if the dock is too narrow.
        """
        shown = [QLabel(each) if isinstance(each, str) else each for each in widgets]
        if stretch is None:
            flow = Flow()
            for widget in shown:
                flow.addWidget(widget)
            self.body.addLayout(flow)
            return
        row = QHBoxLayout()
        row.setSpacing(GAP)
        for index, widget in enumerate(shown):
            row.addWidget(widget, 1 if index == stretch else 0)
        if isinstance(widgets[0], str) and stretch == 1:
            self._labels.append(shown[0])
        self.body.addLayout(row)

    def showEvent(self, event: QShowEvent | None) -> None:
        """Qt's hook: what stands beside labels begins below each other, in the style's font."""
        widest = max((label.sizeHint().width() for label in self._labels), default=0)
        for label in self._labels:
            label.setMinimumWidth(widest)
        super().showEvent(event)

    def bring_into_sight(self, part: QWidget) -> None:
        """Open the section and scroll to a part, once what changed has found its place."""
        self.title.setChecked(True)
        self._wanted = part
        QTimer.singleShot(0, self._scroll)

    def _on_toggled(self, open_: bool) -> None:
        self._inside.setVisible(open_)
        self.title.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)

    def _scroll(self) -> None:
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        if parent is not None:
            parent.ensureWidgetVisible(self._wanted)


def there(part: T | None) -> T:
    """A part that Qt always has, although the bindings' stubs say that it may be None."""
    assert part is not None
    return part


def once_after(milliseconds: int, call: Callable[[], object], parent: QObject) -> QTimer:
    """A timer that calls once, as long after its last start."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer


def enable(widget: QWidget, enabled: bool) -> None:
    """Enable a widget or not.

    Qt would give the focus of one that is not on to the next line, in which keys then type.
    """
    window, around = widget.window(), widget.parentWidget()
    if not enabled and window is not None and window.focusWidget() is widget and around is not None:
        around.setFocus()
    widget.setEnabled(enabled)


def button(text: str, tooltip: str, clicked: Callable[[], object]) -> QPushButton:
    """A push button."""
    made = QPushButton(text)
    made.setToolTip(tooltip)
    made.clicked.connect(lambda _=False: clicked())
    return made


def check(text: str, tooltip: str, checked: bool = False) -> QCheckBox:
    """A box to tick."""
    made = QCheckBox(text)
    made.setToolTip(tooltip)
    made.setChecked(checked)
    return made


def combo(tooltip: str, words: Mapping[Any, str] | None = None) -> QComboBox:
    """A list to choose from, as narrow as its row; the words stand for the keys."""
    made = QComboBox()
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setToolTip(tooltip)
    for value, text in (words or {}).items():
        made.addItem(text, value)
    return made


def offer(
    made: QComboBox, things: Mapping[Any, str], wanted: Any = None, otherwise: int = 0
) -> None:
    """Offer other things by their names, and choose one, without a signal."""
    with signals_blocked(made):
        made.clear()
        for thing, name in things.items():
            made.addItem(name, thing)
        kept = list(things).index(wanted) if wanted in things else min(otherwise, len(things) - 1)
        made.setCurrentIndex(kept)


def spin(tooltip: str, low: int, high: int, value: int = 0) -> QSpinBox:
    """A whole number."""
    made = QSpinBox()
    made.setToolTip(tooltip)
    made.setRange(low, high)
    made.setValue(value)
    return made


def note(tooltip: str = "") -> QLabel:
    """A label for a sentence or two."""
    made = QLabel("")
    made.setWordWrap(True)
    made.setToolTip(tooltip)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def trouble(tooltip: str) -> QLabel:
    """A label for what went wrong, hidden until then; red text cannot be read in both themes."""
    made = note(tooltip)
    made.setStyleSheet("border-left: 3px solid #e06c5a; padding-left: 6px")
    made.hide()
    return made


def swatch(colour: str) -> QIcon:
    """A square of a colour."""
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)

"""What surrounds the sections of every dock: the hint above, the progress below, torch missing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtWidgets import QDockWidget, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from qtpy.QtCore import QSize


_NAPARIS_LEAST = 50
_MOST = 430  # at which each row of buttons is one line


def torch_is_here() -> bool:
    """Whether torch can be imported; it is not imported."""
    return find_spec("torch") is not None


def torch_notice(needs: str, works: str) -> QLabel:
    """A line that is shown while torch is missing.

    Parameters
    ----------
    needs, works : str
        What needs torch, and what works without it; each begins a sentence.
    """
    label = QLabel(f"{needs} need torch: pip install torch, then restart.")
    label.setWordWrap(True)
    label.setToolTip(f"{works} work without it")
    label.setVisible(not torch_is_here())
    return label


def let_shrink(widget: QWidget) -> None:
    """Let the dock about a widget be as narrow as what it holds, also if that once was wider.

    Where a dock was given a least width, as napari does, Qt keeps the widest that it ever needed;
    before the style of the window reaches a tool, that is far more than afterwards.
    """
    dock: QWidget | None = widget
    while dock is not None and not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    inside = dock.widget() if dock is not None else None
    if dock is None or inside is None:
        return
    if dock.minimumWidth() > max(_NAPARIS_LEAST, inside.minimumSizeHint().width()):
        dock.setMinimumWidth(_NAPARIS_LEAST)


def lay_out(
    dock: QWidget, above: Sequence[QWidget], sections: Sequence[QWidget], below: Sequence[QWidget]
) -> QScrollArea:
    """Sections that scroll, as the widget returned, between what always stays in sight."""
    inside = QWidget()
    column = QVBoxLayout(inside)
    column.setContentsMargins(0, 0, 4, 0)
    column.setSpacing(4)
    for section in sections:
        column.addWidget(section)
    column.addStretch(1)
    scroll = _Column()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(inside)
    layout = QVBoxLayout(dock)
    layout.setContentsMargins(6, 6, 6, 6)
    layout.setSpacing(4)
    for widget in above:
        layout.addWidget(widget)
    layout.addWidget(scroll, 1)
    for widget in below:
        layout.addWidget(widget)
    return scroll


def settle() -> None:
    """Give what was shown or hidden its room now: otherwise it is drawn squeezed at first."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)


class _Column(QScrollArea):
    """Scrolls up and down only: it is never narrower than what it holds and its scroll bar.

    Styles and texts that come later make the sections wider, so it is asked anew each time.
    """

    def minimumSizeHint(self) -> QSize:
        """Qt's hook: the least size at which nothing is cut off at the side."""
        hint, inside = super().minimumSizeHint(), self.widget()
        if inside is not None:
            hint.setWidth(inside.minimumSizeHint().width() + self._around)
        return hint

    def sizeHint(self) -> QSize:
        """Qt's hook: the size at which each row is one line, as far as the image has room, too."""
        hint, least, inside = super().sizeHint(), self.minimumSizeHint().width(), self.widget()
        if inside is not None:
            hint.setWidth(max(least, min(inside.sizeHint().width() + self._around, _MOST)))
        return hint

    @property
    def _around(self) -> int:
        bar = self.verticalScrollBar()
        return 2 * self.frameWidth() + (bar.sizeHint().width() if bar is not None else 0)

    def eventFilter(self, watched: Any, event: Any) -> bool:
        """Qt's hook: what it holds has changed."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            let_shrink(self)
        return bool(super().eventFilter(watched, event))

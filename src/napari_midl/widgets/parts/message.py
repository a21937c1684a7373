"""A line that says what went wrong, or what was done, until it is closed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QToolButton

from napari_midl.widgets.parts.names import shortened
from napari_midl.widgets.parts.words import room_for

if TYPE_CHECKING:
    from qtpy.QtGui import QResizeEvent

_SIDE = 18
_LINES = 2
# Red text cannot be read in both themes.
_STYLE = "border-left: 3px solid {}; padding-left: 6px; padding-right: 20px"
_TROUBLE, _CALM = "#e06c5a", "#5a9de0"


class Message(QLabel):
    """A sentence that can be read whole, and closed; hidden until there is one.

    The middle of a long word, such as a path, is left out, lest the dock become wide for it; the
    tooltip has all of it. There is room for two lines also while it is hidden, so that no button
    moves away from under the mouse as it comes and goes.

    Attributes
    ----------
    is_calm : bool
        Whether it says what was done, and not what went wrong.
    """

    def __init__(self, tooltip: str) -> None:
        super().__init__("")
        self._whole = ""
        self.setWordWrap(True)
        self._tooltip = tooltip
        self.setToolTip(tooltip)
        self.setTextInteractionFlags(self.textInteractionFlags().TextSelectableByMouse)
        self._close = QToolButton(self)
        self._close.setText("×")
        self._close.setAutoRaise(True)
        self._close.setFixedSize(_SIDE, _SIDE)
        self._close.setToolTip("Close this message")
        self._close.setAccessibleName("Close this message")
        self._close.setStyleSheet("border: none; padding: 0")
        self._close.clicked.connect(self.hide)
        kept = self.sizePolicy()
        kept.setRetainSizeWhenHidden(True)
        self.setSizePolicy(kept)
        self.calm(False)
        self.hide()

    def calm(self, calm: bool) -> None:
        """Look as if nothing went wrong, or something did."""
        self.is_calm = calm
        self.setStyleSheet(f"QLabel {{ {_STYLE.format(_CALM if calm else _TROUBLE)} }}")

    def text(self) -> str:
        """What it says, also where that is cut."""
        return self._whole

    def setText(self, text: str | None) -> None:
        """Say something else."""
        self._whole = text or ""
        shown = re.sub(r"\S+", lambda word: shortened(word[0]), self._whole)
        self.setToolTip(self._tooltip if shown == self._whole else self._whole)
        super().setText(shown)

    def hasHeightForWidth(self) -> bool:
        """Qt's hook: also without a text."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Qt's hook: what the text takes, and no less than the usual room."""
        usual = room_for(_LINES, self)
        return usual if self.isHidden() else max(super().heightForWidth(width), usual)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Qt's hook: the cross stays in its corner."""
        super().resizeEvent(event)
        self._close.move(self.width() - _SIDE, 0)

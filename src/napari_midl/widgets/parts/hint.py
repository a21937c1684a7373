"""The next step, for whoever opens a dock for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_midl.widgets.parts.words import room_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget


LINES = 4


class Hint(QLabel):
    """A trail of steps, and what to do in the one that is next.

    It keeps room for four lines, so that no button below moves away from under the mouse.

    Parameters
    ----------
    steps : sequence of str
        Their names.
    """

    def __init__(self, steps: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps = list(steps)
        self.step = -1
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setIndent(0)  # by which napari's style makes it higher than its lines
        self.setToolTip("What to do next")

    def heightForWidth(self, width: int) -> int:
        """Qt's hook: what the text takes, and no less than the usual room."""
        return max(super().heightForWidth(width), room_for(LINES, self))

    def show_step(self, step: int, text: str) -> None:
        """Point to a step, counted from 0."""
        self.step = step
        trail = " › ".join(
            f"<b><u>{i + 1}&nbsp;{name}</u></b>" if i == step else f"{i + 1}&nbsp;{name}"
            for i, name in enumerate(self._steps)
        )
        shown = f"{trail}<br>{text}"
        if shown != self.text():
            self.setText(shown)

"""How much of a large image there is to compute, and how long all of it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_midl.engine.pace import LARGE, Pace, roughly
from napari_midl.widgets.parts.section import button, note

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Progress

LONG = 1800  # seconds from which on the view is offered first


class Outlook(QWidget):
    """A sentence, and a button that asks for the view first; hidden where neither is of use.

    Attributes
    ----------
    wanted : Signal
        A person wants the view first.
    """

    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._pace, self._voxels = Pace(), 0
        self._a_second: float | None = None
        self.words = note("How much there is to compute")
        self.first = button(
            "This view first",
            "Compute what is in view; the rest can be added later",
            self.wanted.emit,
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.first)
        self.hide()

    def ask(self, voxels: int) -> None:
        """Say how large an image is before it is computed whole, if it is large."""
        words = f"{voxels / 1e9:,.1f} billion voxels"
        if self._a_second is not None:
            words += f": {roughly(voxels / self._a_second)}"
        self.words.setText(f"{words}. A view or a box is there sooner.")
        self.first.hide()
        self.setVisible(voxels >= LARGE)

    def begin(self, voxels: int) -> None:
        """The computation of so many voxels begins; 0 where the view is what is computed."""
        self._pace, self._voxels = Pace(), voxels
        self.hide()

    def follow(self, latest: Progress) -> None:
        """Say how long it takes, and offer the view first if that is long."""
        left = self._pace.left(latest.done, latest.total)
        if left is None or not self._voxels:
            return
        self._a_second = self._voxels * (1 - latest.done / latest.total) / max(left, 1e-3)
        if left >= LONG:
            self.words.setText(f"All of it takes {roughly(left)}.")
            self.first.show()
            self.show()

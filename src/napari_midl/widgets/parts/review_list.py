"""Places worth a look, least sure first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence


class ReviewList(QWidget):
    """Proposals with ``origin``, ``shape``, ``uncertainty`` and ``reason``.

    Attributes
    ----------
    visited : Signal(object)
        The proposal that was clicked.
    """

    visited = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setToolTip("Click a place to fly there")
        self.list.setFixedHeight(74)
        self.list.itemClicked.connect(lambda item: self._visit(self.list.row(item)))
        self._proposals: list[Any] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.list)
        self.fill([])

    def fill(self, proposals: Sequence[Any]) -> None:
        """Show other proposals."""
        self.list.clear()
        self._proposals = list(proposals)
        for number, proposal in enumerate(self._proposals, 1):
            z, y, x = (o + n // 2 for o, n in zip(proposal.origin, proposal.shape, strict=True))
            row = QListWidgetItem(f"{number}.  z {z}, y {y}, x {x}:  {proposal.reason}")
            row.setToolTip(proposal.reason)
            self.list.addItem(row)
        self.setVisible(bool(self._proposals))

    @property
    def current(self) -> Any | None:
        """The proposal that was clicked last."""
        row = self.list.currentRow()
        return self._proposals[row] if 0 <= row < len(self._proposals) else None

    def _visit(self, row: int) -> None:
        self.visited.emit(self._proposals[row])

"""One button that saves what a tool made for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from qtpy.QtWidgets import QMenu, QPushButton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QAction


@dataclass(frozen=True)
class Kind:
    """Something to save.

    Parameters
    ----------
    words : str
        What the menu says.
    filter : str
        Qt's filter; its first word stands for `ending`.
    ending : str
        Of a name without one; empty for a folder.
    """

    words: str
    filter: str = ""
    ending: str = ""


K = TypeVar("K", bound=Kind)


class ExportButton(QPushButton, Generic[K]):
    """A button whose menu has all kinds.

    Parameters
    ----------
    groups : sequence of sequences of Kind
        What can be saved, with a line between the groups.
    chosen : callable
        Called with the kind.
    tip : str
        The button's tooltip.
    """

    def __init__(
        self, groups: Sequence[Sequence[K]], chosen: Callable[[K], object], tip: str
    ) -> None:
        super().__init__("Export…")
        self.setToolTip(tip)
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.kinds: dict[K, QAction] = {}
        for group in groups:
            self._menu.addSeparator()  # one above the first is not shown
            for kind in group:
                action = self._menu.addAction(kind.words)
                assert action is not None
                action.triggered.connect(lambda _=False, kind=kind: chosen(kind))
                self.kinds[kind] = action
        self.setMenu(self._menu)

    def offer(self, why_not: Callable[[K], str]) -> None:
        """Grey what cannot be saved; `why_not` gives the reason, or nothing."""
        reasons = {kind: why_not(kind) for kind in self.kinds}
        for kind, why in reasons.items():
            self.kinds[kind].setEnabled(not why)
            self.kinds[kind].setToolTip(why)
        self.setEnabled(not all(reasons.values()))

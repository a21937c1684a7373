"""Places to look at, one a row; a person flies there and may decide about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QListView, QListWidget, QListWidgetItem
from superqt.utils import signals_blocked

from napari_midl.errors import InputError
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.section import there
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtGui import QIcon, QKeyEvent

T = TypeVar("T")
B = TypeVar("B", bound=Bench)


@dataclass(frozen=True)
class Place:
    """How a row looks, and where it leads.

    Parameters
    ----------
    words : str
        What the row says.
    origin, size : sequence of float
        The box ``Z Y X`` or ``Y X`` in voxels of the image.
    verdict : str
        What a person has decided; empty if nothing yet.
    tip : str
        Tooltip of the row.
    """

    words: str
    origin: Sequence[float]
    size: Sequence[float]
    verdict: str = ""
    tip: str = ""


class ReviewSection(ToolSection[B], Generic[B, T]):
    """A list of items, each at a place; a click or the arrow keys fly there.

    A subclass makes the items and says by `place` how each is shown.

    Attributes
    ----------
    tip : str
        Tooltip of the list.
    list_height : int
        Of the list, in pixels.
    icon_side : int
        Side of the pictures in a grid, in pixels; 0 makes a list of words.
    list : PlaceList
        The rows.
    items : list
        What they show.
    """

    tip: ClassVar[str] = "Click a place to fly there"
    list_height: ClassVar[int] = 74
    icon_side: ClassVar[int] = 0

    def __init__(self, bench: B) -> None:
        super().__init__(bench)
        self.items: list[T] = []
        self.list = PlaceList(self.icon_side)
        self.list.setToolTip(self.tip)
        self.list.setFixedHeight(self.list_height)
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemClicked.connect(lambda _: self._on_row(self.row_shown))
        self.arrange()
        self.fill([])

    def arrange(self) -> None:
        """Hook: make the other widgets and lay out the rows."""
        raise NotImplementedError

    def place(self, item: T) -> Place:
        """Hook: how an item is shown, and where it lies."""
        raise NotImplementedError

    def icon(self, item: T) -> QIcon | None:
        """Hook: a picture of an item."""
        return None

    def keep(self, items: list[T]) -> None:
        """Hook: keep what was decided, or raise an `InputError` that is told."""

    def shown(self) -> None:
        """Hook: the items, their verdicts or the chosen one have changed."""

    @property
    def row_shown(self) -> int:
        """The chosen row, or -1."""
        return self.list.currentRow() if self.items else -1

    @property
    def current(self) -> T | None:
        """The chosen item."""
        row = self.row_shown
        return self.items[row] if 0 <= row < len(self.items) else None

    def fill(self, items: Sequence[T]) -> None:
        """Show other items; none is chosen."""
        self.items = list(items)
        with signals_blocked(self.list):
            self.list.clear()
            for item in self.items:
                self.list.addItem(self._row(QListWidgetItem(), item))
            self.list.setCurrentRow(-1)
        self.list.setVisible(bool(self.items))
        self.shown()

    def change(self, item: T) -> bool:
        """Put another item in the place of the chosen one, and keep it."""
        row = self.row_shown
        if row < 0:
            return False
        items = [item if i == row else other for i, other in enumerate(self.items)]
        try:
            self.keep(items)
        except InputError as error:
            self.bench.report(error)
            return False
        self.items = items
        self._row(there(self.list.item(row)), item)
        self.shown()
        return True

    def look_again(self) -> None:
        """Show the items as they are now; the same one stays chosen."""
        for row, item in enumerate(self.items):
            self._row(there(self.list.item(row)), item)

    def go_to_next(self) -> None:
        """Choose the next item about which nothing is decided, from the top again at the end."""
        row, count = self.row_shown, len(self.items)
        for step in range(1, count + 1):
            following = (row + step) % count
            if not self.place(self.items[following]).verdict:
                self.list.setCurrentRow(following)
                if following == row:
                    self._on_row(row)
                return

    def _on_row(self, row: int) -> None:
        image = self.bench.image
        if image is not None and 0 <= row < len(self.items):
            place = self.place(self.items[row])
            fly_to(self.bench.viewer, image, place.origin, place.size)
        self.shown()

    def _row(self, row: QListWidgetItem, item: T) -> QListWidgetItem:
        place, icon = self.place(item), self.icon(item)
        row.setText(place.words)
        row.setToolTip(place.tip)
        if icon is not None:
            row.setIcon(icon)
        return row


class PlaceList(QListWidget):
    """Rows of words, or a grid of pictures; single keys decide.

    Parameters
    ----------
    icon_side : int
        Side of the pictures, in pixels; 0 shows words.

    Attributes
    ----------
    decisions : dict
        What a key does, such as ``{Qt.Key.Key_A: accept}``.
    """

    def __init__(self, icon_side: int = 0) -> None:
        super().__init__()
        self.decisions: dict[Qt.Key, Callable[[], object]] = {}
        if icon_side:
            self.setViewMode(QListView.ViewMode.IconMode)
            self.setResizeMode(QListView.ResizeMode.Adjust)
            self.setMovement(QListView.Movement.Static)
            self.setIconSize(QSize(icon_side, icon_side))
            self.setGridSize(QSize(icon_side + 12, icon_side + 26))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Qt's hook: single keys decide, all others move as usual."""
        plain = event is not None and event.modifiers() == Qt.KeyboardModifier.NoModifier
        decide = self.decisions.get(Qt.Key(event.key())) if event is not None and plain else None
        if decide is not None:
            decide()
        else:
            super().keyPressEvent(event)

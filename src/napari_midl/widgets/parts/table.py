"""A pandas table in a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from qtpy.QtWidgets import QAbstractItemView, QTableView, QVBoxLayout, QWidget

from napari_midl.widgets.parts.keys_through import KeysThrough
from napari_midl.widgets.parts.section import there

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

_LOOKED_AT = 50


class TableView(QWidget):
    """A sortable table.

    Attributes
    ----------
    visited : Signal(int)
        Row of the table, as it was given, that was clicked.
    selected : Signal(list)
        Rows of the table, as it was given, that a person selected.
    edited : Signal(int, str)
        Row of the table, as it was given, and what a person typed into its editable cell. The
        cell shows it only once the table is filled with it.
    typed : Signal(int, str)
        The same while its editor is still open.

    Parameters
    ----------
    table : pandas.DataFrame
        What to show first.
    editable : int, optional
        Column whose cells can be edited.
    """

    visited = Signal(int)
    selected = Signal(list)
    edited = Signal(int, str)
    typed = Signal(int, str)

    def __init__(
        self, table: pd.DataFrame, editable: int | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._editable = editable
        self._model: _Model | None = None
        # The editor must have closed before the table may be filled anew.
        self.typed.connect(self.edited, Qt.ConnectionType.QueuedConnection)
        self.view = QTableView()
        self.view.setSortingEnabled(True)
        # The third click on a column's name brings back the order in which the rows were given.
        there(self.view.horizontalHeader()).setSortIndicatorClearable(True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setToolTip("Click a row to fly there; click a column's name to sort by it")
        there(self.view.verticalHeader()).hide()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSortRole(Qt.ItemDataRole.UserRole)
        self.view.setModel(self._proxy)
        self.view.clicked.connect(
            lambda index: self.visited.emit(self._proxy.mapToSource(index).row())
        )
        # Kept, as whatever has a slot of ours: of what only Qt holds Python sees no cycle.
        self._selection = there(self.view.selectionModel())
        self._selection.selectionChanged.connect(lambda *_: self.selected.emit(self.rows))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self._through = KeysThrough(self)
        self.fill(table)

    @property
    def rows(self) -> list[int]:
        """Rows of the table, as it was given, that are selected."""
        chosen = self._selection.selectedRows()
        return sorted(self._proxy.mapToSource(index).row() for index in chosen)

    def fill(self, table: pd.DataFrame, keep_order: bool = False) -> None:
        """Show another table, sorted as the last one was or as it is given."""
        column, order = self._proxy.sortColumn(), self._proxy.sortOrder()
        before = self._model
        self._model = _Model(table, self._editable, self)
        self._proxy.setSourceModel(self._model)
        if before is not None:
            before.deleteLater()
        column = column if keep_order else -1
        self._proxy.sort(column, order)
        header = there(self.view.horizontalHeader())
        header.setSortIndicator(column, order)  # it would say that the first column sorts
        # A look at the first rows only: with thousands of them the window would wait.
        header.setResizeContentsPrecision(_LOOKED_AT)
        self.view.resizeColumnsToContents()

    def select(self, rows: Sequence[int]) -> None:
        """Select rows, counted as the table was given; `selected` says so once, or not at all."""
        selection, model = QItemSelection(), there(self._proxy.sourceModel())
        for row in rows:
            index = self._proxy.mapFromSource(model.index(row, 0))
            selection.select(index, index)
        whole = QItemSelectionModel.SelectionFlag.Rows
        self._selection.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect | whole)
        if rows:
            self.view.scrollTo(self._proxy.mapFromSource(model.index(rows[-1], 0)))

    def sort(self, column: int) -> None:
        """Show the rows with the largest of a column first."""
        self.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)


class _Model(QAbstractTableModel):
    def __init__(self, table: pd.DataFrame, editable: int | None, parent: TableView) -> None:
        super().__init__(parent)
        self._view, self._editable = parent, editable
        self._names = [str(name) for name in table.columns]
        self._columns = [table[name].tolist() for name in table.columns]

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self._columns else len(self._columns[0])

    def columnCount(self, parent: Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self._columns[index.column()][index.row()]
        if role == Qt.ItemDataRole.UserRole:
            # What is not known compares with nothing, and would leave the others unsorted.
            return -math.inf if isinstance(value, float) and math.isnan(value) else value
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            if not isinstance(value, float):
                return str(value)
            return "" if math.isnan(value) else f"{value:.4g}"
        return None

    def flags(self, index: Any) -> Any:
        known = super().flags(index)
        return known | Qt.ItemFlag.ItemIsEditable if index.column() == self._editable else known

    def setData(self, index: Any, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        self._view.typed.emit(index.row(), str(value))
        return False

    def headerData(
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._names[section]
        return None

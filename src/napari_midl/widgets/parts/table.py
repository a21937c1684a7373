"""A pandas table in a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QTableView, QVBoxLayout, QWidget

if TYPE_CHECKING:
    import pandas as pd


class TableView(QWidget):
    """A sortable table.

    Attributes
    ----------
    visited : Signal(int)
        Row of the table, as it was given, that was clicked.
    """

    visited = Signal(int)

    def __init__(self, table: pd.DataFrame, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = QTableView()
        self.view.setSortingEnabled(True)
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.view.setToolTip("Click a row to fly there; click a column's name to sort by it")
        self.view.verticalHeader().hide()
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSortRole(Qt.ItemDataRole.UserRole)
        self.view.setModel(self._proxy)
        self.view.clicked.connect(
            lambda index: self.visited.emit(self._proxy.mapToSource(index).row())
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self.fill(table)

    def fill(self, table: pd.DataFrame) -> None:
        """Show another table."""
        self._proxy.setSourceModel(_Model(table, self))
        self._proxy.sort(-1)
        self.view.resizeColumnsToContents()

    def sort(self, column: int) -> None:
        """Show the rows with the largest of a column first."""
        self.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)


class _Model(QAbstractTableModel):
    def __init__(self, table: pd.DataFrame, parent: QWidget) -> None:
        super().__init__(parent)
        self._names = [str(name) for name in table.columns]
        self._columns = [table[name].tolist() for name in table.columns]

    def rowCount(self, parent: Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() or not self._columns else len(self._columns[0])

    def columnCount(self, parent: Any = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._columns)

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self._columns[index.column()][index.row()]
        if role == Qt.ItemDataRole.UserRole:
            return value
        if role == Qt.ItemDataRole.DisplayRole:
            return f"{value:.4g}" if isinstance(value, float) else str(value)
        return None

    def headerData(
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._names[section]
        return None

"""What was measured, below the canvas: what it is of, the numbers, and the branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_midl.methods.vessels import report
from napari_midl.methods.vessels.export import with_units
from napari_midl.methods.vessels.words import numbers
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.parts.table import TableView

if TYPE_CHECKING:
    from napari_midl.methods.vessels.analyse import VesselGraph

_HEIGHT = 230


class BranchTable(QWidget):
    """The summary above the table of branches, and a table of regions.

    Attributes
    ----------
    visited : Signal(int)
        A branch was clicked.
    branches, regions : TableView
        The tables.
    banner, numbers : QLabel
        What the numbers are of, and the numbers of the whole.
    """

    visited = Signal(int)

    def __init__(self, graph: VesselGraph) -> None:
        super().__init__()
        self.banner = note("What was measured, and what it is not")
        self.numbers = note("Numbers of the whole image; docs/vessels.md defines them")
        self.branches = TableView(with_units(graph))
        self.branches.visited.connect(self.visited)
        self.regions = TableView(report.with_units(graph.summary, graph.unit))
        self.regions.view.setToolTip("The same numbers for the whole image and for each region")
        self.tabs = QTabWidget()
        self.tabs.addTab(self.branches, "Branches")
        self.tabs.addTab(self.regions, "Summary")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 0)
        layout.setSpacing(3)
        for widget in (self.banner, self.numbers):
            layout.addWidget(widget)
        layout.addWidget(self.tabs, 1)
        self.show_graph(graph)

    def sizeHint(self) -> QSize:
        """Qt's hook: some rows; the image needs the room."""
        return QSize(super().sizeHint().width(), _HEIGHT)

    def show_graph(self, graph: VesselGraph) -> None:
        """Show other numbers, the longest branch first."""
        said = (f"{name} <b>{value}</b>" for name, value in numbers(graph).items())
        self.numbers.setText(" &nbsp;·&nbsp; ".join(said))
        self.branches.fill(with_units(graph))
        self.branches.sort(list(graph.branches).index("length"))
        self.regions.fill(report.with_units(graph.summary, graph.unit))

"""The trees that the traces form: their measures, and how often spheres meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyqtgraph
from qtpy.QtWidgets import QDialog, QLabel, QVBoxLayout

from napari_midl.widgets.parts.table import TableView

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    Profiles = Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]

_WIDTH, _HEIGHT, _TABLE = 760, 520, 150
_COLOUR = "#4fb3d9"


class TreesDialog(QDialog):
    """A table of trees, and the Sholl profile of the chosen one.

    Parameters
    ----------
    table : pandas.DataFrame
        A row a tree, its name first.
    profiles : mapping of str to (radii, counts)
        How often each tree meets spheres, by its name.
    unit : str
        Of the radii.
    background, text : str
        Colours of the window's theme.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        profiles: Profiles,
        unit: str,
        background: str,
        text: str,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Trees")
        self.resize(_WIDTH, _HEIGHT)
        self._names = table["tree"].tolist()
        self._profiles = profiles
        self.table = TableView(table)
        self.table.view.setToolTip("Click a tree to see its profile")
        self.title = QLabel()
        self.plot = pyqtgraph.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setBackground(background)
        for axis in ("left", "bottom"):
            self.plot.getAxis(axis).setPen(text)
            self.plot.getAxis(axis).setTextPen(text)
        self.plot.setLabel("bottom", f"distance from the soma, or the root ({unit})")
        self.plot.setLabel("left", "intersections")
        self.line = self.plot.plot(pen=pyqtgraph.mkPen(_COLOUR, width=2))
        layout = QVBoxLayout(self)
        layout.addWidget(self.table)
        self.table.setMaximumHeight(_TABLE)
        layout.addWidget(self.title)
        layout.addWidget(self.plot, 1)
        self.table.selected.connect(self._on_rows)
        self.table.select([0])
        self._on_rows([0])

    def _on_rows(self, rows: list[int]) -> None:
        if not rows:
            return
        name = self._names[rows[0]]
        radii, counts = self._profiles[name]
        self.line.setData(radii, counts)
        self.title.setText(f"<b>Sholl profile of {name}</b>: how often it meets spheres")

"""The loss and the validation score of a training, while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_midl.engine.curve import Curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.jobs import Progress

LOSS_COLOUR, SCORE_COLOUR = "#e8a33d", "#4fb3d9"


class LossPlot(QWidget):
    """Loss on the left axis, validation Dice on the right, against the step.

    Parameters
    ----------
    score : str, optional
        Name of the validation score in `Progress.metrics`; None shows the loss alone.
    """

    def __init__(
        self, score: str | None = "validation_dice", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._score = score
        self.plot = pyqtgraph.PlotWidget()
        self.plot.setFixedHeight(155)
        self.plot.setMouseEnabled(False, False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.setToolTip(
            "Orange: loss on what you painted, smoothed; lower is better.\n"
            "Blue: Dice on painted blocks that choose the best weights; higher is better."
            if score
            else "Loss on what is learnt, smoothed; lower is better"
        )
        item = self.plot.getPlotItem()
        self._loss = item.plot(pen=pyqtgraph.mkPen(LOSS_COLOUR, width=2))
        self._right = pyqtgraph.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(False, False)
        item.showAxis("right", score is not None)
        # A loss of 0.4 is to read 0.4, not 400 thousandths.
        item.getAxis("left").enableAutoSIPrefix(False)
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item)
        self._right.setYRange(0, 1, padding=0.03)
        self._validation = pyqtgraph.PlotDataItem(
            pen=pyqtgraph.mkPen(SCORE_COLOUR, width=2),
            symbol="o",
            symbolSize=5,
            symbolBrush=SCORE_COLOUR,
            symbolPen=None,
        )
        self._right.addItem(self._validation)
        item.getViewBox().sigResized.connect(self._fit)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)
        self.set_colours("#262930", "#f0f1f2")
        self.clear()

    def clear(self) -> None:
        """Start a new training."""
        self.curve = Curve(self._score)
        self._draw()

    @property
    def losses(self) -> list[float]:
        """The loss of each step."""
        return self.curve.losses

    def add(self, batch: Sequence[Progress]) -> None:
        """Take the metrics of the last steps; the plot is shown once there are some."""
        self.curve.add(batch)
        if self.curve.losses or self.curve.scores:
            self.show()
            self._draw()

    def set_colours(self, background: str, text: str) -> None:
        """Follow the theme."""
        self.plot.setBackground(background)
        item = self.plot.getPlotItem()
        for name in ("bottom", "left", "right") if self._score else ("bottom", "left"):
            item.getAxis(name).setPen(pyqtgraph.mkPen(text))
            item.getAxis(name).setTextPen(pyqtgraph.mkPen(text))
        # The colour of the text would otherwise also be that of the labels.
        item.setLabel("bottom", "step", color=text)
        item.setLabel("left", "loss", color=LOSS_COLOUR)
        if self._score:
            item.setLabel("right", "validation Dice", color=SCORE_COLOUR)

    def _draw(self) -> None:
        self._loss.setData(*self.curve.smoothed())
        points = np.asarray(self.curve.scores, float).reshape(-1, 2)
        self._validation.setData(points[:, 0], points[:, 1])

    def _fit(self) -> None:
        self._right.setGeometry(self.plot.getPlotItem().getViewBox().sceneBoundingRect())

"""What the colours of a layer mean."""

from __future__ import annotations

import numpy as np
from napari.utils.colormaps import Colormap
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_midl.engine.uncertainty import COLOURS

UNCERTAINTY_COLOURS = Colormap([[*colour, 1] for colour in COLOURS], name="uncertainty")
_LENGTH, _HEIGHT = 256, 10


class ColourBar(QWidget):
    """A strip of colours between two numbers with their unit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.low, self.high, self.strip = QLabel(), QLabel(), QLabel()
        self.strip.setScaledContents(True)
        self.strip.setFixedHeight(_HEIGHT)
        self.strip.setMinimumWidth(60)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.low)
        layout.addWidget(self.strip, 1)
        layout.addWidget(self.high)
        self.hide()

    def show_range(self, what: str, colormap: Colormap, low: float, high: float, unit: str) -> None:
        """Show a quantity's colours from `low` to `high`."""
        row = (255 * colormap.map(np.linspace(0, 1, _LENGTH))).astype(np.uint8)
        image = QImage(
            row.tobytes() * _HEIGHT, _LENGTH, _HEIGHT, 4 * _LENGTH, QImage.Format.Format_RGBA8888
        ).copy()
        self.strip.setPixmap(QPixmap.fromImage(image))
        self.low.setText(f"{what} {low:.3g}")
        self.high.setText(f"{high:.3g} {unit}")
        self.setToolTip(f"Colours of the {what}, in {unit}")
        self.show()

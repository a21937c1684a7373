"""A reference slide whose colours to take: named, browsed for, or dropped in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from napari_midl.methods.staining.operations import Match
from napari_midl.methods.staining.ports import ReferenceIn, StainsOut
from napari_midl.widgets.tool.dialogs import ask_open

if TYPE_CHECKING:
    from napari_midl.methods.staining.stains import Stains
    from napari_midl.widgets.staining.bench import StainingBench

_OWN = "the model's own colours"


class ReferencePicker(QWidget):
    """A line for the path of an H&E picture, and a swatch of the two colours in it.

    Parameters
    ----------
    bench : StainingBench
        Looks at the picture in the background.

    Attributes
    ----------
    changed : Signal
        Another slide, or none.
    """

    changed = Signal()

    def __init__(self, bench: StainingBench) -> None:
        super().__init__()
        self._bench = bench
        self.path: Path | None = None
        self.line = QLineEdit()
        self.line.setPlaceholderText(_OWN)
        tip = (
            "An H&E picture whose colours to take, or the JSON that was measured of one; drop it "
            "here, or leave empty"
        )
        self.line.setToolTip(tip)
        self.setToolTip(tip)
        self.line.setAcceptDrops(False)
        self.line.editingFinished.connect(self._on_edited)
        self.swatch = QLabel()
        self.swatch.setToolTip("Its hematoxylin and its eosin")
        self.browse = QPushButton("…")
        self.browse.setFixedWidth(28)
        self.browse.setToolTip("Choose an H&E picture")
        self.browse.clicked.connect(self._on_browse)
        self.setAcceptDrops(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.swatch)
        layout.addWidget(self.browse)

    def choose(self, path: Path | None) -> None:
        """Take another slide, or none; one that cannot be used changes nothing."""
        if path is None:
            self._take(None, QPixmap())
            return
        self.line.setText(str(self.path or ""))
        operation = Match(slide=ReferenceIn(path), out=StainsOut(None))
        self._bench.start(
            "Match",
            operation.perform(),
            lambda outcome: self._take(path, _swatch(outcome.result)),
        )

    def _take(self, path: Path | None, pixmap: QPixmap) -> None:
        self.path = path
        self.line.setText(str(path or ""))
        self.swatch.setPixmap(pixmap)
        self.changed.emit()

    def dragEnterEvent(self, event: Any) -> None:
        """Qt's hook: take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Qt's hook: take the first file."""
        self.choose(Path(event.mimeData().urls()[0].toLocalFile()))

    def _on_edited(self) -> None:
        text = self.line.text().strip()
        if text != str(self.path or ""):
            self.choose(Path(text).expanduser() if text else None)

    def _on_browse(self) -> None:
        kinds = "Slides (*.png *.jpg *.jpeg *.tif *.tiff *.json)"
        path = ask_open(self, "Choose an H&E picture", kinds)
        if path is not None:
            self.choose(path)


def _swatch(stains: Stains) -> QPixmap:
    """The colours of full hematoxylin and full eosin beside each other."""
    pixmap = QPixmap(28, 14)
    painter = QPainter(pixmap)
    for index, (vector, full) in enumerate(zip(stains.vectors, stains.full, strict=True)):
        red, green, blue = (round(255 * math.exp(-full * part)) for part in vector)
        painter.fillRect(14 * index, 0, 14, 14, QColor(red, green, blue))
    painter.end()
    return pixmap

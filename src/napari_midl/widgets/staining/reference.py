"""A reference slide whose colours to take: named, browsed for, or dropped in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QColor, QPainter, QPixmap
from qtpy.QtWidgets import QLabel

from napari_midl.methods.staining.operations import Match
from napari_midl.methods.staining.ports import ReferenceIn, StainsOut
from napari_midl.widgets.parts.path_picker import PathPicker

if TYPE_CHECKING:
    from napari_midl.methods.staining.stains import Stains
    from napari_midl.widgets.staining.bench import StainingBench

_TIP = (
    "An H&E picture whose colours to take, or the JSON that was measured of one; drop it here, or "
    "leave empty"
)
_KINDS = "Slides (*.png *.jpg *.jpeg *.tif *.tiff *.json)"


class ReferencePicker(PathPicker):
    """The path of an H&E picture, and a swatch of the two colours in it.

    Parameters
    ----------
    bench : StainingBench
        Looks at the picture in the background.
    """

    def __init__(self, bench: StainingBench) -> None:
        super().__init__("Choose an H&E picture", _TIP, kinds=_KINDS)
        self._bench = bench
        self.line.setPlaceholderText("the colours of the method")
        self.line.setAcceptDrops(False)
        self.setAcceptDrops(True)
        self.setToolTip(_TIP)
        self.swatch = QLabel()
        self.swatch.setToolTip("Its hematoxylin and its eosin")
        self.swatch.hide()
        self.row.insertWidget(1, self.swatch)

    def choose(self, path: Path | None) -> None:
        """Take another slide, or none; one that cannot be used changes nothing."""
        self.line.setText(self._last)
        if path is None:
            self._take(None, QPixmap())
            return
        job = Match(slide=ReferenceIn(path), out=StainsOut(None)).perform()
        self._bench.start("Match", job, lambda found: self._take(path, _swatch(found.result)))

    def dragEnterEvent(self, event: Any) -> None:
        """Qt's hook: take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Qt's hook: take the first file."""
        self.choose(Path(event.mimeData().urls()[0].toLocalFile()))

    def _on_edited(self) -> None:
        if self.line.text().strip() != self._last:
            self.choose(self.path)

    def _take(self, path: Path | None, pixmap: QPixmap) -> None:
        self.path = path
        self.swatch.setPixmap(pixmap)
        self.swatch.setVisible(path is not None)
        self.changed.emit()


def _swatch(stains: Stains) -> QPixmap:
    """The colours of full hematoxylin and full eosin beside each other."""
    pixmap = QPixmap(28, 14)
    painter = QPainter(pixmap)
    for index, (vector, full) in enumerate(zip(stains.vectors, stains.full, strict=True)):
        red, green, blue = (round(255 * math.exp(-full * part)) for part in vector)
        painter.fillRect(14 * index, 0, 14, 14, QColor(red, green, blue))
    painter.end()
    return pixmap

"""A reference slide whose colours to take: named, browsed for, or dropped in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = "the model's own colours"


class ReferencePicker(QWidget):
    """A line for the path of an H&E picture, and a swatch of the two colours in it.

    Parameters
    ----------
    on_error : callable
        Called with the `InputError` of a picture that cannot be used.

    Attributes
    ----------
    changed : Signal
        Another slide, or none.
    """

    changed = Signal()

    def __init__(self, on_error: Callable[[Exception], object]) -> None:
        super().__init__()
        self._on_error = on_error
        self.path: Path | None = None
        self.line = QLineEdit()
        self.line.setPlaceholderText(_OWN)
        tip = "An H&E picture whose colours to take; drop one here, or leave empty"
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
        pixmap = QPixmap()
        if path is not None:
            try:
                pixmap = _swatch(path)
            except InputError as error:
                self._on_error(error)
                path = self.path
                pixmap = self.swatch.pixmap() or QPixmap()
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
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose an H&E picture", "", "Pictures (*.png *.jpg *.jpeg *.tif *.tiff)"
        )
        if path:
            self.choose(Path(path))


def _swatch(path: Path) -> QPixmap:
    """The colours of full hematoxylin and full eosin beside each other."""
    import numpy as np

    from napari_midl.methods.staining.pictures import read_picture
    from napari_midl.methods.staining.stains import stains_of

    stains = stains_of(read_picture(path), str(path))
    pixmap = QPixmap(28, 14)
    halves = []
    for vector, full in zip(stains.vectors, stains.full, strict=True):
        red, green, blue = (int(c) for c in 255 * np.exp(-full * np.array(vector)))
        half = QPixmap(14, 14)
        half.fill(QColor(red, green, blue))
        halves.append(half)
    from qtpy.QtGui import QPainter

    painter = QPainter(pixmap)
    for index, half in enumerate(halves):
        painter.drawPixmap(14 * index, 0, half)
    painter.end()
    return pixmap

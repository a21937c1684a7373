"""Small pictures of places, in a frame whose colour tells what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPainter, QPen, QPixmap

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN, ACCEPTED, REJECTED = "#8f98a6", "#2a8f4f", "#c0392b"  # colours of the frame
SIDE = 84
GRID_ROW = SIDE + 26  # height of a row of pictures with a line of words below


def framed(picture: NDArray[np.uint8], colour: str = OPEN) -> QIcon:
    """A picture ``(Y, X)`` or ``(Y, X, 3)`` in a frame."""
    gray = picture.ndim == 2
    pixels = np.ascontiguousarray(np.stack([picture] * 3, axis=-1) if gray else picture)
    height, width = pixels.shape[:2]
    stored = pixels.tobytes()
    image = QImage(stored, width, height, 3 * width, QImage.Format.Format_RGB888)
    pixmap = QPixmap.fromImage(image).scaled(
        SIDE, SIDE, transformMode=Qt.TransformationMode.SmoothTransformation
    )
    painter = QPainter(pixmap)
    painter.setPen(QPen(QColor(colour), 6))
    painter.drawRect(pixmap.rect())
    painter.end()
    return QIcon(pixmap)

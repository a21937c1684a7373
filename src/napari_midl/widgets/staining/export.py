"""Saving a stain and its review for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu, QPushButton

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QAction

    from napari_midl.methods.staining.settings import Compression


@dataclass(frozen=True)
class Kind:
    """Something to save.

    Parameters
    ----------
    words : str
        What the menu says.
    filter : str
        Qt's filter; its first word stands for `ending`.
    ending : str
        Of a name without one; empty for a folder.
    compression : {"deflate", "jpeg"}
        Of a slide.
    of_review : bool
        Whether it is of what was decided, and not of the colours.
    """

    words: str
    filter: str = ""
    ending: str = ""
    compression: Compression = "deflate"
    of_review: bool = False


_TIFF = "OME-TIFF (*.ome.tif *.tif)"
_PNG = "PNG (*.png)"
SLIDE = Kind("Slide for QuPath (OME-TIFF)…", _TIFF, ".ome.tif")
SMALL = Kind("Slide as JPEG, smaller (OME-TIFF)…", _TIFF, ".ome.tif", "jpeg")
VIEW = Kind("Picture of this view (PNG)…", _PNG, ".png")
DRAWN = Kind("Picture of the box that is drawn (PNG)…", _PNG, ".png")
ANNOTATIONS = Kind(
    "Review for QuPath (GeoJSON)…", "GeoJSON (*.geojson)", ".geojson", of_review=True
)
PAGE = Kind("Review as table and page (CSV, HTML)…", of_review=True)
KINDS = (SLIDE, SMALL, VIEW, DRAWN, ANNOTATIONS, PAGE)


class ExportButton(QPushButton):
    """One button whose menu has all kinds.

    Parameters
    ----------
    chosen : callable
        Called with the kind.
    """

    def __init__(self, chosen: Callable[[Kind], object]) -> None:
        super().__init__("Export…")
        self.setToolTip("Save the slide, a picture or the review for another program")
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self.kinds: dict[Kind, QAction] = {}
        for kind in KINDS:
            if kind is ANNOTATIONS:
                self._menu.addSeparator()
            action = self._menu.addAction(kind.words)
            assert action is not None
            action.triggered.connect(lambda _=False, kind=kind: chosen(kind))
            self.kinds[kind] = action
        self.setMenu(self._menu)

    def offer(self, can: Callable[[Kind], str]) -> None:
        """Grey what cannot be saved; `can` says why not, or nothing."""
        for kind, action in self.kinds.items():
            why = can(kind)
            action.setEnabled(not why)
            action.setToolTip(why)
        self.setEnabled(any(action.isEnabled() for action in self.kinds.values()))

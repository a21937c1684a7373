"""What can be saved of a stain and its review for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_midl.widgets.tool import export

if TYPE_CHECKING:
    from napari_midl.methods.staining.settings import Compression


@dataclass(frozen=True)
class Kind(export.Kind):
    """Something to save.

    Parameters
    ----------
    words, filter, ending
        As for `export.Kind`.
    compression : {"deflate", "jpeg"}
        Of a slide.
    of_review : bool
        Whether it is of what was decided, and not of the colours.
    """

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
GROUPS = ((SLIDE, SMALL, VIEW, DRAWN), (ANNOTATIONS, PAGE))

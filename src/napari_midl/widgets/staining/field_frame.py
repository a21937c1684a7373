"""A frame around the field that is reviewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.images import placed_over, spatial_ndim
from napari_midl.widgets.layers import OURS, keeping_active, take_out

if TYPE_CHECKING:
    from napari.layers import Image, Vectors

    from napari_midl.methods.staining.review import Field

_NAME = "field under review"
_THIN = 1 / 128  # of the field


class FieldFrame:
    """Four lines of a layer that is made when the first field is shown.

    Vectors, since a rectangle of shapes would pass for the box that a person has drawn.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.

    Attributes
    ----------
    layer : Vectors or None
        The lines.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layer: Vectors | None = None

    def show(self, image: Image, field: Field, colour: str) -> None:
        """Frame a field of an image."""
        count = min(spatial_ndim(image), 3)
        lines = np.zeros((4, 2, count))
        high, wide = field.height, field.width
        corners = [(0, 0), (0, wide), (high, wide), (high, 0)]
        lines[:, 0, -2:] = np.add(corners, (field.y - 0.5, field.x - 0.5))
        lines[:, 1, -2:] = [(0, wide), (high, 0), (0, -wide), (-high, 0)]
        if self.layer is None or self.layer not in self._viewer.layers:
            with keeping_active(self._viewer):
                self.layer = self._viewer.add_vectors(
                    lines,
                    name=_NAME,
                    vector_style="line",
                    blending="translucent_no_depth",
                    metadata={OURS: "made by the staining dock"},
                    **placed_over(image, (0,) * count),
                )
        self.layer.data = lines
        self.layer.edge_width = max(high, wide) * _THIN
        self.layer.edge_color = colour

    def clear(self) -> None:
        """Frame nothing."""
        take_out(self._viewer, self.layer)
        self.layer = None

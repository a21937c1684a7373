"""The generated mesh in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.uncertainty import end_of_colours
from napari_midl.widgets.layers import OURS, is_ours, keeping_active, take_out
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS

if TYPE_CHECKING:
    from napari.layers import Surface

    from napari_midl.methods.anatomy.live import ShownMesh


class MeshLayer:
    """One Surface layer, made when there is something to show.

    Attributes
    ----------
    placement : dict
        How to add it over the scan, for ``viewer.add_surface``.
    highest : float
        Value of the last colour, in mm.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Surface | None = None
        self.placement: dict[str, Any] = {}
        self.highest = 1.0

    @property
    def layer(self) -> Surface | None:
        """The layer, if it is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(self, mesh: ShownMesh) -> None:
        """Show a mesh; only its data are swapped where there is one."""
        data = (mesh.vertices, mesh.faces, mesh.values)
        self._fit(mesh.values)
        layer = self.layer
        if layer is not None:
            layer.data = data
            if layer.contrast_limits[1] != self.highest:
                layer.contrast_limits = (0, self.highest)
            return
        with keeping_active(self._viewer):
            self._layer = self._viewer.add_surface(
                data,
                name="anatomy: mesh",
                colormap=UNCERTAINTY_COLOURS,
                contrast_limits=(0, self.highest),
                shading="smooth",
                metadata={OURS: "made by the anatomy dock"},
                **self.placement,
            )
        # Below the landmarks, which it would hide.
        layers = self._viewer.layers
        layers.move(layers.index(self._layer), list(map(is_ours, layers)).index(True))

    def clear(self) -> None:
        """Take the layer out of the viewer."""
        take_out(self._viewer, self._layer)
        self._layer = None

    def _fit(self, values: np.ndarray) -> None:
        """Round the end of the colours up, so that it does not flicker while a landmark moves."""
        wanted = float(np.nanpercentile(values, 99)) if np.isfinite(values).any() else 1.0
        if not 0.5 * self.highest < wanted <= self.highest:
            self.highest = end_of_colours(values)

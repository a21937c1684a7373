"""The generated mesh in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.uncertainty import end_of_colours
from napari_midl.widgets.anatomy.contour_layer import ContourLayer
from napari_midl.widgets.layers import OURS, is_ours, keeping_active, take_out
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS

if TYPE_CHECKING:
    from napari.layers import Surface
    from qtpy.QtCore import QObject

    from napari_midl.methods.anatomy.live import ShownMesh

DISTANCE_MM = 4.0


class MeshLayer:
    """A Surface layer in 3D and its outline in slices, made when there is something to show.

    Attributes
    ----------
    placement : dict
        How to add it over the scan, for ``viewer.add_surface``.
    highest : float
        Value of the last colour, in mm.
    """

    def __init__(self, viewer: Any, parent: QObject) -> None:
        self._viewer = viewer
        self._layer: Surface | None = None
        self.placement: dict[str, Any] = {}
        self.highest = 1.0
        self.outline = ContourLayer(viewer, lambda: self.layer, parent)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    @property
    def layer(self) -> Surface | None:
        """The layer, if it is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def show(self, mesh: ShownMesh) -> None:
        """Show a mesh; only its data are swapped where there is one."""
        data = (mesh.vertices, mesh.faces, mesh.values)
        highest = self.highest = self._end(mesh)
        layer = self.layer
        if layer is not None:
            layer.data = data
            if layer.contrast_limits[1] != highest:
                layer.contrast_limits = (0, highest)
            self.outline.refresh()
            return
        with keeping_active(self._viewer):
            self._layer = self._viewer.add_surface(
                data,
                name="anatomy: mesh",
                colormap=UNCERTAINTY_COLOURS,
                contrast_limits=(0, highest),
                shading="smooth",
                # In slices napari would fill whatever lies within their thickness.
                visible=self._viewer.dims.ndisplay == 3,
                metadata={OURS: "made by the anatomy dock"},
                **self.placement,
            )
        # Below the landmarks, which it would hide.
        layers = self._viewer.layers
        layers.move(layers.index(self._layer), list(map(is_ours, layers)).index(True))
        self.outline.refresh()

    def clear(self) -> None:
        """Take the layers out of the viewer."""
        self.outline.clear()
        take_out(self._viewer, self._layer)
        self._layer = None

    def stop(self) -> None:
        """Take the layers out, and follow the view no more."""
        self._viewer.dims.events.ndisplay.disconnect(self._on_ndisplay)
        self.clear()
        self.outline.stop()

    def _end(self, mesh: ShownMesh) -> float:
        """What the last colour stands for; for distances always the same, so that they compare."""
        if mesh.request.shows_distance:
            return DISTANCE_MM
        values = mesh.values
        wanted = float(np.nanpercentile(values, 99)) if np.isfinite(values).any() else 1.0
        # Rounded up, so that it does not flicker while a landmark moves.
        keeps = 0.5 * self.highest < wanted <= self.highest
        return self.highest if keeps else end_of_colours(values)

    def _on_ndisplay(self, event: Any) -> None:
        """Show the mesh or its outline, unless a person has hidden the one that was shown."""
        surface = self.layer
        if surface is None:
            return
        if self._viewer.dims.ndisplay == 3:
            surface.visible = self.outline.hide()
        else:
            self.outline.show(surface.visible)
            surface.visible = False

"""The outline of the generated mesh in the slice that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.methods.anatomy.contours import cut
from napari_midl.widgets.layers import OURS, keeping_active, never_fewer, take_out
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.world import to_data, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Surface, Vectors
    from qtpy.QtCore import QObject

# In pixels of the screen.
_WIDTH = 2.0
_WAIT_MS = 30


class ContourLayer:
    """Thin lines where the slice cuts a mesh, in the mesh's colours; nothing in 3D.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    surface : callable
        Gives the layer of the mesh, if it is there.
    parent : QObject
        Of the timer.
    """

    def __init__(self, viewer: Any, surface: Callable[[], Surface | None], parent: QObject) -> None:
        self._viewer, self._surface = viewer, surface
        self._layer: Vectors | None = None
        self._mesh: np.ndarray | None = None
        self._drawn: tuple[Any, ...] = ()
        self._shown_next: bool | None = None
        self._later = once_after(_WAIT_MS, self.refresh, parent)
        self._events = (
            viewer.dims.events.point,
            viewer.dims.events.order,
            viewer.dims.events.ndisplay,
            viewer.scene.camera.events.zoom,
        )
        for event in self._events:
            event.connect(self._on_view)

    @property
    def layer(self) -> Vectors | None:
        """The layer, if it is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    def hide(self) -> bool:
        """Hide the outline; returns whether it was shown, or about to be."""
        layer, shown = self.layer, self._shown_next
        if shown is None:
            shown = layer is None or bool(layer.visible)
        if layer is not None:
            layer.visible = False
        self._shown_next = None
        return shown

    def show(self, shown: bool) -> None:
        """Show it again, unless a person had hidden the mesh."""
        self._shown_next = shown
        # Not before napari has changed the layer from 3D to slices.
        self._later.start()

    def refresh(self) -> None:
        """Draw the outline of the mesh as it is now, in the slice that is shown."""
        surface, axis = self._surface(), self._across()
        if surface is None or axis is None:
            return
        at = float(to_data(self._viewer, surface, self._viewer.dims.point)[axis])
        edges = voxel_edges(self._viewer, surface)
        width = _WIDTH / max(float(self._viewer.scene.camera.zoom * edges.mean()), 1e-9)
        layer = self.layer
        if layer is None:
            layer = self._make(surface)
        if layer.edge_width != width:
            layer.edge_width = width
        if self._shown_next is not None:
            layer.visible, self._shown_next = self._shown_next, None
        # A mesh is replaced, never changed in place.
        mesh, wanted = surface.vertices, (surface.contrast_limits[1], axis, at)
        if mesh is self._mesh and wanted == self._drawn:
            return
        self._mesh, self._drawn = mesh, wanted
        lines, triangles = cut(mesh, surface.faces, axis, at)
        values = np.asarray(surface.vertex_values)[surface.faces[triangles]].mean(axis=1)
        lines[:, 1] -= lines[:, 0]
        colours = UNCERTAINTY_COLOURS.map(np.nan_to_num(values) / surface.contrast_limits[1])
        layer.data = never_fewer(layer, lines)
        if len(layer.data):
            rest = np.zeros((len(layer.data) - len(lines), 4))
            layer.edge_color = np.concatenate([colours.reshape(-1, 4), rest])

    def clear(self) -> None:
        """Take the layer out of the viewer."""
        take_out(self._viewer, self._layer)
        self._layer = self._mesh = None

    def stop(self) -> None:
        """Take the layer out, and follow the view no more."""
        for event in self._events:
            event.disconnect(self._on_view)
        self._later.stop()
        self.clear()

    def _on_view(self, event: Any) -> None:
        if self.layer is not None and not self._later.isActive():
            self._later.start()

    def _across(self) -> int | None:
        """Which axis ``(z, y, x)`` of the mesh is not shown; None in 3D."""
        dims = self._viewer.dims
        hidden = [axis - dims.ndim + 3 for axis in dims.not_displayed]
        spatial = [axis for axis in hidden if axis >= 0]
        return spatial[0] if len(spatial) == 1 else None

    def _make(self, surface: Surface) -> Vectors:
        viewer = self._viewer
        with keeping_active(viewer):
            layer: Vectors = viewer.add_vectors(
                np.zeros((0, 2, 3)),
                ndim=3,
                name="anatomy: outline",
                vector_style="line",
                edge_width=1.0,
                scale=surface.scale,
                translate=surface.translate,
                units=surface.units,
                axis_labels=surface.axis_labels,
                metadata={OURS: "made by the anatomy dock"},
            )
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(surface) + 1)
        self._layer, self._mesh = layer, None
        return layer

"""Landmarks as points that can be dragged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.layers import Image
from qtpy.QtCore import QObject, QTimer, Signal

from napari_midl.methods.anatomy.editing import LandmarkPoint, changed_points
from napari_midl.methods.anatomy.live import IN_MM
from napari_midl.volumes.meshes import MM
from napari_midl.widgets.anatomy.slab import Slab
from napari_midl.widgets.clicks import LEFT, Click
from napari_midl.widgets.layers import OURS, take_out
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.world import own_units, to_world, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari.layers import Points

# Thirty times a second: faster than any mesh.
_EVERY_MS = 33
_SIZE_MM = 4.0
_PLACED, _DOUBTED, _CHOSEN = "#38c6ff", "#ff5a4d", "#ffffff"
_HOLLOW = "#00000000"
_NUMBERS = {
    "string": "{number}",
    "size": 8,
    "color": "white",
    "anchor": "center",
    "blending": "translucent_no_depth",
}


class LandmarkLayer(QObject):
    """One Points layer with the placed landmarks, and hollow ones where they are expected.

    Over a point the layer changes to its select mode, so that it can be dragged at once, also
    while an image is active: within a slice, and in 3D along a surface, since the plane of the
    screen would lead away from it.

    Attributes
    ----------
    dragged : Signal(dict)
        Names and new positions ``(x, y, z)`` in mm of the world, while the hand moves.
    edited : Signal(dict)
        The same once it rests; None where a person deleted the point of a placed landmark.
    space, placement : Space, dict
        Where the voxels lie over which the layer is made next, and how it is added there.
    next_name : str
        Which landmark a point is that a person adds.
    held : Signal(str)
        Which landmark the mouse has taken; empty once it lets go.
    surface : callable
        Gives, when a drag in 3D begins, what tells where a click meets the surface: a voxel
        ``(z, y, x)``, or None where there is none.
    """

    dragged = Signal(dict)
    edited = Signal(dict)
    held = Signal(str)

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._slab = Slab(viewer)
        self._layer: Points | None = None
        self.space = IN_MM
        self.placement: dict[str, Any] = {}
        self._sketch: list[LandmarkPoint] = []
        self._drawn: dict[str, np.ndarray] = {}
        self._placed: set[str] = set()
        self._under_mouse: str | None = None
        self._showing = self._hovering = False
        self.dragging = False
        self.next_name = ""
        self.surface: Callable[[], Callable[[Click], np.ndarray | None]] = lambda: lambda _: None
        self._timer = once_after(_EVERY_MS, lambda: self._tell(self.dragged), self)
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.mouse_move_callbacks.append(self._on_hover)

    @property
    def layer(self) -> Points | None:
        """The layer, if it is shown."""
        return self._layer if self._layer in self._viewer.layers else None

    @property
    def on_placed(self) -> bool:
        """Whether the mouse is over a landmark that is placed already."""
        return self._under_mouse is not None and self._under_mouse in self._placed

    def show(self, landmarks: Sequence[LandmarkPoint]) -> None:
        """Show landmarks: filled where placed, hollow where only expected, red where doubted."""
        layer, sketch = self.layer, list(landmarks)
        if layer is not None and sketch == self._sketch:
            return
        if layer is None:
            layer = self._make()
        self._sketch = sketch
        names = [landmark.name for landmark in sketch]
        data = self.space.to_voxel(np.array([m.point for m in sketch]).reshape(-1, 3), MM)
        # A copy, since napari moves points in place.
        self._drawn = dict(zip(names, data.copy(), strict=True))
        self._placed = {landmark.name for landmark in sketch if landmark.placed}
        colours = [_DOUBTED if landmark.doubted else _PLACED for landmark in sketch]
        edges = [_CHOSEN if m.chosen else c for m, c in zip(sketch, colours, strict=True)]
        faces = [c if m.placed else _HOLLOW for m, c in zip(sketch, colours, strict=True)]
        # What was clicked stays selected, so that napari's Delete takes it.
        selected = set(layer.features["name"].iloc[list(layer.selected_data)])
        self._showing = True
        try:
            layer.selected_data = set()
            layer.data = data
            layer.features = pd.DataFrame(
                {
                    "name": names,
                    "placed": [landmark.placed for landmark in sketch],
                    "number": [str(landmark.number) for landmark in sketch],
                }
            )
            if names:
                layer.face_color, layer.border_color = faces, edges
            self.select(*selected)
        finally:
            self._showing = False

    def select(self, *names: str) -> None:
        """Select landmarks, those that are shown: they are what napari's Delete takes."""
        if self.layer is not None:
            drawn = list(self.layer.features["name"])
            self.layer.selected_data = {drawn.index(name) for name in names if name in drawn}

    def activate(self) -> None:
        """Make the layer the one that the mouse works on."""
        if self.layer is not None:
            self._viewer.layers.selection.active = self.layer

    def clear(self) -> None:
        """Take the layer out of the viewer."""
        take_out(self._viewer, self._layer)
        self._layer, self._drawn = None, {}
        self._timer.stop()

    def stop(self) -> None:
        """Listen to the mouse no more, and take the layer out."""
        for callbacks, ours in (
            (self._viewer.mouse_drag_callbacks, self._on_press),
            (self._viewer.mouse_move_callbacks, self._on_hover),
        ):
            if ours in callbacks:
                callbacks.remove(ours)
        self.clear()
        self._slab.stop()

    def _make(self) -> Points:
        """Add an empty layer."""
        layer: Points = self._viewer.add_points(
            np.zeros((0, 3)),
            ndim=3,
            features={"name": [], "placed": [], "number": []},
            text=_NUMBERS,
            name="anatomy: landmarks",
            size=_SIZE_MM / float(np.mean(self.space.sizes_in(MM))),
            border_width=0.15,
            projection_mode="rescale_spherical",
            blending="translucent_no_depth",
            metadata={OURS: "made by the anatomy dock"},
            **self.placement,
        )
        # Slices show landmarks that lie a little beside them, as far as a point reaches.
        per_mm = voxel_edges(self._viewer, layer) / self.space.sizes_in(MM)
        self._slab.thicken((_SIZE_MM * per_mm).tolist())
        layer.events.data.connect(self._on_data)
        self._layer = layer
        return layer

    def _may_be_taken(self) -> bool:
        """Whether the mouse works on the landmarks, or only looks around an image."""
        active = self._viewer.layers.selection.active
        looking = active is None or (isinstance(active, Image) and active.mode == "pan_zoom")
        return active is self.layer or looking

    def _on_hover(self, viewer: Any, event: Any) -> None:
        layer = self.layer
        self._under_mouse = None
        if layer is None or not self._may_be_taken() or layer.mode not in ("pan_zoom", "select"):
            return
        own = own_units(layer, viewer.layers.units)
        over = layer.get_value(
            tuple(np.asarray(event.position)[-layer.ndim :] * own),
            view_direction=event.view_direction,
            dims_displayed=list(event.dims_displayed),
            world=True,
        )
        self._under_mouse = None if over is None else str(layer.features["name"].iloc[over])
        if over is not None and layer.mode == "pan_zoom":
            layer.mode, self._hovering = "select", True
        elif over is None and self._hovering:
            layer.mode, self._hovering = "pan_zoom", False

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        # A quick hand presses before the way there is told.
        self._on_hover(viewer, event)
        layer = self.layer
        if layer is None or self._under_mouse is None:
            return
        # napari gives the press to the layer that is active once this is done.
        self.activate()
        self.dragging = True
        self.held.emit(self._under_mouse)
        along = None
        if event.view_direction is not None and event.button == LEFT:
            # napari would move the point in the plane of the screen.
            layer.mode, viewer.scene.camera.mouse_pan = "pan_zoom", False
            self.select(self._under_mouse)
            along = self._along_surface(layer, self._under_mouse, Click.of(viewer, event))
        yield
        while event.type == "mouse_move":
            if along is not None:
                along(Click.of(viewer, event))
            # In slices napari moves the point after this, and tells of it only when the button
            # is let go.
            if not self._timer.isActive():
                self._timer.start()
            yield
        if along is not None:
            viewer.scene.camera.mouse_pan = True
        # Once napari has moved the point for the last time; until then nobody may draw it anew.
        QTimer.singleShot(0, self._on_rest)

    def _along_surface(self, layer: Points, name: str, start: Click) -> Callable[[Click], None]:
        """What moves a landmark to where the mouse, which took it at `start`, meets the surface."""
        row = list(layer.features["name"]).index(name)
        meets = self.surface()
        # It may be taken beside its middle, and goes on from there.
        beside = start.beside(to_world(self._viewer, layer, layer.data[row].tolist()).tolist())

        def move(click: Click) -> None:
            place = meets(replace(click, position=tuple(np.add(click.position, beside))))
            if place is not None:
                data = layer.data.copy()
                data[row] = place
                layer.data = data

        return move

    def _on_rest(self) -> None:
        self.dragging = False
        self._timer.stop()
        # The layer is no longer as it was drawn.
        self._sketch = []
        self.held.emit("")
        self._tell(self.edited)

    def _on_data(self, event: Any) -> None:
        if not self._showing and not self.dragging:
            # Also a point that was added or deleted with napari's own tools.
            QTimer.singleShot(0, self._on_rest)

    def _tell(self, signal: Any) -> None:
        layer = self.layer
        if layer is None:
            return
        names = [str(name) for name in layer.features["name"]]
        changes = changed_points(self._drawn, names, np.asarray(layer.data, float), self.next_name)
        signal.emit(
            {
                name: None if point is None else self.space.to_world(point, MM)
                for name, point in changes.items()
                if point is not None or name in self._placed
            }
        )

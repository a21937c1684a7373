"""Landmarks as points that can be dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from qtpy.QtCore import QObject, QTimer, Signal

from napari_midl.widgets.anatomy.slab import Slab
from napari_midl.widgets.images import OURS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from napari.layers import Points

    from napari_midl.volumes.landmarks import Landmarks
    from napari_midl.widgets.anatomy.frame import Frame

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

    Over a point the layer changes to its select mode, so that it can be dragged at once.

    Attributes
    ----------
    dragged : Signal(dict)
        Names and new positions ``(x, y, z)`` in mm, while the hand moves.
    edited : Signal(dict)
        The same once it rests; None where a person deleted the point.
    """

    dragged = Signal(dict)
    edited = Signal(dict)

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._slab = Slab(viewer)
        self._layer: Points | None = None
        self._frame: Frame | None = None
        self._sketch: tuple[Any, ...] | None = None
        self._drawn: dict[str, np.ndarray] = {}
        self._placed: set[str] = set()
        self._under_mouse: str | None = None
        self._showing = self._hovering = False
        self.dragging = False
        self.next_name = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(lambda: self._tell(self.dragged))
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

    def show(
        self,
        frame: Frame,
        placed: Landmarks,
        expected: Landmarks | None,
        doubted: Collection[str],
        numbers: dict[str, int],
        chosen: str,
    ) -> None:
        """Show landmarks: filled where placed, hollow where only expected, red where doubted."""
        rows = [(n, True, p) for n, p in zip(placed.names, placed.points, strict=True)]
        if expected is not None:
            rows += [(n, False, p) for n, p in zip(expected.names, expected.points, strict=True)]
        shown: dict[str, tuple[bool, np.ndarray]] = {}
        for name, is_placed, point in rows:
            if np.isfinite(point).all():
                shown.setdefault(name, (is_placed, point))
        names = list(shown)
        data = frame.to_data(np.array([p for _, p in shown.values()]).reshape(-1, 3))
        edges = [
            _CHOSEN if name == chosen else _DOUBTED if name in doubted else _PLACED
            for name in names
        ]
        faces = [
            (_DOUBTED if name in doubted else _PLACED) if shown[name][0] else _HOLLOW
            for name in names
        ]
        sketch = frame, names, data.tolist(), edges, faces
        if self.layer is not None and sketch == self._sketch:
            return
        if self.layer is None or frame != self._frame:
            self._make(frame)
        self._sketch = sketch
        # A copy, since napari moves points in place.
        self._drawn = dict(zip(names, data.copy(), strict=True))
        self._placed = {name for name, (is_placed, _) in shown.items() if is_placed}
        features = pd.DataFrame(
            {
                "name": names,
                "placed": [is_placed for is_placed, _ in shown.values()],
                "number": [str(numbers.get(name, "")) for name in names],
            }
        )
        self._showing = True
        try:
            layer = self.layer
            layer.selected_data = set()
            layer.data = data
            layer.features = features
            if names:
                layer.face_color, layer.border_color = faces, edges
        finally:
            self._showing = False

    def activate(self) -> None:
        """Make the layer the one that the mouse works on."""
        if self.layer is not None:
            self._viewer.layers.selection.active = self.layer

    def clear(self) -> None:
        """Take the layer out of the viewer."""
        if self.layer is not None:
            self._viewer.layers.remove(self._layer)
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

    def _make(self, frame: Frame) -> None:
        """Add an empty layer in a frame."""
        self.clear()
        self._frame = frame
        self._layer = self._viewer.add_points(
            np.zeros((0, 3)),
            ndim=3,
            features={"name": [], "placed": [], "number": []},
            text=_NUMBERS,
            name="anatomy: landmarks",
            size=_SIZE_MM / float(np.mean(frame.voxel_size)),
            border_width=0.15,
            projection_mode="rescale_spherical",
            blending="translucent_no_depth",
            metadata={OURS: "made by the anatomy dock"},
            **frame.placement,
        )
        # Slices show landmarks that lie a little beside them, as far as a point reaches.
        per_mm = np.abs(self._layer.scale) / frame.voxel_size
        self._slab.thicken((_SIZE_MM * per_mm).tolist())
        self._layer.events.data.connect(self._on_data)

    def _is_active(self) -> bool:
        return self._viewer.layers.selection.active is self.layer

    def _on_hover(self, viewer: Any, event: Any) -> None:
        layer = self.layer
        self._under_mouse = None
        if layer is None or not self._is_active() or layer.mode not in ("pan_zoom", "select"):
            return
        over = layer.get_value(
            event.position,
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
        if self.layer is None or not self._is_active():
            return
        self.dragging = True
        yield
        while event.type == "mouse_move":
            # napari moves the point after this, and tells of it only when the button is let go.
            if not self._timer.isActive():
                self._timer.start()
            yield
        # Once napari has moved the point for the last time; until then nobody may draw it anew.
        QTimer.singleShot(0, self._on_rest)

    def _on_rest(self) -> None:
        self.dragging = False
        self._timer.stop()
        # The layer is no longer as it was drawn.
        self._sketch = None
        self._tell(self.edited)

    def _on_data(self, event: Any) -> None:
        if not self._showing and not self.dragging:
            # Also a point that was added or deleted with napari's own tools.
            QTimer.singleShot(0, self._on_rest)

    def _tell(self, signal: Any) -> None:
        if self.layer is None or self._frame is None:
            return
        now = np.asarray(self.layer.data, float)
        names = [str(name) for name in self.layer.features["name"]]
        changes: dict[str, np.ndarray | None] = {
            name: None for name in self._drawn if name not in names
        }
        seen: set[str] = set()
        for name, place in zip(names, now, strict=True):
            # A point that was added copies the features of another.
            known = name in self._drawn and name not in seen
            seen.add(name)
            if known and np.allclose(place, self._drawn[name]):
                continue
            changes[name if known else self.next_name] = self._frame.to_mm(place[None])[0]
        changes.pop("", None)
        if changes:
            signal.emit(changes)

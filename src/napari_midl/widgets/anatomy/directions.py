"""Letters that say which way is left, right, front, back, up and down.

As in radiology: L and R for left and right, A and P for front and back (anterior, posterior), S and
I for up and down (superior, inferior).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.components.overlays import TextOverlay

from napari_midl.widgets.layers import OURS, keeping_active, take_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Points
    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.space import Space

# From less to more along x, y and z of the world.
_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))
# Directions in between have two letters, the nearer one first.
_LEAST = 0.35
_EDGES = {"down": "bottom_center", "up": "top_center", "right": "middle_right"}
_EDGES["left"] = "middle_left"
_OPPOSITE = {"down": "up", "up": "down", "right": "left", "left": "right"}


def letters_of(direction: ArrayLike) -> str:
    """The letters of a direction ``(x, y, z)`` of the world (LPS), such as ``L`` or ``PS``."""
    way = np.asarray(direction, float)
    nearest = np.argsort(-np.abs(way), kind="stable")
    return "".join(_LETTERS[i][int(way[i] > 0)] for i in nearest if abs(way[i]) > _LEAST)


class Directions:
    """Shows the letters at the edges of the canvas in slices, and around the scan in 3D."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._space: Space | None = None
        self._layer: Points | None = None
        self._edges = {
            edge: TextOverlay(position=place, font_size=14, box=True)
            for edge, place in _EDGES.items()
        }
        for edge, overlay in self._edges.items():
            viewer.canvas.overlays[f"anatomy_{edge}"] = overlay
        self._events = (
            viewer.dims.events.ndisplay,
            viewer.dims.events.order,
            viewer.scene.camera.events.orientation,
        )
        for event in self._events:
            event.connect(self._refresh)

    def show(
        self, space: Space | None, box: NDArray[np.floating] | None, placement: dict[str, Any]
    ) -> None:
        """Show the directions of the axes of a space, or none.

        Parameters
        ----------
        space : Space, optional
            Where the voxels lie that are shown.
        box : ndarray, shape (2, 3), optional
            First and last voxel ``(z, y, x)`` of what the letters surround in 3D.
        placement : dict
            How layers are laid over it.
        """
        take_out(self._viewer, self._layer)
        self._space, self._layer = space, None
        if space is not None and box is not None:
            self._layer = self._around(space, np.asarray(box, float), placement)
        self._refresh()

    def stop(self) -> None:
        """Take the letters out of the viewer."""
        for event in self._events:
            event.disconnect(self._refresh)
        take_out(self._viewer, self._layer)
        for edge in self._edges:
            del self._viewer.canvas.overlays[f"anatomy_{edge}"]

    def _around(self, space: Space, box: np.ndarray, placement: dict[str, Any]) -> Points:
        """Letters in the middle of the six sides of a box."""
        places, words = [], []
        for axis in range(3):
            for end, sign in enumerate((-1, 1)):
                place = box.mean(axis=0)
                place[axis] = box[end][axis]
                places.append(place)
                words.append(letters_of(sign * _way(space, axis)))
        with keeping_active(self._viewer):
            layer: Points = self._viewer.add_points(
                np.array(places),
                name="anatomy: directions",
                features={"letters": words},
                text={
                    "string": "{letters}",
                    "size": 14,
                    "color": "#ffd166",
                    "anchor": "center",
                    "blending": "translucent_no_depth",
                },
                size=1e-3,
                face_color="#00000000",
                border_width=0,
                visible=False,
                metadata={OURS: "made by the anatomy dock"},
                **placement,
            )
        return layer

    def _refresh(self, event: Any = None) -> None:
        viewer, space = self._viewer, self._space
        in_slices = space is not None and viewer.dims.ndisplay == 2
        if self._layer is not None and self._layer in viewer.layers:
            self._layer.visible = not in_slices
        if space is None or not in_slices:
            for overlay in self._edges.values():
                overlay.visible = False
            return
        shown: Sequence[int] = [axis - viewer.dims.ndim + 3 for axis in viewer.dims.displayed]
        for axis, edge in zip(shown, map(str, viewer.scene.camera.orientation2d), strict=True):
            for sign, side in ((1, edge), (-1, _OPPOSITE[edge])):
                overlay = self._edges[side]
                overlay.text = letters_of(sign * _way(space, axis)) if axis >= 0 else ""
                overlay.visible = axis >= 0


def _way(space: Space, axis: int) -> np.ndarray:
    """Which way ``(x, y, z)`` of the world an axis of the data, 0 being z, leads."""
    return np.asarray(space.direction)[:, 2 - axis]

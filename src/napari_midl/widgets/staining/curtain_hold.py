"""Taking hold of a curtain at its edge, on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.clicks import LEFT
from napari_midl.widgets.world import to_data, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari.layers import Image

_NEAR = 8  # pixels of the screen


class CurtainHold:
    """Drags the edge of a curtain; beside it the mouse moves the view as ever.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to listen.
    share : callable
        Where the edge is, as a share of the width of the picture.
    moved : callable
        Called with where it is dragged to.
    """

    def __init__(
        self, viewer: Any, share: Callable[[], float], moved: Callable[[float], object]
    ) -> None:
        self._viewer, self._share, self._moved = viewer, share, moved
        self._curtain: Image | None = None
        viewer.mouse_drag_callbacks.append(self._on_press)

    def take(self, curtain: Image | None) -> None:
        """Hold another curtain, or none."""
        self._curtain = curtain

    def stop(self) -> None:
        """Listen no more."""
        self._curtain = None
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        curtain = self._curtain
        if curtain is None or event.button != LEFT or viewer.dims.ndisplay != 2:
            return
        width = (curtain.data[0] if curtain.multiscale else curtain.data).shape[-2]
        pixel = float(voxel_edges(viewer, curtain)[-1]) * float(viewer.scene.camera.zoom)
        if abs(self._column(event) - self._share() * width) * pixel > _NEAR:
            return
        camera = viewer.scene.camera
        pans, camera.mouse_pan = camera.mouse_pan, False
        try:
            yield
            while event.type == "mouse_move":
                self._moved(min(max(self._column(event) / width, 0.0), 1.0))
                yield
        finally:
            camera.mouse_pan = pans

    def _column(self, event: Any) -> float:
        """The column under the mouse, counted from the left edge of the first."""
        return float(to_data(self._viewer, self._curtain, event.position)[-1]) + 0.5

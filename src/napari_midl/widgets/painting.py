"""Drags over an image that paint: a stroke anywhere, whichever layer is active."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info

from napari_midl.volumes.boxes import common, hull
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.clicks import LEFT
from napari_midl.widgets.world import to_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.widgets.patch_layer import PatchLayer
    from napari_midl.widgets.patches import PatchLayers


class Painting:
    """Paints strokes into patches, which come to be where there is none.

    A stroke begins wherever a drag would otherwise move the view, so that a layer on which a
    person draws or picks keeps its own tool; in 3D it is napari's brush that paints.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose mouse to follow.
    patches : PatchLayers
        What is painted in, and with what.
    """

    def __init__(self, viewer: Any, patches: PatchLayers) -> None:
        self._viewer, self._patches = viewer, patches
        viewer.mouse_drag_callbacks.append(self._on_press)

    def stop(self) -> None:
        """Listen no more."""
        if self._on_press in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        label = self._patches.label
        if event.button != LEFT or event.modifiers or len(event.dims_displayed) != 2:
            return
        if label is None or not self._free():
            return
        if not self._in_its_slices(event):
            image = self._patches.image
            # napari's brush, which comes after this one, fails there.
            viewer.layers.selection.active = image
            show_info(f"{image} has no slice here: move the sliders until you see it, then paint.")
            return
        last = self._voxel(event)
        if not self._inside(last):
            return
        brush = self._patches.take(last.tolist()).layer
        # Ours is the only brush during the stroke: napari's ends at the edge of its layer.
        tool, theirs = brush.mode, list(brush.mouse_drag_callbacks)
        brush.mouse_drag_callbacks.clear()
        try:
            with ExitStack() as strokes:
                begun: set[PatchLayer] = set()
                self._draw(brush, label, last, last, begun, strokes)
                moving = True
                while moving:
                    yield
                    # The mouse may have moved once more before it was released.
                    moving, now = event.type == "mouse_move", self._voxel(event)
                    self._draw(brush, label, last, now, begun, strokes)
                    last = now
        finally:
            if brush.mode == tool:
                brush.mouse_drag_callbacks[:] = theirs

    def _free(self) -> bool:
        """Whether a drag means nothing else to the active layer."""
        active = self._viewer.layers.selection.active
        shown = self._patches.cells.of(active)
        if shown is not None:
            return shown.painting is not None
        return active is None or str(active.mode) == "pan_zoom"

    def _voxel(self, event: Any) -> NDArray[np.int64]:
        """The voxel ``(z, y, x)`` of the image under the mouse, which may lie beside it."""
        data = to_data(self._viewer, self._patches.image, event.position)[-3:]
        plane = np.zeros(3 - len(data))  # a picture is a stack of one slice
        return np.round(np.concatenate([plane, data])).astype(np.int64)

    def _in_its_slices(self, event: Any) -> bool:
        """Whether the image has the slice and the time in view: one beside it may have more."""
        image = self._patches.image
        assert image is not None
        data = np.round(to_data(self._viewer, image, event.position))
        shape = (image.data[0] if image.multiscale else image.data).shape
        first = image.ndim - self._viewer.dims.ndim
        displayed = {first + axis for axis in event.dims_displayed}
        return all(0 <= at < shape[a] for a, at in enumerate(data) if a not in displayed)

    def _inside(self, voxel: NDArray[np.int64]) -> bool:
        return bool(np.all((voxel >= 0) & (voxel < self._patches.cells.shape)))

    def _draw(
        self,
        brush: Labels,
        label: int,
        start: NDArray[np.int64],
        end: NDArray[np.int64],
        begun: set[PatchLayer],
        strokes: ExitStack,
    ) -> None:
        """Paint from one voxel to another, in all patches that the brush touches."""
        path, reach = _between(start, end, max(1.0, brush.brush_size / 4)), self._reach(brush)
        boxes = [_around(voxel, reach) for voxel in path]
        if label != UNLABELLED:
            for box in boxes:
                self._patches.cells.cover(box)
        for shown in self._patches.cells.over(hull(boxes)):
            layer, origin = shown.layer, np.array(shown.origin)
            if shown not in begun:
                begun.add(shown)
                shown.show()
                for how in ("brush_size", "n_edit_dimensions", "preserve_labels"):
                    setattr(layer, how, getattr(brush, how))
                strokes.enter_context(layer.block_history())
            near = [at for at, box in zip(path, boxes, strict=True) if common(box, shown.box)]
            for voxel in near:
                layer.paint((voxel - origin).tolist(), label, refresh=voxel is near[-1])

    def _reach(self, brush: Labels) -> NDArray[np.int64]:
        """How many voxels a brush reaches along each axis ``(z, y, x)``: it is round in space."""
        beside = self._viewer.dims.ndim - brush.ndim
        order = [axis - beside for axis in self._viewer.dims.order if axis >= beside]
        painted = order[-brush.n_edit_dimensions :]
        size = np.abs(np.asarray(brush.scale)[painted])
        reach = np.zeros(brush.ndim, np.int64)
        reach[painted] = (brush.brush_size // 2 + 0.5) / (size / size.min())
        return reach


def _between(
    start: NDArray[np.int64], end: NDArray[np.int64], step: float
) -> list[NDArray[np.int64]]:
    """Voxels from one to another, in steps of at most `step`."""
    count = max(1, int(np.ceil(np.linalg.norm(end - start) / step)))
    shares = (np.arange(count) + 1) / count
    return [np.round(start + (end - start) * share).astype(np.int64) for share in shares]


def _around(voxel: NDArray[np.int64], reach: NDArray[np.int64]) -> Region:
    return tuple(slice(int(v - r), int(v + r) + 1) for v, r in zip(voxel, reach, strict=True))

"""Where a person looks, in voxels of level 0 of an image."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.boxes import box_around
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.world import to_data, to_world, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.layers import Image

    from napari_midl.volumes.boxes import Box, Voxel


def looked_at(viewer: Any, layer: Image) -> Voxel:
    """Voxel ``(z, y, x)`` in the middle of the view, inside the image."""
    shape = _shape(layer)
    voxel = np.zeros(3)
    known = min(3, spatial_ndim(layer))
    voxel[-known:] = _middle(viewer, layer)[-known:]
    z, y, x = (int(np.clip(round(float(v)), 0, n - 1)) for v, n in zip(voxel, shape, strict=True))
    return z, y, x


@contextmanager
def staying_there(viewer: Any, layer: Image) -> Iterator[None]:
    """Keep what is in view of an image in view, while it is given another size or place."""
    middle, edge = _middle(viewer, layer), voxel_edges(viewer, layer)[-1]
    yield
    _look_at(viewer, layer, middle)
    viewer.scene.camera.zoom *= edge / voxel_edges(viewer, layer)[-1]


def box_in_view(viewer: Any, layer: Image, most: int) -> Box:
    """The slice in view, or at most `most` voxels of its middle each way."""
    height, width = viewer.canvas.size
    seen = np.array([height, width]) / max(float(viewer.scene.camera.zoom), 1e-9)
    voxels = np.ceil(seen / voxel_edges(viewer, layer)[-2:]).astype(int).clip(16, most)
    size = (1, int(voxels[0]), int(voxels[1]))
    return box_around(looked_at(viewer, layer), size, _shape(layer))


def fly_to(viewer: Any, layer: Image, origin: Sequence[float], size: Sequence[float]) -> None:
    """Show a box ``Z Y X`` or ``Y X`` of an image: its middle slice, two fifths of the canvas."""
    middle = np.asarray(origin, float) + (np.asarray(size, float) - 1) // 2
    here = to_data(viewer, layer, viewer.dims.point)
    here[-len(middle) :] = middle
    _look_at(viewer, layer, here)
    extent = np.asarray(size, float)[-2:] * voxel_edges(viewer, layer)[-2:]
    viewer.scene.camera.zoom = 0.4 * min(viewer.canvas.size) / max(float(extent.max()), 1e-9)


def _middle(viewer: Any, layer: Image) -> np.ndarray:
    """What is in the middle of the view, in the data of a layer."""
    point = np.array(viewer.dims.point, float)
    displayed = list(viewer.dims.displayed)
    point[displayed] = np.asarray(viewer.scene.camera.center)[-len(displayed) :]
    return to_data(viewer, layer, point.tolist())


def _look_at(viewer: Any, layer: Image, data: np.ndarray) -> None:
    """Bring a place in the data of a layer to the middle of the view."""
    world = to_world(viewer, layer, data.tolist()).tolist()
    axes = range(viewer.dims.ndim - len(world), viewer.dims.ndim)
    for axis, value in zip(axes, world, strict=True):
        viewer.dims.set_point(axis, value)
    centre = [world[axis - viewer.dims.ndim] for axis in viewer.dims.displayed]
    viewer.scene.camera.center = centre if len(centre) == 3 else (0.0, *centre)


def _shape(layer: Image) -> tuple[int, ...]:
    finest = layer.data[0] if layer.multiscale else layer.data
    sizes = [int(n) for n in finest.shape[: layer.ndim]]
    return (1, 1, 1, *sizes)[-3:] if spatial_ndim(layer) == 3 else (1, *sizes[-2:])

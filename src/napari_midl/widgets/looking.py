"""Where a person looks, in voxels of level 0 of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.boxes import box_around
from napari_midl.widgets.images import spatial_ndim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_midl.volumes.boxes import Box, Voxel


def looked_at(viewer: Any, layer: Image) -> Voxel:
    """Voxel ``(z, y, x)`` in the middle of the view, inside the image."""
    point = np.array(viewer.dims.point, float)
    displayed = list(viewer.dims.displayed)
    point[displayed] = np.asarray(viewer.scene.camera.center)[-len(displayed) :]
    shape = _shape(layer)
    voxel = np.zeros(3)
    known = min(3, spatial_ndim(layer))
    voxel[-known:] = np.asarray(layer.world_to_data(point))[-known:]
    z, y, x = (int(np.clip(round(float(v)), 0, n - 1)) for v, n in zip(voxel, shape, strict=True))
    return z, y, x


def box_in_view(viewer: Any, layer: Image, most: int = 160) -> Box:
    """The slice in view, or at most `most` voxels of its middle each way."""
    height, width = viewer.canvas.size
    seen = np.array([height, width]) / max(float(viewer.scene.camera.zoom), 1e-9)
    voxels = np.ceil(seen / np.asarray(layer.scale)[-2:]).astype(int).clip(16, most)
    size = (1, int(voxels[0]), int(voxels[1]))
    return box_around(looked_at(viewer, layer), size, _shape(layer))


def fly_to(viewer: Any, layer: Image, origin: Sequence[float], size: Sequence[float]) -> None:
    """Show a box ``Z Y X`` or ``Y X`` of an image: its middle slice, two fifths of the canvas."""
    middle = np.asarray(origin, float) + (np.asarray(size, float) - 1) // 2
    here = np.asarray(layer.world_to_data(viewer.dims.point), float)
    here[-len(middle) :] = middle
    world = np.asarray(layer.data_to_world(here))
    axes = range(viewer.dims.ndim - len(world), viewer.dims.ndim)
    for axis, value in zip(axes, world, strict=True):
        viewer.dims.set_point(axis, float(value))
    centre = [float(viewer.dims.point[axis]) for axis in viewer.dims.displayed]
    viewer.scene.camera.center = centre if len(centre) == 3 else (0.0, *centre)
    extent = np.asarray(size, float)[-2:] * np.asarray(layer.scale)[-2:]
    viewer.scene.camera.zoom = 0.4 * min(viewer.canvas.size) / max(float(extent.max()), 1e-9)


def _shape(layer: Image) -> tuple[int, ...]:
    finest = layer.data[0] if layer.multiscale else layer.data
    sizes = [int(n) for n in finest.shape[: layer.ndim]]
    return (1, 1, 1, *sizes)[-3:] if spatial_ndim(layer) == 3 else (1, *sizes[-2:])

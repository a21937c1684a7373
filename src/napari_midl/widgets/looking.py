"""Where a person looks, in voxels of level 0 of an image."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_midl.errors import InputError
from napari_midl.volumes.boxes import box_around
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.layers import is_ours
from napari_midl.widgets.sizes import of_one_file
from napari_midl.widgets.world import to_data, to_world, voxel_edges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_midl.volumes.boxes import Box, Voxel

_HIDING = ("opaque", "translucent", "translucent_no_depth")


def looked_at(viewer: Any, layer: Image) -> Voxel:
    """Voxel ``(z, y, x)`` in the middle of the view, inside the image."""
    shape = _shape(layer)
    voxel = np.zeros(3)
    known = min(3, spatial_ndim(layer))
    voxel[-known:] = _middle(viewer, layer)[-known:]
    z, y, x = (int(np.clip(round(float(v)), 0, n - 1)) for v, n in zip(voxel, shape, strict=True))
    return z, y, x


def uncover(viewer: Any, image: Image) -> None:
    """Move other images that hide an image below it; channels of its file and results stay."""
    if image not in viewer.layers:  # as while the window closes
        return
    own = of_one_file(viewer, image)
    for layer in list(viewer.layers)[viewer.layers.index(image) + 1 :]:
        hides = isinstance(layer, Image) and layer.visible and layer.blending in _HIDING
        if hides and layer not in own and not is_ours(layer):
            viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image))


@contextmanager
def staying_there(viewer: Any, layer: Image) -> Iterator[None]:
    """Keep what is in view of an image in view, while it is given another size or place."""
    middle, edge = _middle(viewer, layer), voxel_edges(viewer, layer)[-1]
    yield
    _look_at(viewer, layer, middle)
    viewer.scene.camera.zoom *= edge / voxel_edges(viewer, layer)[-1]


def box_in_view(viewer: Any, layer: Image, most: int, of_z: bool = False) -> Box:
    """The slice in view, or at most `most` voxels of its middle each way.

    Parameters
    ----------
    viewer, layer
        The window, and the image.
    most : int
        Edge of the largest box.
    of_z : bool
        Take a slice along y and x, whichever axes are displayed.
    """
    seen = _seen(viewer, layer)
    size = [1, 1, 1]
    for axis in (1, 2) if of_z else seen:
        size[axis] = int(np.ceil(seen.get(axis, most)).clip(16, most))
    return box_around(looked_at(viewer, layer), size, _shape(layer))


def field_in_view(viewer: Any, layer: Image, around: int = 0) -> Box:
    """All of an image that is in view, and so many voxels before and behind it.

    Raises
    ------
    InputError
        If nothing of it is in view.
    """
    middle = _three(_middle(viewer, layer), 0.0)
    half = np.full(3, float(around))
    for axis, voxels in _seen(viewer, layer).items():
        half[axis] = voxels / 2
    return _within(middle - half, middle + half, layer, "is in view; move to where it is")


def is_in_view(viewer: Any, layer: Image) -> bool:
    """Whether a part of an image is in view."""
    try:
        field_in_view(viewer, layer)
    except InputError:
        return False
    return True


def drawn_box(viewer: Any, layer: Image, around: int = 0) -> Box:
    """The box around the shape that was drawn last in a layer of shapes, over an image.

    Parameters
    ----------
    viewer, layer
        The window, and the image.
    around : int
        How many voxels to add before and behind it, along the axes in which it is flat.

    Raises
    ------
    InputError
        If none is drawn, or it lies beside the image.
    """
    drawn = [each for each in viewer.layers if type(each).__name__ == "Shapes" and each.nshapes]
    active = viewer.layers.selection.active
    if not drawn:
        raise InputError(
            "nothing is drawn; add a shapes layer (the polygon button over the list of layers) "
            "and draw a rectangle in it."
        )
    shapes = active if any(active is each for each in drawn) else drawn[-1]
    here = list(viewer.dims.point)
    corners = []
    for vertex in np.asarray(shapes.data[-1], float):
        at = to_world(viewer, shapes, vertex.tolist()).tolist()
        corners.append(to_data(viewer, layer, [*here[: len(here) - len(at)], *at]))
    low, high = (_three(edge(corners, axis=0), 0.0) for edge in (np.min, np.max))
    flat = high - low < 0.5
    return _within(low - around * flat, high + around * flat, layer, "is inside what is drawn")


def fly_to(viewer: Any, layer: Image, origin: Sequence[float], size: Sequence[float]) -> None:
    """Show a box ``Z Y X`` or ``Y X`` of an image: its middle slice, two fifths of the canvas."""
    middle = np.asarray(origin, float) + (np.asarray(size, float) - 1) // 2
    here = to_data(viewer, layer, viewer.dims.point)
    middle = middle[-len(here) :]  # of a picture there is one slice
    here[-len(middle) :] = middle
    _look_at(viewer, layer, here)
    extent = np.asarray(size, float)[-2:] * voxel_edges(viewer, layer)[-2:]
    viewer.scene.camera.zoom = 0.4 * min(viewer.canvas.size) / max(float(extent.max()), 1e-9)


def _seen(viewer: Any, layer: Image) -> dict[int, float]:
    """How many voxels of an image the canvas has room for, by those axes of ``Z Y X`` it shows."""
    edges, first = _three(voxel_edges(viewer, layer), 1.0), 3 - viewer.dims.ndim
    canvas = np.asarray(viewer.canvas.size, float) / max(float(viewer.scene.camera.zoom), 1e-9)
    axes = [first + axis for axis in list(viewer.dims.displayed)[-2:]]
    return {a: float(n / edges[a]) for a, n in zip(axes, canvas, strict=True) if a >= 0}


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


def _three(values: np.ndarray, other: float) -> np.ndarray:
    """The last three of some values, after as many others as are missing."""
    kept = np.asarray(values, float)[-3:]
    return np.concatenate([np.full(3 - len(kept), other), kept])


def _within(low: np.ndarray, high: np.ndarray, layer: Image, nothing: str) -> Box:
    """The voxels of an image between two places."""
    box = []
    for start, stop, whole in zip(
        np.floor(low + 0.5), np.floor(high + 0.5), _shape(layer), strict=True
    ):
        part = slice(max(int(start), 0), min(int(stop) + 1, whole))
        if part.start >= part.stop:
            raise InputError(f"nothing of {layer.name} {nothing}.")
        box.append(part)
    return box[0], box[1], box[2]


def _shape(layer: Image) -> tuple[int, ...]:
    finest = layer.data[0] if layer.multiscale else layer.data
    sizes = [int(n) for n in finest.shape[: layer.ndim]]
    return (1, 1, 1, *sizes)[-3:] if spatial_ndim(layer) == 3 else (1, *sizes[-2:])

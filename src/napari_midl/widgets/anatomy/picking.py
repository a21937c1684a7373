"""Where a click meets the scan or the mesh, in 2D slices and in 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.geometry import find_nearest_triangle_intersection

if TYPE_CHECKING:
    from napari.layers import Image, Surface

    from napari_midl.widgets.clicks import Click

_STEP = 0.5


def on_scan(click: Click, image: Image, voxels: np.ndarray, threshold: float) -> Any:
    """First voxel along the ray of a click in 3D that passes a threshold.

    Parameters
    ----------
    click : Click
        In the 3D view.
    image : Image
        The scan's layer, whose last axes are ``Z Y X``.
    voxels : ndarray, shape (Z, Y, X)
        Its intensities, possibly coarser.
    threshold : float
        Where the surface lies.

    Returns
    -------
    ndarray, shape (3,), or None
        Voxel ``(z, y, x)`` of the image's finest level, between two steps along the ray.
    """
    start, end = _ray(click, image)
    if start is None:
        return None
    factor = np.asarray(_shape(image)) / voxels.shape
    # The middle of the first coarse voxel lies half of what it merges from that of the first.
    start, end = ((p[-3:] - (factor - 1) / 2) / factor for p in (start, end))
    count = int(np.linalg.norm(end - start) / _STEP) + 2
    places = np.linspace(start, end, count)
    index = np.clip(np.rint(places).astype(int), 0, np.asarray(voxels.shape) - 1)
    seen = np.asarray(voxels[tuple(index.T)], float)
    above = np.flatnonzero(seen > threshold)
    if not len(above):
        return None
    first = int(above[0])
    place = places[first]
    if first:
        share = (threshold - seen[first - 1]) / (seen[first] - seen[first - 1])
        place = places[first - 1] + share * (places[first] - places[first - 1])
    return place * factor + (factor - 1) / 2


def on_mesh(click: Click, surface: Surface) -> Any:
    """Where the ray of a click in 3D meets a mesh first, in its data ``(z, y, x)``, or None."""
    start, end = _ray(click, surface)
    if start is None:
        return None
    way = np.asarray(end) - start
    vertices, faces = surface.data[0], surface.data[1]
    _, place = find_nearest_triangle_intersection(
        np.asarray(start), way / np.linalg.norm(way), vertices[faces]
    )
    return place


def _ray(click: Click, layer: Any) -> Any:
    """Where the ray enters and leaves a layer's box, in its data."""
    ndim = layer.ndim
    displayed = [axis - (len(click.position) - ndim) for axis in click.displayed]
    return layer.get_ray_intersections(
        click.position[-ndim:], click.direction[-ndim:], displayed, world=True
    )


def _shape(image: Image) -> tuple[int, ...]:
    finest = image.data[0] if image.multiscale else image.data
    return tuple(finest.shape[-3:])

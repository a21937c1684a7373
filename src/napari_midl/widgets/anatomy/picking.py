"""Where a click in the 3D view meets the scan or the mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.geometry import find_nearest_triangle_intersection

from napari_midl.methods.anatomy.scan import first_above

if TYPE_CHECKING:
    from napari.layers import Image, Surface

    from napari_midl.widgets.clicks import Click


def on_scan(click: Click, image: Image, voxels: np.ndarray, threshold: float) -> np.ndarray | None:
    """First voxel ``(z, y, x)`` of an image along the ray of a click that passes a threshold.

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
    """
    ray = click.ray_in(image)
    if ray is None:
        return None
    start, end = ray
    finest = image.data[0] if image.multiscale else image.data
    return first_above(voxels, finest.shape[-3:], start[-3:], end[-3:], threshold)


def on_mesh(click: Click, surface: Surface, corners: np.ndarray) -> np.ndarray | None:
    """Where the ray of a click in 3D meets a mesh first, in its data ``(z, y, x)``.

    Parameters
    ----------
    click : Click
        In the 3D view.
    surface : Surface
        The mesh's layer.
    corners : ndarray, shape (F, 3, 3)
        Of its triangles, or of those that it had.
    """
    ray = click.ray_in(surface)
    if ray is None:
        return None
    start, end = ray
    way = end - start
    place: np.ndarray | None
    _, place = find_nearest_triangle_intersection(start, way / np.linalg.norm(way), corners)
    return place


def corners_of(surface: Surface) -> np.ndarray:
    """The corners ``(F, 3, 3)`` of the triangles that a mesh's layer has now."""
    vertices, faces = (np.asarray(part) for part in surface.data[:2])
    return np.asarray(vertices[faces])

"""Outlines: the surface of a segmentation, or of all that is brighter than a level."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.scan import finest_that_fits
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.volume import Volume

# A surface of more points takes seconds to index, and their distances are below a voxel anyway.
_MOST_POINTS = 2_000_000


class Outline:
    """An outline to measure distances to.

    Parameters
    ----------
    mesh : Mesh
        Where an image passes a level; open where that is at the border of the image.
    name : str
        What it is the outline of.
    """

    def __init__(self, mesh: Mesh, name: str) -> None:
        self.mesh, self.name = mesh, name

    def distance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances of points ``(x, y, z)`` to the outline, in mm, shape (n,)."""
        found: NDArray[np.float64] = self._tree.query(points)[0]
        return found

    @cached_property
    def _tree(self) -> cKDTree:
        points = self.mesh.vertices
        return cKDTree(points[:: -(-len(points) // _MOST_POINTS)])


def outline(volume: Volume, level: float, origin: ArrayLike = (0.0, 0.0, 0.0)) -> Job[Outline]:
    """The outline of what is above a level, at the finest resolution that fits.

    Parameters
    ----------
    volume : Volume
        Intensities or labels ``Z Y X``.
    level : float
        The outline is where they pass this value.
    origin : array_like, shape (3,)
        Middle ``(x, y, z)`` of the first voxel, in millimetres.

    Returns
    -------
    Outline
        Returned by the generator.

    Raises
    ------
    InputError
        If the image is too large, or nothing in it passes the level.
    """
    step = Progress(0, 0, f"finding the outline of {volume.name}")
    yield step
    finest = finest_that_fits(volume)
    if finest is None:
        raise InputError(
            f"{volume.name} is too large to be outlined; crop it, or make a pyramid of it."
        )
    factors = np.asarray(volume.shape) / finest.shape
    size = (np.array(volume.sizes_in("millimeter")) * factors).tolist()

    def find() -> Outline:
        voxels = np.asarray(finest, np.float32)
        return Outline(_surface(voxels, level, size, volume.name, origin), volume.name)

    return (yield from wait_for(in_thread(find), step))


def _surface(
    voxels: NDArray[np.float32], level: float, size: Sequence[float], name: str, origin: ArrayLike
) -> Mesh:
    from skimage.measure import marching_cubes

    low, high = voxels.min(), voxels.max()
    if not low < level < high:
        raise InputError(
            f"{name} has no outline at {level:g}: its values go from {low:g} to {high:g}; "
            "choose a value between."
        )
    points, faces, *_ = marching_cubes(
        voxels, level, spacing=tuple(size), gradient_direction="ascent"
    )
    vertices = points[:, ::-1].astype(np.float64) + np.asarray(origin)
    return Mesh(vertices, faces[:, ::-1].astype(np.int32))

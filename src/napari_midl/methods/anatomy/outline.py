"""Outlines: the surface of a segmentation, or of all that is brighter than a level."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.scan import as_scan, finest_that_fits
from napari_midl.volumes.grids import outlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.meshes import Mesh
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


def outline(volume: Volume, level: float) -> Job[Outline]:
    """The outline of what is above a level, at the finest resolution that fits.

    Parameters
    ----------
    volume : Volume
        Intensities or labels ``Z Y X``.
    level : float
        The outline is where they pass this value.

    Returns
    -------
    Outline
        Returned by the generator; in the world, or from the middle of the image's first voxel
        where it does not say where it lies.

    Raises
    ------
    InputError
        If the size of its voxels is not known, it is too large or has one slice, or nothing in it
        passes the level.
    """
    volume = as_scan(volume)
    if min(volume.shape) < 2:
        raise InputError(
            f"{volume.name} is {' x '.join(map(str, volume.shape))} voxels (z y x) large, which "
            "has no surface; give a stack of slices."
        )
    finest = finest_that_fits(volume)
    if finest is None:
        raise InputError(
            f"{volume.name} is too large to be outlined; crop it, or make a pyramid of it."
        )

    def find() -> Outline:
        voxels = np.asarray(finest, np.float32)
        known = voxels[np.isfinite(voxels)]
        if not known.size:
            raise InputError(f"{volume.name} holds no numbers, only NaN; export it again.")
        low, high = known.min(), known.max()
        if not low < level < high:
            raise InputError(
                f"{volume.name} has no outline at {level:g}: its values go from {low:g} to "
                f"{high:g}; choose a value between."
            )
        # Where the scan is no number there is nothing.
        voxels = np.nan_to_num(voxels, nan=low, posinf=high, neginf=low)
        factors = np.asarray(volume.shape) / finest.shape
        space = volume.space.coarser(factors.tolist())
        return Outline(outlined(voxels, level, space), volume.name)

    return (yield from elsewhere(find, f"finding the outline of {volume.name}"))

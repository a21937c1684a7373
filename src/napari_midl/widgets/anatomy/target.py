"""What a mesh is held against: the outline of a segmentation, or of all that is bright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

# A surface of more points takes seconds to index, and their distances are below a voxel anyway.
_MOST_POINTS = 2_000_000


class Target:
    """An outline to measure distances to.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Intensities or labels.
    level : float
        The outline is where they pass this value.
    voxel_size : sequence of float
        Millimetres along ``(z, y, x)``.
    name : str
        What it is the outline of.
    origin : array_like, shape (3,)
        Middle ``(x, y, z)`` of the first voxel, in millimetres.

    Raises
    ------
    InputError
        If nothing passes the level.
    """

    def __init__(
        self,
        voxels: Any,
        level: float,
        voxel_size: Sequence[float],
        name: str,
        origin: ArrayLike = (0.0, 0.0, 0.0),
    ) -> None:
        from skimage.measure import marching_cubes

        low, high = voxels.min(), voxels.max()
        if not low < level < high:
            raise InputError(
                f"{name} has no outline at {level:g}: its values go from {low:g} to {high:g}; "
                "choose a value between."
            )
        points, *_ = marching_cubes(np.asarray(voxels), level, spacing=tuple(voxel_size))
        stride = -(-len(points) // _MOST_POINTS)
        self.name = name
        self._tree = cKDTree(points[::stride, ::-1] + np.asarray(origin))

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Distances of points ``(x, y, z)`` to the outline, in mm, shape (n,)."""
        return self._tree.query(points)[0]

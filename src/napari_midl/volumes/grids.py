"""Between meshes and the voxels of an image: the inside of one as a mask, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.meshes import MM, Mesh, as_trimesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.space import Space

# A plane or row through a vertex has no clear inside, so that each is moved by such a share of a
# voxel; not both by the same, or a diagonal edge would be met again.
_PLANE_ASIDE, _ROW_ASIDE = 1e-5, 1.7e-5
_DIGITS = 10


class Filled(Lazy):
    """The inside of a mesh on the voxels of an image; each plane is filled when it is read.

    Parameters
    ----------
    mesh : Mesh
        Closed.
    shape : sequence of int
        ``(Z, Y, X)``.
    space : Space
        Where the voxels lie.
    inside : int
        Value, in 8 bits, where the middle of a voxel is inside; 0 elsewhere.

    Raises
    ------
    InputError
        If the size of the voxels is not known.
    """

    def __init__(self, mesh: Mesh, shape: Sequence[int], space: Space, inside: int = 1) -> None:
        super().__init__(shape, np.uint8, (1, *shape[1:]))
        self._inside = np.uint8(inside)
        # As (x, y, z), in voxels.
        vertices = space.to_voxel(mesh.vertices, MM)[:, ::-1]
        self._mesh = as_trimesh(Mesh(vertices, mesh.faces))
        self._low, self._high = vertices[:, 2].min(), vertices[:, 2].max()

    def read(self, box: Region) -> NDArray[np.uint8]:
        """The voxels of a box."""
        depth, *plane = box
        return np.stack([self._plane(z)[tuple(plane)] for z in range(depth.start, depth.stop)])

    def _plane(self, index: int) -> NDArray[np.uint8]:
        from trimesh.intersections import mesh_plane

        z = index + _PLANE_ASIDE
        if not self._low < z < self._high:
            return np.zeros(self.shape[1:], np.uint8)
        lines = np.asarray(mesh_plane(self._mesh, (0, 0, 1), (0, 0, z)))
        return self._inside * _filled(lines[:, :, :2], *self.shape[1:])


def mask(mesh: Mesh, shape: Sequence[int], space: Space) -> NDArray[np.uint8]:
    """The inside of a mesh on the voxels of an image; parameters as in `Filled`.

    Returns
    -------
    ndarray of uint8, shape (Z, Y, X)
        1 inside, 0 outside.

    Raises
    ------
    InputError
        If the size of the voxels is not known.
    """
    return np.asarray(Filled(mesh, shape, space))


def outlined(voxels: NDArray[np.floating], level: float, space: Space) -> Mesh:
    """The surface where an image passes a level, by marching cubes.

    Parameters
    ----------
    voxels : ndarray of float, shape (Z, Y, X)
        Not all above or below the level. Where the surface meets their border it is open.
    level : float
        The value; what is above is inside.
    space : Space
        Where the voxels lie.

    Raises
    ------
    InputError
        If the size of the voxels is not known.
    """
    from skimage.measure import marching_cubes

    points, faces, *_ = marching_cubes(voxels, level, gradient_direction="ascent")
    vertices = space.to_world(points, MM)
    if _mirrors(space.matrix(MM)):
        faces = faces[:, ::-1]
    return Mesh(vertices, np.ascontiguousarray(faces, np.int32))


def _mirrors(matrix: ArrayLike) -> bool:
    return bool(np.linalg.det(np.asarray(matrix)[:3, :3]) < 0)


def _filled(lines: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """Pixels inside closed outlines given as loose lines ``(n, 2, 2)`` of ``(x, y)``.

    A pixel is inside where a ray towards it from the left crosses an odd number of lines.
    """
    # Ends that lie on each other must not differ in their last bit.
    lines = lines.round(_DIGITS)
    ordered = np.take_along_axis(lines, lines[:, :, 1:].argsort(axis=1), axis=1)
    (x0, y0), (x1, y1) = ordered[:, 0].T, ordered[:, 1].T
    first, last = (np.clip(np.ceil(y - _ROW_ASIDE).astype(int), 0, height) for y in (y0, y1))
    # Each line crosses the rows from `first` up to, not including, `last`.
    counts = last - first
    line = np.repeat(np.arange(len(lines)), counts)
    row = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[line]
    share = (row + _ROW_ASIDE - y0[line]) / (y1 - y0)[line]
    column = np.ceil(x0[line] + share * (x1 - x0)[line]).astype(int)
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings, (row, np.clip(column, 0, width)), 1)
    return np.bitwise_and(np.cumsum(crossings, axis=1, dtype=np.uint8), 1)[:, :width]

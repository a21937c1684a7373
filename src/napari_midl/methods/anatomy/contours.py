"""Where a plane cuts a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cut(
    vertices: NDArray[np.floating], faces: NDArray[np.int32], axis: int, at: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The lines along which a plane across an axis cuts a mesh.

    Parameters
    ----------
    vertices : ndarray, shape (V, 3)
        In any unit.
    faces : ndarray of int32, shape (F, 3)
        Triangles of those vertices.
    axis : int
        To which the plane is at right angles.
    at : float
        Where the plane lies on that axis.

    Returns
    -------
    ndarray, shape (n, 2, 3)
        Both ends of each line.
    ndarray of int, shape (n,)
        In which triangle it lies.
    """
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    plane = np.eye(3)[axis]
    lines, cut_faces = trimesh.intersections.mesh_plane(mesh, plane, at * plane, return_faces=True)
    return np.asarray(lines, float).reshape(-1, 2, 3), np.asarray(cut_faces, np.intp)

"""A surface that does not cross itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.anatomy.score import crossing
from napari_midl.methods.anatomy.triangles import smoother
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points

_ROUNDS, _RINGS, _SMOOTHINGS = 24, 2, 6


def untangled(mesh: Mesh, kept: NDArray[np.bool_] | None = None) -> Mesh:
    """A mesh smoothed where it crosses itself, and further around where that is not enough.

    Parameters
    ----------
    mesh : Mesh
        Closed.
    kept : ndarray of bool, shape (V,), optional
        Vertices that do not move.
    """
    return untangling(mesh, kept)[0]


def untangling(mesh: Mesh, kept: NDArray[np.bool_] | None = None) -> tuple[Mesh, bool]:
    """As `untangled`, and whether it is known to cross itself no more."""
    vertices, near = mesh.vertices, smoother(mesh.faces, len(mesh.vertices))
    for round_ in range(_ROUNDS):
        crossed = crossing(Mesh(vertices, mesh.faces))
        if not len(crossed):
            return Mesh(vertices, mesh.faces), True
        part = np.zeros(len(vertices))
        part[mesh.faces[crossed]] = 1.0
        for _ in range(_RINGS + round_ // 2):
            part = np.asarray(near @ part > 0, float)
        if kept is not None:
            part[kept] = 0.0
        vertices = _smoothed(vertices, near, part > 0)
    return Mesh(vertices, mesh.faces), False


def last_untangled(
    stages: Sequence[Points], faces: NDArray[np.int32], kept: NDArray[np.bool_]
) -> Mesh:
    """The last stage of a fit that smoothing keeps from crossing itself.

    Parameters
    ----------
    stages : sequence of ndarray, shape (V, 3)
        Vertices from the mesh that was fitted to the closest fit, each nearer to the bone and
        less smooth than the one before. If all cross themselves, it is the first.
    faces : ndarray of int32, shape (F, 3)
        The triangles of all.
    kept : ndarray of bool, shape (V,)
        Vertices that do not move.
    """
    for vertices in reversed(stages):
        mesh, clean = untangling(Mesh(vertices, faces), kept)
        if clean or not len(crossing(mesh)):
            return mesh
    return Mesh(stages[0], faces)


def _smoothed(vertices: Points, near: object, part: NDArray[np.bool_]) -> Points:
    moved = vertices.copy()
    for _ in range(_SMOOTHINGS):
        moved[part] = (near @ moved)[part]  # type: ignore[operator]
    return moved

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
    """As `untangled`, and whether it crosses itself no more."""
    vertices, near = mesh.vertices, smoother(mesh.faces, len(mesh.vertices))
    crossed = crossing(mesh)
    for round_ in range(_ROUNDS):
        if not len(crossed):
            break
        part = np.zeros(len(vertices))
        part[mesh.faces[crossed]] = 1.0
        for _ in range(_RINGS + round_ // 2):
            part = np.asarray(near @ part > 0, float)
        about = part > 0
        moving = about if kept is None else about & ~kept
        vertices = _smoothed(vertices, near, moving)
        crossed = crossing(Mesh(vertices, mesh.faces), among=about)
    return Mesh(vertices, mesh.faces), not len(crossed)


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
        if clean:
            return mesh
    return Mesh(stages[0], faces)


def _smoothed(vertices: Points, near: object, part: NDArray[np.bool_]) -> Points:
    moved = vertices.copy()
    for _ in range(_SMOOTHINGS):
        moved[part] = (near @ moved)[part]  # type: ignore[operator]
    return moved

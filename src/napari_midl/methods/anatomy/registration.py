"""Bringing a template's mesh onto another of the same kind, so that vertices correspond."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.methods.anatomy.alignment import Points, thin_plate
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.shapes import Shape
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROUNDS = 12


def register(
    template: Mesh, template_landmarks: Points, target: Mesh, target_landmarks: Points
) -> Points:
    """Vertices ``(V, 3)`` of the template, moved onto the target.

    A thin-plate spline takes the landmarks along; then each vertex goes to the nearest place
    that faces the same way, in steps that grow less and less smooth (non-rigid iterative
    closest points, after Amberg et al., 2007).

    Parameters
    ----------
    template, target : Mesh
        Closed surfaces, mm.
    template_landmarks, target_landmarks : ndarray, shape (n, 3)
        Corresponding points on them; rows with NaN in either are left out.
    """
    known = np.isfinite(template_landmarks).all(1) & np.isfinite(target_landmarks).all(1)
    warp = thin_plate(template_landmarks[known], target_landmarks[known])
    vertices = warp(template.vertices)
    surface = Surface(target)
    smoother = _smoother(template.faces, len(vertices))
    for round_ in range(ROUNDS):
        found, normals = surface.nearest_facing(vertices, _normals(vertices, template.faces))
        move = found - vertices
        # Where nothing faces the same way nearby, the neighbours decide.
        sure = (normals & (np.linalg.norm(move, axis=1) < 8.0)).astype(float)[:, None]
        move, weight = move * sure, sure
        for _ in range(max(1, 40 - 3 * round_)):
            move, weight = smoother @ move, smoother @ weight
        vertices = vertices + move / np.maximum(weight, 1e-6) * np.minimum(weight * 4, 1)
    return np.asarray(vertices)


def _smoother(faces: NDArray[np.int32], count: int) -> sparse.csr_matrix:
    """Mean of a vertex and its neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ones = np.ones(len(edges))
    joined = sparse.coo_matrix((ones, edges.T), (count, count))
    joined = ((joined + joined.T) > 0).astype(float) + sparse.eye(count)
    return sparse.diags(1 / np.asarray(joined.sum(1)).ravel()) @ joined.tocsr()


def _normals(vertices: Points, faces: NDArray[np.int32]) -> Points:
    a, b, c = vertices[faces].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    summed = np.zeros_like(vertices)
    for corner in faces.T:
        np.add.at(summed, corner, normal)
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12))


def in_correspondence(shapes: Sequence[Shape]) -> Job[list[Shape]]:
    """The shapes with the vertices of the first; those that have its triangles keep theirs."""
    first = shapes[0]
    moved = [first]
    for k, shape in enumerate(shapes[1:], 1):
        yield Progress(k, len(shapes), f"registering {shape.name}")
        if np.array_equal(shape.mesh.faces, first.mesh.faces):
            moved.append(shape)
            continue
        vertices = yield from wait_for(
            in_thread(partial(register, first.mesh, first.landmarks, shape.mesh, shape.landmarks)),
            Progress(k, len(shapes), f"registering {shape.name}"),
        )
        moved.append(Shape(shape.name, Mesh(vertices, first.mesh.faces), shape.landmarks))
    return moved

"""Bringing a template's mesh onto another of the same kind, so that vertices correspond."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from trimesh.triangles import points_to_barycentric

from napari_midl.engine.jobs import Job, Progress, elsewhere, in_thread, wait_for
from napari_midl.methods.anatomy.alignment import Points, thin_plate
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.triangles import normals_of, smoother
from napari_midl.methods.anatomy.untangling import untangled
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.shapes import Shape

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
    smooth = smoother(template.faces, len(vertices))
    for round_ in range(ROUNDS):
        found, normals = surface.nearest_facing(vertices, normals_of(vertices, template.faces))
        move = found - vertices
        # Where nothing faces the same way nearby, the neighbours decide.
        sure = (normals & (np.linalg.norm(move, axis=1) < 8.0)).astype(float)[:, None]
        move, weight = move * sure, sure
        for _ in range(max(1, 40 - 3 * round_)):
            move, weight = smooth @ move, smooth @ weight
        vertices = vertices + move / np.maximum(weight, 1e-6) * np.minimum(weight * 4, 1)
    return np.asarray(vertices)


def in_correspondence(shapes: Sequence[Shape]) -> Job[list[Shape]]:
    """The shapes with the vertices of the first; those that have its triangles keep theirs.

    A landmark missing on a shape is where its nearest vertex goes on the others.
    """
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
        mesh = yield from elsewhere(
            partial(untangled, Mesh(vertices, first.mesh.faces)), f"registering {shape.name}"
        )
        moved.append(replace(shape, mesh=mesh))
    return _completed(moved)


def mirrored(
    mesh: Mesh, landmarks: Points, partners: NDArray[np.int64]
) -> Callable[[Points], Points]:
    """What makes the mirror image of a shape at x = 0, its vertices in correspondence.

    Parameters
    ----------
    mesh : Mesh
        A shape.
    landmarks : ndarray, shape (n, 3)
        Its landmarks.
    partners : ndarray of int, shape (n,)
        Index of the partner of each on the other side.

    Returns
    -------
    callable
        From vertices ``(V, 3)`` of any shape in correspondence to those of its mirror image.
    """
    flip = np.array([-1.0, 1.0, 1.0])
    beside = Mesh(mesh.vertices * flip, mesh.faces[:, ::-1])
    moved = register(mesh, landmarks, beside, (landmarks * flip)[partners])
    surface = Surface(beside)
    found, triangle = surface.nearest(moved)
    weights = points_to_barycentric(surface.triangles[triangle], found)
    corners = beside.faces[triangle]
    return lambda vertices: np.einsum("vc,vcd->vd", weights, (vertices * flip)[corners])


def _completed(shapes: list[Shape]) -> list[Shape]:
    landmarks = np.stack([shape.landmarks for shape in shapes])
    known = np.asarray(np.isfinite(landmarks).all(2))
    for i in np.flatnonzero(~known.all(0) & known.any(0)):
        shown = int(known[:, i].argmax())
        at = np.linalg.norm(shapes[shown].mesh.vertices - landmarks[shown, i], axis=1).argmin()
        for k in np.flatnonzero(~known[:, i]):
            landmarks[k, i] = shapes[k].mesh.vertices[at]
    return [replace(shape, landmarks=marks) for shape, marks in zip(shapes, landmarks, strict=True)]

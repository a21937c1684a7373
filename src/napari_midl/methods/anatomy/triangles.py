"""Neighbours and normals of the vertices of a surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points


def smoother(faces: NDArray[np.int32], count: int) -> sparse.csr_matrix:
    """Mean of a vertex and its neighbours."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ones = np.ones(len(edges))
    joined = sparse.coo_matrix((ones, edges.T), (count, count))
    joined = ((joined + joined.T) > 0).astype(float) + sparse.eye(count)
    return sparse.diags(1 / np.asarray(joined.sum(1)).ravel()) @ joined.tocsr()


def normals_of(vertices: Points, faces: NDArray[np.int32]) -> Points:
    """Unit normals ``(V, 3)`` of the vertices of a surface, outward."""
    a, b, c = vertices[faces].transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    summed = np.zeros_like(vertices)
    for corner in faces.T:
        np.add.at(summed, corner, normal)
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12))

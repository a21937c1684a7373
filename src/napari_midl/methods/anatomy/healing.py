"""A part of a surface taken away, and closed smoothly from its border, such as teeth from a jaw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points


def healed(vertices: Points, faces: NDArray[np.int32], part: NDArray[np.bool_]) -> Points:
    """Vertices ``(V, 3)`` with a part pulled onto the smooth surface over its border.

    Each vertex of the part lies in the middle of its neighbours, as in a soap film.

    Parameters
    ----------
    vertices : ndarray, shape (V, 3)
        In any unit.
    faces : ndarray of int32, shape (F, 3)
        Triangles.
    part : ndarray of bool, shape (V,)
        What to take away; not all.
    """
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    joined = sparse.coo_matrix((np.ones(len(edges)), edges.T), (len(vertices),) * 2)
    joined = ((joined + joined.T) > 0).astype(float).tocsr()
    laplacian = (sparse.diags(np.asarray(joined.sum(1)).ravel()) - joined)[part]
    inner, border = laplacian[:, part].tocsc(), laplacian[:, ~part]
    filled = vertices.copy()
    filled[part] = splu(inner).solve(-np.asarray(border @ vertices[~part]))
    return filled

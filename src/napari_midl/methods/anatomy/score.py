"""How near a generated surface is to landmarks, points and other surfaces, in mm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from trimesh.triangles import closest_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.volumes.meshes import Mesh

CANDIDATES, NEIGHBOURS = 12, 40
_ROUNDING = 1e-6


class Surface:
    """A mesh that can be asked for its nearest points.

    Parameters
    ----------
    mesh : Mesh
        Triangles of about the same size; the nearest is looked for among the twelve whose
        centres are nearest.
    """

    def __init__(self, mesh: Mesh) -> None:
        self.triangles = mesh.vertices[mesh.faces]
        corner, second, third = self.triangles.transpose(1, 0, 2)
        normals = np.cross(second - corner, third - corner)
        self.normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        self.areas = np.linalg.norm(normals, axis=1) / 2
        centres = self.triangles.mean(1)
        self._reach = np.linalg.norm(self.triangles - centres[:, None], axis=2).max(1)
        self._centres = cKDTree(centres, compact_nodes=False, balanced_tree=False)

    def nearest(self, points: Points) -> tuple[Points, NDArray[np.int64]]:
        """The nearest point of the surface to each, and the triangle that it lies in."""
        count = min(CANDIDATES, len(self.triangles))
        away, near = self._centres.query(points, k=count)
        away, near = away.reshape(-1, count), near.reshape(-1, count)
        found, distance = np.zeros((*near.shape, 3)), np.full(near.shape, np.inf)
        looked_at = np.arange(count) == np.zeros((len(near), 1))
        # Once at the first, and then at those that reach nearer than it.
        for _ in range(2):
            row, rank = np.nonzero(looked_at)
            found[row, rank] = closest_point(self.triangles[near[row, rank]], points[row])
            distance[row, rank] = np.linalg.norm(found[row, rank] - points[row], axis=1)
            looked_at = (away - self._reach[near] <= distance[:, :1]) & np.isinf(distance)
        best, rows = distance.argmin(1), np.arange(len(near))
        return found[rows, best], near[rows, best]

    def distance(self, points: Points) -> NDArray[np.float64]:
        """Distance of each point to the surface; NaN where the point is missing."""
        distance = np.full(len(points), np.nan)
        known = np.isfinite(points).all(1)
        if known.any():
            found, _ = self.nearest(points[known])
            distance[known] = np.linalg.norm(found - points[known], axis=1)
        return distance

    def nearest_facing(self, points: Points, normals: Points) -> tuple[Points, NDArray[np.bool_]]:
        """As `nearest`, and whether the surface there faces within 60 degrees the same way."""
        found, triangle = self.nearest(points)
        return found, (self.normals[triangle] * normals).sum(1) > 0.5

    def sample(self, count: int, seed: int = 0) -> Points:
        """Points spread at random over the surface, ``(count, 3)``."""
        rng = np.random.default_rng(seed)
        chosen = self.triangles[rng.choice(len(self.areas), count, p=self.areas / self.areas.sum())]
        a, b = np.sort(rng.random((2, count, 1)), axis=0)
        return np.asarray(a * chosen[:, 0] + (b - a) * chosen[:, 1] + (1 - b) * chosen[:, 2])


@dataclass(frozen=True)
class Between:
    """How two surfaces differ.

    Parameters
    ----------
    mean : float
        Surface mean distance (SMD), over both directions, mm.
    hausdorff95 : float
        The greater of the 95th percentiles of both directions (HD95), mm.
    """

    mean: float
    hausdorff95: float


def between(one: Mesh, other: Mesh, samples: int = 8000) -> Between:
    """Surface mean distance and 95th percentile Hausdorff distance of two meshes."""
    first, second = Surface(one), Surface(other)
    forth = second.distance(first.sample(samples))
    back = first.distance(second.sample(samples))
    return Between(
        float((forth.mean() + back.mean()) / 2),
        float(max(np.percentile(forth, 95), np.percentile(back, 95))),
    )


def crossing(mesh: Mesh, among: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Triangles that an edge of another one passes through, in ascending order.

    Parameters
    ----------
    mesh : Mesh
        Triangles of about the same size; a crossing is looked for among the forty that are
        nearest to each edge.
    among : ndarray of bool, shape (V,), optional
        Vertices that all crossings lie at, as where others did not cross before these moved: only
        their triangles are looked at, which saves nearly all of the time where they are few.
    """
    if among is not None:
        near = _near(mesh, np.asarray(among[mesh.faces].any(1)))
        return near[crossing(replace(mesh, faces=mesh.faces[near]))]
    if not len(mesh.faces):
        return np.empty(0, np.int64)
    faces, corners = mesh.faces, mesh.vertices[mesh.faces]
    edges = _edges(faces, len(mesh.vertices))
    start, end = mesh.vertices[edges[:, 0]], mesh.vertices[edges[:, 1]]
    (centres, reach), middles, halves = _circles(corners), (start + end) / 2, (end - start) / 2
    half = np.linalg.norm(halves, axis=1)
    # An edge and a triangle that meet are no further apart than they reach together.
    most = np.nextafter(half.max() + reach.max(), np.inf)
    count = min(NEIGHBOURS, len(faces))
    away, near = cKDTree(centres).query(middles, k=count, distance_upper_bound=most)
    # Where there are fewer, the rest is infinitely far and called one more than the last.
    meeting = away <= half[:, None] + np.append(reach, 0.0)[near]
    edge, face = np.repeat(np.arange(len(edges)), meeting.sum(1)), near[meeting]
    (a, b, c), (one, other) = faces.T.copy()[:, face], edges.T.astype(faces.dtype)[:, edge]
    apart = (a != one) & (b != one) & (c != one) & (a != other) & (b != other) & (c != other)
    edge, face = edge[apart], face[apart]
    # Most edges end on the side of the triangle's plane that they begin on.
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    above = _dot(normals[face], middles[edge] - corners[face, 0])
    through = np.abs(above) <= np.abs(_dot(normals[face], halves[edge])) * (1 + _ROUNDING)
    edge, face = edge[through], face[through]
    return np.unique(face[_pierced(start[edge], end[edge], corners[face])])


def _near(mesh: Mesh, some: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Some triangles, and all that could cross them."""
    centres, reach = _circles(mesh.vertices[mesh.faces])
    # An edge ends where its triangle does: it and one that it meets reach no further together.
    apart = cKDTree(centres[some]).query(centres, distance_upper_bound=2 * reach.max() + 1e-9)[0]
    return np.flatnonzero(np.isfinite(apart))


def _circles(corners: Points) -> tuple[Points, NDArray[np.float64]]:
    """Middles of triangles ``(k, 3, 3)``, and how far their corners lie from them."""
    centres = corners.mean(1)
    return centres, np.linalg.norm(corners - centres[:, None], axis=2).max(1)


def _edges(faces: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """The edges of triangles ``(k, 2)``, each once, in ascending order."""
    first, second = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1).T
    return np.stack(np.divmod(np.unique(first.astype(np.int64) * count + second), count), 1)


def _dot(one: Points, other: Points) -> NDArray[np.float64]:
    return np.asarray(np.einsum("kd,kd->k", one, other))


def _pierced(start: Points, end: Points, corners: Points) -> NDArray[np.bool_]:
    """Whether lines from start to end pass through triangles ``(k, 3, 3)`` (Moeller, 1997)."""
    way = end - start
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(way, other)
    volume = (one * across).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        from_corner = start - corners[:, 0]
        u = (from_corner * across).sum(1) / volume
        turned = np.cross(from_corner, one)
        v = (way * turned).sum(1) / volume
        along = (other * turned).sum(1) / volume
        return np.asarray((u > 0) & (v > 0) & (u + v < 1) & (along > 0) & (along < 1))

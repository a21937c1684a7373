"""A mesh pulled onto the surface of the bone in a scan.

Each vertex looks along its normal for the nearest place where the scan falls from bone to less:
the outer side of a cortex that faces the same way, never its inner side nor that of a neighbour.
The moves are then made smooth, less so from round to round, with the placed landmarks held
(non-rigid iterative closest points with a stiffness that is lowered, after Amberg et al., 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.scan import finest_that_fits
from napari_midl.methods.anatomy.triangles import normals_of, smoother
from napari_midl.methods.anatomy.untangling import last_untangled
from napari_midl.volumes.grids import outlined
from napari_midl.volumes.meshes import MM, Mesh

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points
    from napari_midl.volumes.space import Space
    from napari_midl.volumes.volume import Volume

# How far a vertex looks for the bone, mm, and how stiff the mesh is, in each round.
ROUNDS = (
    *((8.0, 3000.0),) * 3,
    *((6.0, 300.0),) * 2,
    *((4.0, 30.0),) * 2,
    *((3.0, 3.0),) * 2,
    *((2.0, 0.5),) * 2,
)
# The neighbourhood of a mesh, mm; and how finely a vertex looks, mm.
_AROUND, _STEP = 12.0, 0.25
# A landmark counts for so many vertices that see the bone: it does not give way.
_HOLD = 1e6
# Vertices whose move differs by so many mm from that of their neighbours are not believed.
_ODD = 2.0
# Noise of single voxels is no bone.
_BLUR_VOXELS = 0.7
# No more is coloured, mm.
WORST = 4.0


@dataclass(frozen=True)
class Apart:
    """How far a mesh lies from the surface of the bone.

    Parameters
    ----------
    distances : ndarray, shape (V,)
        Of each vertex, mm.
    """

    distances: NDArray[np.float64]

    @property
    def mean(self) -> float:
        """On average, mm."""
        return float(self.distances.mean())

    @property
    def most(self) -> float:
        """What 95 % of the vertices do not pass, mm."""
        return float(np.percentile(self.distances, 95))


@dataclass(frozen=True)
class Fitted:
    """A mesh on the bone of a scan.

    Parameters
    ----------
    mesh : Mesh
        With the triangles that it had.
    before, after : Apart
        Distance to the surface of the bone in the neighbourhood, without and with the fit.
    level : float
        Where the scan passes this value the bone was taken to end.
    """

    mesh: Mesh
    before: Apart
    after: Apart
    level: float

    @property
    def in_numbers(self) -> dict[str, float]:
        """Mean and 95th percentile before and after, mm, as results of a run hold them."""
        return {
            f"{when} the fit, {what}": value
            for when, apart in (("before", self.before), ("after", self.after))
            for what, value in (("mean", apart.mean), ("95 %", apart.most))
        }


def fit(mesh: Mesh, held: Points, scan: Volume, level: float) -> Job[Fitted]:
    """Pull a mesh onto the bone.

    Parameters
    ----------
    mesh : Mesh
        Closed, within a few mm of the bone, in mm of the world.
    held : ndarray, shape (k, 3)
        Places that the surface keeps, in mm; those that it passes through.
    scan : Volume
        Intensities ``Z Y X``, bone brighter than all around it.
    level : float
        The surface of the bone is where the scan passes this value.

    Yields
    ------
    Progress
        From the second round on its preview is an ndarray of shape (V, 3), in mm: where the
        vertices have come to. A note says before the rounds begin if most can see no bone.

    Raises
    ------
    InputError
        If the mesh lies outside the scan, or no bone is near it.
    """
    voxels, space = yield from elsewhere(lambda: _around(mesh, scan), f"reading {scan.name}")
    if not voxels.min() < level < voxels.max():
        raise InputError(
            f"{scan.name} does not pass {level:g} near the mesh, where its values go from "
            f"{voxels.min():g} to {voxels.max():g}; choose a level between."
        )
    tree = yield from elsewhere(lambda: _surface(voxels, level, space), "finding the bone")
    before = Apart(tree.query(mesh.vertices)[0])
    yield Progress(0, len(ROUNDS), "finding the bone", note=_far_off(before))
    pull = _Pull(mesh, held, voxels, space, level)
    stages = [mesh.vertices]
    for k, (reach, stiffness) in enumerate(ROUNDS):
        come_to = stages[-1] if k else None
        step = Progress(k, len(ROUNDS), "fitting the mesh to the bone", preview=come_to)
        yield step
        closer = yield from elsewhere(partial(pull, stages[-1], reach, stiffness), step.message)
        stages.append(closer)
    smooth = yield from elsewhere(
        partial(last_untangled, stages, mesh.faces, pull.held), "smoothing where it crosses itself"
    )
    return Fitted(smooth, before, Apart(tree.query(smooth.vertices)[0]), level)


def _far_off(before: Apart) -> str:
    """A sentence where most of a mesh lies farther from the bone than it looks for it."""
    reach = ROUNDS[0][0]
    if np.median(before.distances) <= reach:
        return ""
    return (
        f"More than half of the shape lies over {reach:g} mm from the bone, {before.mean:.0f} mm "
        "on average, and will find none: the landmarks may be of another scan, or lie off the bone."
    )


def _around(mesh: Mesh, scan: Volume) -> tuple[NDArray[np.float32], Space]:
    """Voxels in the neighbourhood of a mesh, without the noise of single ones, and their place."""
    level = finest_that_fits(scan)
    if level is None:
        raise InputError(f"{scan.name} is too large to fit a mesh to; crop it around the bone.")
    space = scan.space.coarser((np.asarray(scan.shape) / level.shape).tolist())
    size = np.asarray(space.sizes_in(MM))
    at = space.to_voxel(mesh.vertices, MM)
    low = np.floor(at.min(0) - _AROUND / size).astype(int).clip(0)
    high = np.minimum(np.ceil(at.max(0) + _AROUND / size).astype(int) + 1, level.shape)
    if (high - low < 2).any():
        raise InputError(f"The mesh does not lie in {scan.name}; open the landmarks of this scan.")
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    voxels = np.asarray(level[box], np.float32)
    return ndimage.gaussian_filter(voxels, _BLUR_VOXELS), space.cut(low.tolist())


def _surface(voxels: NDArray[np.float32], level: float, space: Space) -> cKDTree:
    return cKDTree(outlined(voxels, level, space).vertices)


class _Pull:
    """One round after the other of looking and moving."""

    def __init__(
        self, mesh: Mesh, held: Points, voxels: NDArray[np.float32], space: Space, level: float
    ) -> None:
        self._faces, self._voxels, self._space, self._level = mesh.faces, voxels, space, level
        self._start, count = mesh.vertices, len(mesh.vertices)
        self._smooth = smoother(mesh.faces, count)
        rough = sparse.eye(count) - self._smooth
        self._rough = (rough.T @ rough).tocsc()
        self._hold = np.zeros(count)
        if len(held):
            self._hold[cKDTree(mesh.vertices).query(held)[1]] = _HOLD

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which vertices are held."""
        return self._hold > 0

    def __call__(self, vertices: Points, reach: float, stiffness: float) -> Points:
        normals = normals_of(vertices, self._faces)
        along = self._look(vertices, normals, reach)
        seen = np.isfinite(along)
        along = np.nan_to_num(along)
        # What nearly all neighbours see nearer or further is another bone, or a canal.
        around, share = along, seen.astype(float)
        for _ in range(4):
            around, share = self._smooth @ (around * share), self._smooth @ share
            around = around / np.maximum(share, 1e-9)
        weight = seen / (1 + ((along - around) / _ODD) ** 4)
        weight[self._hold > 0] = 0.0
        total = sparse.diags(weight + self._hold) + stiffness * self._rough
        total = (total + 1e-6 * sparse.eye(len(vertices))).tocsc()
        # Symmetric and positive definite, which saves most of the time.
        solved = splu(
            total,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        wanted = (weight * along)[:, None] * normals
        wanted += self._hold[:, None] * (self._start - vertices)
        return np.asarray(vertices + solved.solve(wanted))

    def _look(self, vertices: Points, normals: Points, reach: float) -> NDArray[np.float64]:
        """How far along its normal the bone ends for each vertex; NaN where it does not."""
        offsets = np.arange(-reach, reach + _STEP / 2, _STEP)
        begin, end = (self._space.to_voxel(at, MM) for at in (vertices, vertices + normals))
        at = begin.T[..., None] + (end - begin).T[..., None] * offsets
        values = ndimage.map_coordinates(self._voxels, at, order=1, mode="nearest")
        above = values - self._level
        ends = (above[:, :-1] >= 0) & (above[:, 1:] < 0)
        fall = np.maximum(above[:, :-1] - above[:, 1:], 1e-9)
        places = offsets[:-1] + _STEP * above[:, :-1] / fall
        apart = np.where(ends, np.abs(places), np.inf)
        nearest = apart.argmin(1)
        rows = np.arange(len(vertices))
        return np.where(ends[rows, nearest], places[rows, nearest], np.nan)

"""From a vessel mask to its network: skeleton, branches, lengths, radii, SWC."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse.csgraph import breadth_first_order, connected_components

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.errors import InputError
from napari_midl.methods.vessels.report import summarise
from napari_midl.methods.vessels.thinning import thinned
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from skan import Skeleton

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.space import Space
    from napari_midl.volumes.volume import Volume

_KINDS = ("end to end", "junction to end", "junction to junction", "cycle")
_MOST_VOXELS = 2**30
_MOST_REGIONS = 4096
_PLANES, _ALIKE = 8, 0.5  # of a mask that are looked at, and share of neighbours that are equal


@dataclass(frozen=True)
class VesselGraph:
    """The centre lines of a vessel mask and what was measured along them.

    Parameters
    ----------
    branches : pandas.DataFrame
        One row a branch: ``branch``, ``tree`` (connected piece), ``kind``, ``length``,
        ``straight_length``, ``tortuosity`` (their ratio), ``mean_radius``, ``min_radius``,
        ``max_radius`` and ``volume`` (of a tube of that radius), in `unit`.
    nodes : pandas.DataFrame
        Skeleton voxels as SWC rows ``id, type, x, y, z, radius, parent``, in `unit`, parents
        first. A closed loop is cut at one place, since SWC knows trees only.
    paths : list of ndarray of float, shape (N, 4)
        For each branch its points ``z, y, x, radius``, in `unit`.
    unit : str
        Unit of all lengths, which count from the first voxel; ``voxel`` where the voxel size is not
        known.
    space : Space
        Where the mask lies in the world.
    summary : pandas.DataFrame
        Numbers of the whole and of each region, as `report.summarise` gives them.
    """

    branches: pd.DataFrame
    nodes: pd.DataFrame
    paths: list[NDArray[np.float64]]
    unit: str
    space: Space
    summary: pd.DataFrame = field(default_factory=pd.DataFrame)

    def vectors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The pieces of all centre lines: start and step ``(z, y, x)`` in voxels, and radius.

        Returns
        -------
        vectors : ndarray, shape (N, 2, 3)
        radii : ndarray, shape (N,)
            In `unit`.
        """
        return self._vectors(self.paths)

    def branch_vectors(self, row: int) -> NDArray[np.float64]:
        """The pieces of one branch, as by `vectors`."""
        return self._vectors([self.paths[row]])[0]

    def _vectors(
        self, paths: Sequence[NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ends = np.concatenate([np.stack([path[:-1], path[1:]], axis=1) for path in paths])
        starts, stops = (ends[:, end, :3] / np.asarray(self.space.voxel_size) for end in (0, 1))
        return np.stack([starts, stops - starts], axis=1), ends[..., 3].mean(axis=1)


def analyse(
    mask: Volume,
    min_length: float = 0,
    regions: Volume | None = None,
    written: Sequence[Region] = (),
) -> Job[VesselGraph]:
    """Measure the vessels of a mask.

    The mask is thinned to its skeleton (scikit-image), cut into branches (skan), and each
    skeleton voxel's radius is its distance to the background. Distances respect the
    voxel's height and width.

    Parameters
    ----------
    mask : Volume
        Axes ``Z Y X``; not 0 inside a vessel.
    min_length : float
        Branches with a free end that are shorter, in the unit of the mask's voxels, are left
        out: thinning makes spurs of bumps on a vessel.
    regions : Volume, optional
        Integers on the voxels of the mask: the region that each belongs to, 0 none.
    written : sequence of Region
        Boxes of the mask that hold something, where it is a part of a prediction; by default it
        is whole.

    Yields
    ------
    Progress
        Five steps.

    Returns
    -------
    VesselGraph
        Returned by the generator.

    Raises
    ------
    InputError
        If the mask is empty, full, no mask or larger than 1024-cubed voxels, the regions are no
        integers, or all branches are shorter.
    """
    if math.prod(mask.shape) > _MOST_VOXELS:
        raise InputError(
            f"{mask.name} has {math.prod(mask.shape):.2g} voxels, and a skeleton needs the mask in "
            "memory; crop it, or analyse a coarser level."
        )
    step = Progress(0, 5, "reading the mask")
    inside = yield from wait_for(in_thread(lambda: _inside(mask)), step)
    known = _known(inside.shape, written)
    if known is not None:
        inside &= known
    parts = None
    if regions is not None:
        parts = yield from wait_for(in_thread(lambda: _parts(regions)), step)
    step = Progress(1, 5, "thinning to the skeleton")
    thin = yield from wait_for(in_thread(lambda: thinned(inside)), step)
    if np.count_nonzero(thin) < 2:
        raise InputError(
            f"{mask.name} holds no vessel to analyse; lower the threshold or choose another mask."
        )
    step = Progress(2, 5, "measuring radii")
    sampling = mask.voxel_size
    radius = yield from wait_for(
        in_thread(lambda: ndimage.distance_transform_edt(inside, sampling=sampling)), step
    )
    step = Progress(3, 5, "tracing branches")
    measuring = in_thread(lambda: _measure(thin, radius, mask, min_length))
    graph, branch_points = yield from wait_for(measuring, step)
    step = Progress(4, 5, "adding up")

    def add_up() -> pd.DataFrame:
        return summarise(
            inside, sampling, graph.unit, graph.paths, branch_points, regions=parts, known=known
        )

    summary = yield from wait_for(in_thread(add_up), step)
    return replace(graph, summary=summary)


def _inside(mask: Volume) -> NDArray[np.bool_]:
    """Where the vessels are."""
    if mask.inverted:
        raise InputError(
            f"{mask.name} says that 0 is white (min-is-white), so that it is not clear where its "
            "vessels are; save it as min-is-black, with 0 outside the vessels."
        )
    read = np.asarray(mask.data)
    if read.dtype.kind == "f" and np.any(read % 1 > 0):
        raise InputError(
            f"{mask.name} holds fractions, like a probability, and not 0 outside the vessels; cut "
            "it at a threshold and give the mask."
        )
    # A voxel that is no number is in no vessel.
    inside: NDArray[np.bool_] = read > 0 if read.dtype.kind == "f" else read != 0
    if inside.all():
        raise InputError(
            f"{mask.name} is vessel everywhere; raise the threshold, or give a mask that is 0 "
            "outside the vessels."
        )
    if _looks_like_an_image(read, inside):
        raise InputError(
            f"{mask.name} holds intensities, like an image: neighbours mostly differ; predict its "
            "vessels, or cut it at a threshold, and give the mask."
        )
    return inside


def _looks_like_an_image(read: NDArray[Any], inside: NDArray[np.bool_]) -> bool:
    """Whether neighbours mostly differ, which they do in no mask and in no numbered objects."""
    some = slice(None, None, max(1, len(read) // _PLANES))
    read, inside = read[some], inside[some]
    both = inside[..., 1:] & inside[..., :-1]
    alike = (read[..., 1:] == read[..., :-1])[both]
    return bool(alike.size) and float(alike.mean()) < _ALIKE


def _parts(regions: Volume) -> NDArray[Any]:
    read = np.asarray(regions.data)
    if read.dtype.kind not in "biu":
        raise InputError(
            f"{regions.name} holds {read.dtype} values; give integers, one for each region and 0 "
            "where there is none."
        )
    if read.min() < 0 or len(np.unique(read)) > _MOST_REGIONS:
        raise InputError(
            f"{regions.name} holds negative values or more than {_MOST_REGIONS} different ones, "
            "like an image; give integers, one for each region and 0 where there is none."
        )
    if not read.any():
        raise InputError(
            f"{regions.name} is 0 everywhere, so that it holds no region; give others."
        )
    return read


def _known(shape: Sequence[int], written: Sequence[Region]) -> NDArray[np.bool_] | None:
    if not written:
        return None
    known = np.zeros(shape, bool)
    for box in written:
        known[box] = True
    return known


def _measure(
    thin: NDArray[np.bool_], radius: NDArray[np.float64], mask: Volume, min_length: float
) -> tuple[VesselGraph, NDArray[np.float64]]:
    """The graph without its summary, and the points where its branches meet."""
    from skan import Skeleton, summarize  # a third of a second, which no dock waits for

    voxel_size, unit = mask.voxel_size, mask.unit or "voxel"
    skeleton = Skeleton(thin, spacing=voxel_size)
    table = summarize(skeleton, separator="-")
    free = table["branch-type"].isin([_KINDS.index("end to end"), _KINDS.index("junction to end")])
    short = np.flatnonzero(free & (table["branch-distance"] < min_length))
    if len(short) == len(table):
        raise InputError(
            f"all branches of {mask.name} are shorter than {length_in_words(min_length, unit)}; "
            "choose a smaller length."
        )
    if len(short):
        # Anew, since where a spur is gone two branches are one.
        skeleton = skeleton.prune_paths(short)
        table = summarize(skeleton, separator="-")
    voxels = np.asarray(skeleton.coordinates, int)
    radii = radius[tuple(voxels.T)]
    points = np.column_stack([voxels * voxel_size, radii])
    meeting, branch_points = _junctions(skeleton, points)
    kept = [not meeting(skeleton.path(i)) for i in range(skeleton.n_paths)]
    table = table[kept] if any(kept) else table
    paths = [points[skeleton.path(i)] for i in table.index]
    length = table["branch-distance"].to_numpy()
    straight = table["euclidean-distance"].to_numpy()
    means = np.array([p[:, 3].mean() for p in paths])
    branches = pd.DataFrame(
        {
            "branch": np.arange(len(paths)),
            "tree": table["skeleton-id"].to_numpy(),
            "kind": [_KINDS[k] for k in table["branch-type"]],
            "length": length,
            "straight_length": straight,
            "tortuosity": np.divide(
                length, straight, out=np.full_like(length, np.nan), where=straight > 0
            ),
            "mean_radius": means,
            "min_radius": [p[:, 3].min() for p in paths],
            "max_radius": [p[:, 3].max() for p in paths],
            "volume": np.pi * means**2 * length,
        }
    )
    nodes = _swc_nodes(skeleton, points)
    return VesselGraph(branches, nodes, paths, unit, mask.space), branch_points


def _junctions(
    skeleton: Skeleton, points: NDArray[np.float64]
) -> tuple[Callable[[NDArray[np.intp]], bool], NDArray[np.float64]]:
    """Whether a path runs within one branch point alone, and where the branch points are.

    A branch point may be several voxels, which have paths between them that are no branches.
    """
    forks = np.flatnonzero(np.asarray(skeleton.degrees) > 2)
    between = skeleton.graph[forks][:, forks]
    count, piece = connected_components(between, directed=False)
    cluster = np.full(len(points), -1)
    cluster[forks] = piece
    sizes = np.bincount(piece, minlength=count)
    sums = [np.bincount(piece, points[forks, axis], minlength=count) for axis in range(3)]

    def meeting(path: NDArray[np.intp]) -> bool:
        return bool(cluster[path[0]] >= 0 and (cluster[path] == cluster[path[0]]).all())

    return meeting, np.stack(sums, axis=1) / sizes[:, None]


def _swc_nodes(skeleton: Skeleton, points: NDArray[np.float64]) -> pd.DataFrame:
    """Skeleton voxels as trees, each grown breadth first from its thickest voxel."""
    pieces, piece = connected_components(skeleton.graph, directed=False)
    order, parents = [], np.full(len(points), -1)
    for index in range(pieces):
        members = np.flatnonzero(piece == index)
        root = members[np.argmax(points[members, 3])]
        reached, before = breadth_first_order(skeleton.graph, root, directed=False)
        order.append(reached)
        parents[reached] = before[reached]
    ordered = np.concatenate(order)
    number = np.empty(len(points), int)
    number[ordered] = np.arange(1, len(ordered) + 1)
    parent = parents[ordered]
    z, y, x, radius = points[ordered].T
    return pd.DataFrame(
        {
            "id": np.arange(1, len(ordered) + 1),
            "type": 0,
            "x": x,
            "y": y,
            "z": z,
            "radius": radius,
            "parent": np.where(parent < 0, -1, number[parent.clip(0)]),
        }
    )

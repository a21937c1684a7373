"""How much of a shape lies in a scan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.grids import Filled, mask
from napari_midl.volumes.meshes import MM
from napari_midl.volumes.space import Space, sizes_in_words

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.meshes import Mesh
    from napari_midl.volumes.volume import Volume

# Places along each axis at which it is looked whether they are inside.
_SAMPLES = 64
# A shape that only touches the border of a scan lies in it, to this share of a voxel.
_TOUCHES = 0.01
# Where so few voxels are expected there may be none.
_FEW = 1000


def share_inside(mesh: Mesh, scan: Volume) -> float:
    """Share of the volume of a closed mesh that lies in the voxels of a scan, from 0 to 1.

    Raises
    ------
    InputError
        If the size of its voxels is not known.
    """
    scan.check_known()
    first, last, cut = _common_box(mesh, scan)
    if (first >= last).any():
        return 0.0
    if not cut:
        return 1.0
    step = (last - first) / _SAMPLES
    sizes = np.asarray(scan.sizes_in(MM)) * step
    corner = scan.space.to_world(first + step / 2, MM)
    lattice = Space.of(sizes.tolist(), MM, corner.tolist(), scan.space.direction)
    filled = mask(mesh, (_SAMPLES,) * 3, lattice).sum(dtype=float) * sizes.prod()
    return float(min(1.0, filled / abs(mesh.volume)))


def check_overlap(mesh: Mesh, scan: Volume, name: str) -> float:
    """`share_inside`, which may not be nothing.

    Parameters
    ----------
    mesh : Mesh
        Closed.
    scan : Volume
        The scan.
    name : str
        What to call the mesh.

    Raises
    ------
    InputError
        If no part of the mesh lies in the scan or it holds no voxel of it, or the size of the
        voxels is not known.
    """
    share = share_inside(mesh, scan)
    if not share:
        raise InputError(
            f"No part of {name} lies in {scan.name}: it spans {_spans(mesh.vertices)}, the scan "
            f"{_spans(_corners(scan))}; {_way_out(scan)}."
        )
    expected = share * abs(mesh.volume) / math.prod(scan.sizes_in(MM))
    if expected < 1 or (expected < _FEW and not _holds_a_voxel(mesh, scan)):
        raise InputError(
            f"No voxel of {scan.name} has its middle in {name}: that encloses {mesh.volume:.3g} "
            f"mm³, and the voxels are {sizes_in_words(scan.voxel_size, scan.unit)}; give a finer "
            "scan, or correct the unit of the one that is wrong."
        )
    return share


def outside(points: ArrayLike, scan: Volume) -> int:
    """How many points ``(x, y, z)`` in mm of the world lie outside the voxels of a scan.

    Raises
    ------
    InputError
        If the size of its voxels is not known.
    """
    voxels = scan.space.to_voxel(points, MM)
    inside = (voxels >= -0.5) & (voxels <= np.asarray(scan.shape) - 0.5)
    return int((~inside.all(axis=1)).sum())


def check_not_empty(mesh: Mesh, filled: Filled) -> None:
    """Refuse a shape so small that it lies between the voxels of 1 mm that it would have.

    Raises
    ------
    InputError
        If so.
    """
    if abs(mesh.volume) < _FEW and not np.asarray(filled).any():
        raise InputError(
            f"The shape encloses {mesh.volume:.3g} mm³ and no voxel of 1 mm has its middle in it; "
            "give a scan with finer voxels."
        )


def _common_box(mesh: Mesh, scan: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
    """Ends of the box in voxels ``(z, y, x)`` that both share, and whether it cuts the mesh."""
    voxels = scan.space.to_voxel(mesh.vertices, MM)
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    first, last = np.maximum(low, -0.5), np.minimum(high, np.asarray(scan.shape) - 0.5)
    cut = np.any(first - low > _TOUCHES) or np.any(high - last > _TOUCHES)
    return first, last, bool(cut)


def _holds_a_voxel(mesh: Mesh, scan: Volume) -> bool:
    first, last, _ = _common_box(mesh, scan)
    box = tuple(slice(math.ceil(a), math.floor(b) + 1) for a, b in zip(first, last, strict=True))
    filled = Filled(mesh, scan.shape, scan.space)[box]
    return any(np.asarray(filled[z]).any() for z in range(filled.shape[0]))


def _corners(scan: Volume) -> NDArray[np.float64]:
    ends = np.stack(np.meshgrid(*([-0.5, n - 0.5] for n in scan.shape)), axis=-1).reshape(-1, 3)
    return scan.space.to_world(ends, MM)


def _spans(points: NDArray[np.float64]) -> str:
    ends = zip("xyz", points.min(axis=0), points.max(axis=0), strict=True)
    return ", ".join(f"{axis} {low:.4g} to {high:.4g}" for axis, low, high in ends) + " mm"


def _way_out(scan: Volume) -> str:
    if scan.space.origin is None:
        return (
            f"{scan.name} does not say where it lies, so that points count from the middle of its "
            "first voxel; give points that do, or a scan that says it"
        )
    return "give the scan to which it belongs, both in mm of the same world (LPS)"

"""A scan: how large its voxels are, how many to read, where bone begins, what a ray meets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes import nifti
from napari_midl.volumes.meshes import MM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.volume import Volume

# More voxels take minutes and gigabytes to read or to outline.
_MOST_VOXELS = 2**27
_SAMPLE = 1_000_000
_STEP = 0.5


@dataclass(frozen=True)
class ScanVoxels:
    """The voxels of a scan at the finest level that fits into memory.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Intensities; a view where the scan is in memory already.
    threshold : float
        Guessed value between soft tissue and bone.
    """

    voxels: NDArray[np.generic]
    threshold: float


def as_scan(volume: Volume) -> Volume:
    """An image on whose voxels landmarks and meshes can be laid.

    Many programs write no unit into NIfTI. 3D Slicer takes millimetres then, and so are landmarks
    that were placed on such an image; here it is done too, and noted.

    Raises
    ------
    InputError
        If the size of its voxels is not known.
    """
    space = volume.space
    is_nifti = (volume.source or "").lower().endswith((*nifti.ENDINGS, *nifti.PAIR))
    if is_nifti and space.unit is None and None not in space.scale:
        note = f"{volume.name} names no unit of length; millimetres are taken, as 3D Slicer does."
        volume = replace(volume, space=replace(space, unit=MM), notes=(*volume.notes, note))
    volume.check_known()
    return volume


def read_voxels(volume: Volume) -> ScanVoxels:
    """Read a scan, and guess where its bone begins.

    Raises
    ------
    InputError
        If it is too large, or cannot be read.
    """
    level = finest_that_fits(volume)
    if level is None:
        raise InputError(f"{volume.name} is too large for clicks in 3D")
    voxels = np.asarray(level)
    return ScanVoxels(voxels, bone_threshold(voxels))


def finest_that_fits(volume: Volume, most: int = _MOST_VOXELS) -> Lazy | None:
    """The finest level ``Z Y X`` of a scan with at most so many voxels, if there is one."""
    return next((level for level in volume.levels if level.size <= most), None)


def bone_threshold(voxels: NDArray[np.generic]) -> float:
    """The upper of the two thresholds that part a CT into air, soft tissue and bone.

    Otsu's method for three classes, on a sample of the voxels; the middle between the lowest
    and the highest where there are fewer than three values.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Intensities.
    """
    from skimage.filters import threshold_multiotsu

    stride = max(1, round((voxels.size / _SAMPLE) ** (1 / 3)))
    sample = np.asarray(voxels[::stride, ::stride, ::stride], np.float32)
    try:
        return float(threshold_multiotsu(sample)[-1])
    except ValueError:
        return float((sample.min() + sample.max()) / 2)


def first_above(
    voxels: NDArray[np.generic],
    shape: Sequence[int],
    start: ArrayLike,
    end: ArrayLike,
    threshold: float,
) -> NDArray[np.float64] | None:
    """Where a ray first passes a threshold.

    Parameters
    ----------
    voxels : ndarray, shape (Z, Y, X)
        Intensities, possibly of a coarser level.
    shape : sequence of int
        Size ``(z, y, x)`` of the finest level.
    start, end : array_like, shape (3,)
        Where the ray enters and leaves, in voxels ``(z, y, x)`` of the finest level.
    threshold : float
        Where the surface lies.

    Returns
    -------
    ndarray, shape (3,), or None
        Voxel ``(z, y, x)`` of the finest level, between two steps along the ray.
    """
    factor = np.asarray(shape) / voxels.shape
    # The middle of the first coarse voxel lies half of what it merges from that of the first.
    offset = (factor - 1) / 2
    first, last = ((np.asarray(p, float) - offset) / factor for p in (start, end))
    count = int(np.linalg.norm(last - first) / _STEP) + 2
    places = np.linspace(first, last, count)
    index = np.clip(np.rint(places).astype(int), 0, np.asarray(voxels.shape) - 1)
    seen = np.asarray(voxels[tuple(index.T)], float)
    above = np.flatnonzero(seen > threshold)
    if not len(above):
        return None
    hit = int(above[0])
    place = places[hit]
    if hit:
        share = (threshold - seen[hit - 1]) / (seen[hit] - seen[hit - 1])
        place = places[hit - 1] + share * (places[hit] - places[hit - 1])
    return np.asarray(place * factor + offset)

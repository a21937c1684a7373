"""Intensities to [0, 1] by robust percentiles, so that what is rare cannot dim everything."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.boxes import hull
from napari_midl.volumes.overview import MOST_VOXELS, SEARCHED, overview, searched, standing_out
from napari_midl.volumes.span import FILLING, REACH, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.volume import Volume

_TIMES = 4  # how much more to read where nothing was found
_DISPLAY = (0.2, 99.8)
# Hounsfield units: where air and soft tissue lie, and between which bone does; what is brighter is
# metal. What shares of a CT they are at least.
_AIR_HU, _SOFT_HU, _NEAR_HU, _BONE_HU = -1000.0, 40.0, 150.0, (300.0, 2500.0)
_SEEN, _RARE = 0.01, 1e-4


@dataclass(frozen=True)
class Scaling:
    """Maps `low` to 0 and `high` to 1, and cuts off what lies beyond.

    Parameters
    ----------
    low, high : float
        Intensities in the image's own unit.
    """

    low: float
    high: float

    def __call__(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Scale a block of any shape to float32; not-a-number becomes 0."""
        scaled = self.uncut(block)
        np.clip(scaled, 0, 1, out=scaled)
        scaled[np.isnan(scaled)] = 0
        return scaled

    def uncut(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """Scale a block of any shape to float32; what lies beyond goes on, NaN stays."""
        # Whole numbers of 32 bits and more have no room in the 24 of float32.
        if np.can_cast(block.dtype, np.float32):
            scaled = np.asarray(block, np.float32) - np.float32(self.low)
            scaled /= np.float32(self.high - self.low)
            return scaled
        return np.asarray(
            (block.astype(np.float64) - self.low) / (self.high - self.low), np.float32
        )

    def back(self, scaled: NDArray[np.float32], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Intensities of a type from scaled ones; whole numbers are rounded and cut to fit."""
        values = self.low + np.asarray(scaled, np.float64) * (self.high - self.low)
        if dtype.kind in "ui":
            limits = np.iinfo(dtype)
            # The largest of 64 bits is rounded up in float64, and would no longer fit.
            most = np.nextafter(float(limits.max) + 1, 0)
            values = np.rint(values).clip(float(limits.min), most)
        return values.astype(dtype)


class FlatImage(InputError):
    """Wherever an image was looked at, it has the same value."""


def robust_scaling(
    volume: Volume,
    percentiles: tuple[float, float] = (0.5, 99.8),
    fills: bool = False,
    most: int = MOST_VOXELS,
) -> Scaling:
    """Measure the scaling of a volume on a sample of it.

    The sample has a bounded number of voxels, so that time and memory do not grow with the
    volume. Where it holds nothing but noise, the places that stand out in the coarsest level are
    read too, or more of a volume that has one level only. Where it has one value, the coarsest
    level is looked through until there is another.

    What is no part of the image does not count: not-a-number and infinity, areas of padding, hot
    pixels, and structure or saturation far brighter than all else. Where all else is noise, such
    structure is the image.

    Parameters
    ----------
    volume : Volume
        Any axes.
    percentiles : (float, float)
        Percentiles of the intensities that become 0 and 1.
    fills : bool
        Whether the image fills the picture, as tissue does, so that less of it may be called
        noise or structure on it; otherwise a few fibres or nuclei may be all there is.
    most : int
        How many voxels to read, or four times as many where nothing is found in them.

    Returns
    -------
    Scaling
        With ``low < high``.

    Raises
    ------
    FlatImage
        If all that was seen has one value.
    InputError
        If the volume is empty or damaged, or holds no intensities or only NaN.
    """
    if math.prod(volume.shape) == 0:
        raise InputError(f"{volume.name} is empty (shape {volume.shape}); choose another image.")
    if volume.data.dtype.kind not in "buif":
        raise InputError(
            f"{volume.name} holds {volume.data.dtype} values, no intensities; "
            "convert it to integers or floats."
        )
    reach = FILLING if fills else REACH
    blocks = overview(volume, most=most)
    found = span(blocks, percentiles, reach, fills)
    if found.is_empty and volume.data.size > most:
        if len(volume.levels) > 1:
            blocks += standing_out(volume)
        else:
            blocks = overview(volume, _TIMES, most)
        found = span(blocks, percentiles, reach, fills)
        if not found.low < found.high:
            found = span(blocks + searched(volume), percentiles, reach, fills)
    if math.isnan(found.low):
        raise InputError(f"{volume.name} holds no numbers, only NaN; export it again.")
    if found.low == found.high:
        if volume.levels[-1].size > SEARCHED:
            raise FlatImage(
                f"{volume.name} is {found.low:g} wherever it was looked at; save it with a "
                "pyramid, whose coarser levels show where there is something."
            )
        values = np.unique(np.concatenate([np.unique(block) for block in blocks]))
        values = values[np.isfinite(values)]
        if len(values) == 2:
            low, high = values.tolist()
            raise FlatImage(
                f"{volume.name} holds two values alone, {low:g} and {high:g}, as a mask does; "
                "choose an image."
            )
        raise FlatImage(
            f"{volume.name} is {found.low:g} everywhere, or nearly so; choose an image with "
            "contrast."
        )
    return Scaling(found.low, found.high)


def scaling_around(volume: Volume, boxes: Sequence[Region]) -> Scaling:
    """The scaling of a volume; where that looks empty, that of what lies around some boxes.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    boxes : sequence of tuple of slice
        Where a person found something ``(z, y, x)``, in voxels.

    Raises
    ------
    FlatImage
        If there is one value there, too.
    InputError
        As from `robust_scaling`.
    """
    try:
        return robust_scaling(volume)
    except FlatImage:
        if not boxes:
            raise
        z, y, x = hull(boxes)
        return robust_scaling(volume.cut((z, y, x)))


def display_range(volume: Volume) -> tuple[float, float]:
    """Between which intensities a volume is to be shown, from a look at its coarsest level.

    A bounded number of voxels is read. Padding, hot pixels and structure far brighter than all
    else, such as metal in a CT, do not count; but bone in a CT does, however little there is.

    Parameters
    ----------
    volume : Volume
        Any axes.

    Returns
    -------
    low, high : float
        With ``low < high``, whatever the volume holds.

    Raises
    ------
    InputError
        If its voxels cannot be decoded.
    """
    if math.prod(volume.shape) == 0 or volume.data.dtype.kind not in "buif":
        return 0.0, 1.0
    coarsest = replace(volume, levels=volume.levels[-1:])
    blocks = overview(coarsest)
    low, high, _ = span(blocks, _DISPLAY, FILLING)
    if math.isnan(low):
        return 0.0, 1.0
    high = max(high, _bone_in(np.concatenate([block.ravel() for block in blocks])))
    return (low, high) if low < high else (low, low + max(1.0, abs(low) / 1000))


def _bone_in(values: NDArray[np.float64]) -> float:
    """How bright bone is in a CT; minus infinity where it shows none, or is no CT.

    Hounsfield units are known by air near -1000 and soft tissue near 0.
    """
    shares = [np.mean(np.abs(values - there) < _NEAR_HU) for there in (_AIR_HU, _SOFT_HU)]
    if min(shares) < _SEEN:
        return -math.inf
    bone = values[(values > _BONE_HU[0]) & (values < _BONE_HU[1])]
    return float(np.median(bone)) if len(bone) > _RARE * len(values) else -math.inf

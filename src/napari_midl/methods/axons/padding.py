"""What was not imaged, as around stitched and turned images: areas of exactly one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How wide, in px, such an area is everywhere, and somewhere, as no saturated fibre is.
_THIN, _WIDE = 8, 22


def areas_of_one_value(
    block: NDArray[np.float32] | NDArray[np.float64], spacing: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Where exactly one value, whichever it is, is wide, and what of it is connected to that.

    Parameters
    ----------
    block : ndarray
        A part of an image, without NaN.
    spacing : ndarray of float
        Size of a voxel along each axis, in isotropic px.
    """
    thin, more = (
        np.maximum(1, np.rint(n / 2 / spacing)).astype(int) for n in (_THIN, _WIDE - _THIN)
    )
    # What goes on up to the end of a block is taken to go on beyond it: some of it shows an area.
    whole = np.pad(block, [(n, n) for n in more], mode="edge")
    size = 2 * thin + 1
    even = ndimage.maximum_filter(whole, size) == ndimage.minimum_filter(whole, size)
    wide = ndimage.minimum_filter(even, 2 * more + 1)
    area = ndimage.maximum_filter(ndimage.binary_propagation(wide, mask=even), size)
    inner = tuple(slice(n, n + side) for n, side in zip(more, block.shape, strict=True))
    return np.asarray(area[inner])


def within(
    area: NDArray[np.bool_], reach: float, spacing: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """An area and what lies so many px beside it, along each axis."""
    sides = 2 * np.maximum(1, np.rint(reach / spacing)).astype(int) + 1
    return np.asarray(ndimage.maximum_filter(area, sides))

"""Between which intensities an image lies, whatever else happens to be in it.

Padding and saturation are areas of one value, hot pixels stand alone, and very bright structure
is far from all else. None of them says how bright the image itself is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Block = NDArray[np.float64] | NDArray[np.integer]
    Mask = NDArray[np.bool_]

REACH, FILLING = 5.0, 1.0  # of an image with bright structures, and of one that fills the picture
_BULK = (2.0, 98.0)  # percentiles between which an image surely shows itself
_ALONE = 2.0  # distances between these by which a hot pixel is from its neighbours
_NEIGHBOURS = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (-1, 1), (1, -1), (1, 1))
_AREA = 5  # edge in pixels of the smallest area of one value
_MOSTLY = 0.9
_SPARSE = 0.05  # share below which what is in no such area is no image, but lies on an empty one
_RARE, _FEW = 1e-4, 20  # share of the voxels, and number of them, that may be an accident
_LITTLE = 0.06  # share of the span by which what is not the image's own may move it
_APART, _ALIKE = 3, 0.1  # pixels between neighbours, and their correlation in all but noise
_PAIRS = 2**18  # of neighbours, which tell a correlation of a hundredth from none


class Span(NamedTuple):
    """Between which intensities an image lies.

    Parameters
    ----------
    low, high : float
        The same where it is flat, NaN where it holds no numbers.
    is_empty : bool
        Whether nothing but noise was seen.
    """

    low: float
    high: float
    is_empty: bool


def span(
    blocks: Sequence[Block],
    percentiles: tuple[float, float],
    reach: float = REACH,
    fills: bool = False,
) -> Span:
    """Find between which intensities an image lies, from blocks of it.

    Parameters
    ----------
    blocks : sequence of ndarray
        The last two axes are Y and X.
    percentiles : (float, float)
        Of its intensities, that are low and high.
    reach : float
        How far beyond its 98th percentile an image goes at most, in distances of that from the
        2nd; what is brighter is structure that is left out, unless all else is noise.
    fills : bool
        The image fills the picture, so that what looks like noise is the image.

    Returns
    -------
    Span
        The percentiles of all voxels where those of the image's own are nearly the same.
    """
    known = [np.isfinite(block) for block in blocks]
    everything = _of(blocks, known)
    if not everything.size:
        return Span(np.nan, np.nan, True)
    found = _own_span(blocks, known, everything, percentiles, reach, fills)
    low, high = _percentiles(everything, percentiles)
    moved = abs(found.low - low) + abs(found.high - high)
    return Span(low, high, found.is_empty) if moved <= _LITTLE * (high - low) else found


def _own_span(
    blocks: Sequence[Block],
    known: Sequence[Mask],
    everything: Block,
    percentiles: tuple[float, float],
    reach: float,
    fills: bool,
) -> Span:
    """`span`, of what is the image's own."""
    bottom, top = float(everything.min()), float(everything.max())
    filling = {bottom, min(max(bottom, 0.0), top), top}
    areas = {value: _areas(blocks, value) for value in sorted(filling)}
    rest = [
        k & ~np.logical_or.reduce(flat) for k, *flat in zip(known, *areas.values(), strict=True)
    ]
    if not _count(rest):
        return Span(bottom, top, bottom == top)
    low, high = _percentiles(_of(blocks, rest), _BULK)
    width = high - low
    # Padding is no part of an image, but what is saturated is one.
    parts = [
        (r & ~_alone(block, r, low, high)) | (k & s)
        for block, k, r, s in zip(blocks, known, rest, areas[top], strict=True)
    ]
    if not _count(parts):
        return Span(bottom, bottom, True)
    lowest, highest = low - REACH * width, high + reach * width
    far = [p & ((b < lowest) | (b > highest)) for b, p in zip(blocks, parts, strict=True)]
    near = [p & ~f for p, f in zip(parts, far, strict=True)]
    is_noise = not fills and _is_noise(
        blocks, [n & ~_around(f) for n, f in zip(near, far, strict=True)]
    )
    stands_out = is_noise and _count(far) > max(_FEW, _RARE * _count(parts))
    start, end = _percentiles(_of(blocks, parts), percentiles)
    if not is_noise and (start < lowest or end > highest):
        start, end = _percentiles(_of(blocks, near), percentiles)
    elif stands_out and start >= low - width and end <= high + width:
        signal = float(np.median(_of(blocks, far)))
        start, end = min(start, signal), max(end, signal)
    if _count(rest) < _SPARSE * everything.size:
        background = max(areas, key=lambda value: _count(areas[value]))
        return Span(min(start, background), max(end, background), False)
    return Span(start, end, is_noise and not stands_out)


def _of(blocks: Sequence[Block], masks: Sequence[Mask]) -> Block:
    # Picking voxels by a mask takes long where it picks all.
    both = zip(blocks, masks, strict=True)
    return np.concatenate([block.ravel() if mask.all() else block[mask] for block, mask in both])


def _count(masks: Sequence[Mask]) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in masks)


def _percentiles(values: Block, percentiles: tuple[float, float]) -> tuple[float, float]:
    """Rounded inwards, which leaves out a single outlier even where there are few voxels."""
    last = len(values) - 1
    low, high = math.ceil(percentiles[0] / 100 * last), math.floor(percentiles[1] / 100 * last)
    # Numbers of 16 bits and fewer are sorted by their digits, in a part of the time.
    narrow = values.dtype.kind in "ui" and values.dtype.itemsize <= 2
    ordered = np.sort(values, kind="stable") if narrow else np.partition(values, (low, high))
    return float(ordered[low]), float(ordered[high])


def _areas(blocks: Sequence[Block], value: float) -> list[Mask]:
    """Where a value fills whole squares of `_AREA` pixels; wherever it is, if mostly in these."""
    same: list[Mask] = [block == value for block in blocks]
    if _count(same) < _RARE * sum(block.size for block in blocks):
        return [np.zeros(block.shape, bool) for block in blocks]
    areas: list[Mask] = []
    for mask in same:
        inner = ~_within_reach(~mask, _AREA // 2)
        areas.append(_within_reach(inner, _AREA // 2) & mask)
    return same if _count(areas) > _MOSTLY * _count(same) else areas


def _within_reach(mask: Mask, reach: int) -> Mask:
    """A mask with what is so many pixels away from it in a plane, along both axes."""
    for axis in (-1, -2):
        # Much quicker than a filter, which does not know that there are two values.
        along, wider = np.moveaxis(mask, axis, -1), np.moveaxis(mask.copy(), axis, -1)
        for step in range(1, reach + 1):
            wider[..., step:] |= along[..., :-step]
            wider[..., :-step] |= along[..., step:]
        mask = np.moveaxis(wider, -1, axis)
    return mask


def _around(mask: Mask) -> Mask:
    """A mask with what a microscope's blur makes of it."""
    return np.asarray(ndimage.maximum_filter(mask, 2 * _APART + 1)) if mask.any() else mask


def _alone(block: Block, mask: Mask, low: float, high: float) -> Mask:
    """Which are far beyond low or high, as less than two of their eight neighbours are."""
    distance, bottom, top = _ALONE * (high - low), block.min(), block.max()
    dark, bright = block <= low, block >= high
    if min(block.shape[-2:]) > 1 and not np.isnan(top):
        # From those nearer to all others than this, no neighbour is far.
        dark &= block + distance < top
        bright &= block - distance > bottom
    places = np.nonzero(mask & (dark | bright))
    value = block[places]
    is_bright = value >= high
    least = np.minimum(value - distance, (value + high) / 2)
    most = np.maximum(value + distance, (value + low) / 2)
    # Beyond the edge there is no neighbour, and none is like a NaN.
    edge = [(0, 0)] * (block.ndim - 2) + [(1, 1)] * 2
    around = np.pad(block.astype(np.result_type(block, np.float32)), edge, constant_values=np.nan)
    *others, y, x = places
    at = np.ravel_multi_index((*others, y + 1, x + 1), around.shape)
    alike, left = np.zeros(value.shape, np.int8), np.arange(len(value))
    for dy, dx in _NEIGHBOURS:
        near = around.ravel()[at[left] + dy * around.shape[-1] + dx]
        alike[left] += np.where(is_bright[left], near >= least[left], near <= most[left])
        left = left[alike[left] < 2]  # of most pixels the first two neighbours tell enough
    alone = np.zeros(block.shape, bool)
    alone[tuple(axis[left] for axis in places)] = True
    return alone


def _is_noise(blocks: Sequence[Block], masks: Sequence[Mask]) -> bool:
    """Whether neighbours are no more alike than pixels that have nothing to do with each other."""
    for axis in (-1, -2):
        one, two = _pairs(blocks, masks, axis)
        if not one.size:
            continue
        one, two = one - one.mean(), two - two.mean()
        deviations = math.sqrt((one @ one) * (two @ two))
        if deviations > 0 and one @ two > _ALIKE * deviations:
            return False
    return True


def _pairs(blocks: Sequence[Block], masks: Sequence[Mask], axis: int) -> NDArray[np.float64]:
    """Values ``(2, n)`` of neighbours along an axis, evenly chosen of all that are in the masks."""
    known = [np.moveaxis(mask, axis, -1) for mask in masks]
    both = [mask[..., :-_APART] & mask[..., _APART:] for mask in known]
    step, seen = max(1, _count(both) // _PAIRS), 0
    pairs = [np.empty((2, 0))]
    for block, mask in zip(blocks, both, strict=True):
        places = np.flatnonzero(mask)
        *others, last = np.unravel_index(places[-seen % step :: step], mask.shape)
        values = np.moveaxis(block, axis, -1)
        pairs.append(np.stack([values[*others, last + shift] for shift in (0, _APART)]))
        seen += len(places)
    return np.concatenate(pairs, axis=1).astype(np.float64)

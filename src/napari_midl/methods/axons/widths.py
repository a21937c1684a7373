"""How wide the fibres about a position are, before any of them is traced.

A ridge filter (scikit-image) answers most at a scale of the root of two times the width of a
ridge.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.axons.synthetic import WIDTHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.methods.axons.pixels import Pixels

_BLOCK = 20
_SCALES = (1.5, 2.1, 3.0, 4.2, 6.0, 8.5, 12.0)
# Thick fibres are looked for in blocks so many times as large, of pixels so many times as large,
# at these scales of those.
_TIMES, _COARSE = (2, 4, 8), (4.2, 6.0)
# Right at the position, within so many px, one is so much stronger than any thin one.
_AT, _STRONGER, _THIN = 4, 2.0, (1.5, 2.1, 3.0)
_TYPICAL = math.sqrt(math.prod(WIDTHS))


def width_at(pixels: Pixels, position: Tensor) -> float:
    """How many times wider than the typical one in training the fibres about a position are.

    The strongest answers in a block tell more than those at one noisy place. But a block is too
    small for a thick fibre: in its middle all is as bright.

    Parameters
    ----------
    pixels : Pixels
        The image; a block about the position is read.
    position : Tensor, shape (d,)
        In isotropic px.

    Returns
    -------
    float
        At least 1.
    """
    width = _thick(pixels, position)
    if not width:
        block, _ = _about(pixels, position, _BLOCK)
        strength = [float(np.percentile(_ridges(block, s), 95)) for s in _SCALES]
        width = _peak(_SCALES, strength)
    return max(1.0, width / _TYPICAL)


def _thick(pixels: Pixels, position: Tensor) -> float:
    """Width in px of a thick fibre right at a position; 0 where there is none."""
    scales: list[float] = []
    strength: list[float] = []
    for times in _TIMES:
        block, middle = _about(pixels, position, times * _BLOCK)
        if min(block.shape) < 2 * times * _COARSE[-1]:
            break
        small, middle = shrunk(block, (times, times)), middle // times
        scales += [times * s for s in _COARSE]
        strength += [_at(_ridges(small, s), middle, 1) for s in _COARSE]
        if strength[-1] < strength[-2]:
            break
    if not strength or _peak(scales, strength) < _SCALES[-1] / math.sqrt(2):
        return 0.0
    block, middle = _about(pixels, position, _BLOCK)
    thin = max(_at(_ridges(block, s), middle, _AT) for s in _THIN)
    return _peak(scales, strength) if max(strength) > _STRONGER * thin else 0.0


def _about(
    pixels: Pixels, position: Tensor, reach: int
) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    """A block about a position, seen from above, and where in that the position is."""
    spacing = pixels.spacing.numpy()
    centre = np.rint(position.numpy() / spacing).astype(int)
    reaches = np.maximum(1, reach / spacing).astype(int)
    if len(reaches) == 3 and reach > _BLOCK:
        # All of a thick fibre lies in a few slices, and their mean has less noise.
        reaches[0] = max(1, int(_BLOCK / 2 / spacing[0]))
    first = np.maximum(0, centre - reaches)
    last = np.maximum(1, np.minimum(pixels.shape, centre + reaches + 1))
    block = pixels.block(first.tolist(), last.tolist())
    if block.ndim == 3:
        block = block.mean(0) if reach > _BLOCK else block.max(0)
    return block, (centre - first)[-2:]


def shrunk(block: NDArray[np.float32], times: Sequence[int]) -> NDArray[np.float32]:
    """A block of so many times larger voxels, each the mean of those in it; what is over is cut."""
    if max(times) == 1:
        return block
    sides = [(n // min(n, t), min(n, t)) for n, t in zip(block.shape, times, strict=True)]
    whole = block[tuple(slice(count * size) for count, size in sides)]
    parts = whole.reshape([k for side in sides for k in side])
    return np.asarray(parts.mean(tuple(range(1, parts.ndim, 2))))


def _ridges(block: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    from skimage.filters import sato

    return np.asarray(sato(block, sigmas=[scale], black_ridges=False, mode="reflect"))


def _at(values: NDArray[np.float32], middle: NDArray[np.int_], near: int) -> float:
    """The highest value near a pixel."""
    y, x = np.maximum(0, middle - near)
    return float(values[y : middle[0] + near + 1, x : middle[1] + near + 1].max(initial=0.0))


def _peak(scales: list[float] | tuple[float, ...], strength: list[float]) -> float:
    """The width of a ridge by the scale of the strongest answer.

    Where a parabola through it and its neighbours peaks; the scales grow by equal factors.
    """
    places, k = np.log(scales), int(np.argmax(strength))
    shift = 0.0
    if 0 < k < len(strength) - 1:
        before, top, after = strength[k - 1 : k + 2]
        shift = 0.5 * (before - after) / (before - 2 * top + after) * (places[1] - places[0])
    return math.exp(places[k] + shift) / math.sqrt(2)

"""Seeds that nobody gave: the strongest places on ridges in a box of an image."""

from __future__ import annotations

from itertools import count, product
from typing import TYPE_CHECKING

import numpy as np
from skimage.feature import hessian_matrix, peak_local_max
from skimage.filters import sato

from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.axons.padding import areas_of_one_value, within
from napari_midl.volumes.boxes import size_of
from napari_midl.volumes.traces import Seed

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_midl.methods.axons.pixels import Pixels
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.boxes import Box

# Deviations of the ridges and the least distance of two seeds, px.
WIDTHS = (1.5, 3.0)
APART = 12
_EDGE = 128, 64  # of a block, px, in a plane and in a stack
_MARGIN = 12
# Ridges stand out from those of noise by so many of its deviations; noise seldom does by five.
_TIMES = 6.0
# How far the rim of an area of padding goes, px; the share of an image that is no rim.
_RIM, _MOSTLY = 5, 0.5
MOST_VOXELS = 2**28


def find_seeds(tracing: Tracing, box: Box, taken: Collection[str] = ()) -> Job[list[Seed]]:
    """Places on what looks like fibres, the strongest first.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for an image; the box is read block by block.
    box : tuple of slice
        Where to look, ``Z Y X`` in voxels.
    taken : collection of str
        Names that no seed may have.

    Yields
    ------
    Progress
        One for each block.

    Returns
    -------
    list of Seed
        Without directions; empty where nothing stands out from the noise.

    Raises
    ------
    InputError
        If the box is too large to look through.
    """
    voxels = np.prod(size_of(box))
    if voxels > MOST_VOXELS:
        raise InputError(
            f"{voxels:.2g} voxels of {tracing.volume.name} are too many to look through for "
            "fibres; give a smaller part: zoom in, or name a --box."
        )
    sides = box[1:] if tracing.flat else box
    spacing = tracing.pixels.spacing.double().numpy()
    edge = np.maximum(1, np.ceil(_EDGE[len(sides) - 2] / spacing)).astype(int)
    margin = np.ceil(_MARGIN / spacing).astype(int)
    blocks = list(product(*(range(s.start, s.stop, e) for s, e in zip(sides, edge, strict=True))))
    strengths, places = [np.zeros(0)], [np.zeros((0, len(sides)))]
    for k, corner in enumerate(blocks):
        # Following them takes far longer: a share of this would promise to be done soon.
        yield Progress(0, 0, f"looking for seeds, part {k + 1} of {len(blocks)}")
        first = np.array(corner)
        last = np.minimum(first + edge, [side.stop for side in sides])
        strength, place = _peaks(tracing.pixels, first, last, margin)
        strengths.append(strength)
        places.append(place)
    order = np.argsort(-np.concatenate(strengths), kind="stable")
    found = np.concatenate(places)[order]
    lead = [0.0] * (3 - len(sides))
    names = (name for name in map(str, count(1)) if name not in taken)
    return [Seed(name, (*lead, *place.tolist())) for place, name in zip(found, names, strict=False)]


def _peaks(
    pixels: Pixels, first: NDArray[np.int_], last: NDArray[np.int_], margin: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Strengths ``(n,)`` and voxels ``(n, d)`` of the ridges in a block, above its noise."""
    begin = np.maximum(0, first - margin)
    end = np.minimum(pixels.shape, last + margin)
    block = pixels.block(begin.tolist(), end.tolist())
    if not np.ptp(block):  # as where all but a neuron was made black
        return np.zeros(0), np.zeros((0, block.ndim))
    ridge = ridges(block)
    inside = tuple(map(slice, first - begin, last - begin))
    spacing = pixels.spacing.double().numpy()
    padding = areas_of_one_value(block, spacing)
    # It has no noise, and its rim is no fibre.
    image = ~within(padding, _RIM, spacing)
    if np.count_nonzero(image) <= _MOSTLY * np.count_nonzero(~padding):
        # Mostly rim is a neuron, around which all was made black: that tells what noise there is.
        image = ~within(padding & (block > block.min()), _RIM, spacing)
    if not image.any():
        return np.zeros(0), np.zeros((0, block.ndim))
    middle = float(np.median(ridge[image]))
    noise = 1.48 * float(np.median(np.abs(ridge[image] - middle))) + 1e-3
    ridge[~image | padding] = 0.0
    peaks = peak_local_max(
        ridge[inside],
        min_distance=max(1, round(APART / float(spacing.max()))),
        threshold_abs=middle + _TIMES * noise,
        exclude_border=False,
    )
    strength = np.asarray((ridge[inside][tuple(peaks.T)] - middle) / noise)
    return strength, (peaks + first).astype(float)


def ridges(block: NDArray[np.float32]) -> NDArray[np.floating]:
    """Bright ridges (Sato et al., 1998) of a block.

    Of a stack they take a third of scikit-image's time: the eigenvalues of each voxel's Hessian
    are found in closed form, to what single precision holds.
    """
    if block.ndim == 2:
        return np.asarray(sato(block, sigmas=WIDTHS, black_ridges=False, mode="reflect"))
    found = np.zeros(block.shape)
    for width in WIDTHS:
        bent = hessian_matrix(block, width, mode="reflect", use_gaussian_derivatives=True)
        zz, zy, zx, yy, yx, xx = (-part.astype(float) for part in bent)
        mean = (zz + yy + xx) / 3
        a, b, c = zz - mean, yy - mean, xx - mean
        square = (a**2 + b**2 + c**2) / 6 + (zy**2 + zx**2 + yx**2) / 3
        spread = np.sqrt(np.maximum(square, 1e-30))
        volume = a * (b * c - yx**2) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
        turn = np.arccos(np.clip(volume / (2 * spread**3), -1, 1)) / 3
        most = mean + 2 * spread * np.cos(turn)
        least = mean + 2 * spread * np.cos(turn + 2 * np.pi / 3)
        middle = 3 * mean - most - least
        strength = np.sqrt(np.maximum(most, 0) * np.maximum(middle, 0))
        found = np.maximum(found, width**2 * strength)
    return found

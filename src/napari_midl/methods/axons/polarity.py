"""Whether the fibres of an image are brighter or darker than what is around them."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy import ndimage

from napari_midl.methods.axons.padding import areas_of_one_value, within
from napari_midl.volumes.traces import is_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

T = TypeVar("T", "TraceSettings", "FinetuneSettings")

# Deviations of ridges that are looked for, px; how far about a place, and at which distance from it
# one counts half: 9 px beside a fibre is a ridge of the other kind, not quite half as strong.
_WIDTHS = (1.5, 2.5, 4.0)
_AROUND, _NEAR = 32, 11.0
_MOST = 32  # places that are looked at
_FEW, _APART = 4, 80  # of fewer one may be misleading, so that planes beside them count too
# Slices of a box, as shares of its depth, one after another until so many planes show something.
_DEPTHS, _ENOUGH = (0.5, 0.25, 0.75, 0.125, 0.375, 0.625, 0.875), 16
_HIGH = 98.0
# What is weaker than such a share of the strongest is nothing.
_NOTHING, _HIGHEST = 0.03, 99.9
# How far the rim of padding goes, px; the share of an image that is no rim.
_RIM, _MOSTLY = 5.0, 0.5
# How many places along z, y and x show a whole image; more, where most of these show nothing.
_COUNTS = (3, 2, 2), (3, 5, 5)
# Mean of what `_darker` gives above which a whole image has dark fibres.
_SURELY = 0.1


def seen_as(
    volume: Volume, settings: T, places: Sequence[Sequence[float]], box: Box | None = None
) -> T:
    """Settings that say whether fibres are bright or dark, found out where they did not.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    settings : TraceSettings or FinetuneSettings
        What a person said.
    places : sequence
        Voxels ``(z, y, x)`` on fibres.
    box : Box, optional
        Where fibres are, if no such place is known.
    """
    if settings.fibres != "auto":
        return settings
    if not len(places) and box is not None:
        return settings.seen_as(fibres_in_box_are_dark(volume, box))
    return settings.seen_as(fibres_are_dark(volume, places))


def fibres_are_dark(volume: Volume, places: Sequence[Sequence[float]]) -> bool:
    """Whether dark ridges are stronger than bright ones at and about some places.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; a plane of 65 x 65 pixels is read about each place.
    places : sequence
        Voxels ``(z, y, x)`` on fibres; some of them are enough.
    """
    # Places outside are refused by whoever follows them.
    inside = [place for place in places if is_inside(np.array([place]), volume.shape)]
    some = inside[:: max(1, math.ceil(len(inside) / _MOST))]
    votes = sum(_darker_at(volume, place) for place in some)
    if len(some) < _FEW:
        votes += sum(_darker_about(volume, place) for place in some)
    return votes > 0


def fibres_in_box_are_dark(volume: Volume, box: Box) -> bool:
    """The same of fibres anywhere in a box in level 0 of the volume."""
    rows, columns = (
        np.linspace(side.start + _AROUND, max(side.start + _AROUND, side.stop - _AROUND), 4)
        for side in box[1:]
    )
    darker: list[float] = []
    for share in _DEPTHS if box[0].stop - box[0].start > 1 else (0.5,):
        z = box[0].start + round(share * (box[0].stop - box[0].start - 1))
        darker += (_darker_in(volume, [(z, y, x)]) for y in rows for x in columns)
        # Where most of a stack is empty, the few planes that show something may mislead.
        if np.count_nonzero(darker) >= _ENOUGH:
            break
    return sum(darker) > 0


def _darker_about(volume: Volume, place: Sequence[float]) -> float:
    """The mean of the same in eight planes about a place."""
    z, y, x = place
    steps = (-_APART, 0, _APART)
    beside = [(z, y + dy, x + dx) for dy in steps for dx in steps if dy or dx]
    inside = [p for p in beside if 0 <= p[1] < volume.shape[1] and 0 <= p[2] < volume.shape[2]]
    return _darker_in(volume, inside) / max(1, len(inside))


def _darker_in(volume: Volume, places: Sequence[Sequence[float]]) -> float:
    """The sum of the same over planes, wherever in them the fibres are."""
    return sum(_darker(*_ridges(_plane(volume, place)[0])) for place in places)


def _darker_at(volume: Volume, place: Sequence[float]) -> float:
    """Logarithm of how much stronger dark ridges are: those near the place, and all about it.

    The weaker ridge beside a fibre counts for less than the fibre itself, a little farther away.
    """
    plane, (y, x) = _plane(volume, place)
    bright, dark = _ridges(plane)
    rows, columns = np.indices(plane.shape)
    near = 1 / (1 + ((rows - y) ** 2 + (columns - x) ** 2) / _NEAR**2)
    strong = [float((near * ridge).max()) + 1e-6 for ridge in (bright, dark)]
    return math.log(strong[1] / strong[0]) + _darker(bright, dark)


def _darker(bright: NDArray[np.float64], dark: NDArray[np.float64]) -> float:
    either = np.maximum(bright, dark)
    # Beside a fibre on empty ground there is a weaker ridge of the other kind, which is wider: of
    # all pixels, which mostly show nothing, it would take the greater part.
    some = either > _NOTHING * float(np.percentile(either, _HIGHEST))
    if not some.any():
        return 0.0
    strong = [float(np.percentile(ridge[some], _HIGH)) + 1e-6 for ridge in (bright, dark)]
    return math.log(strong[1] / strong[0])


def _ridges(plane: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bright and dark ridges of a plane, in its deviations (Sato et al., 1998)."""
    # A third of a second, which no dock waits for.
    from skimage.feature import hessian_matrix, hessian_matrix_eigvals

    bright, dark = np.zeros_like(plane), np.zeros_like(plane)
    if not np.ptp(plane):  # as where all but a neuron was made black
        return bright, dark
    even = (plane - plane.mean()) / max(float(plane.std()), 1e-6)
    for width in _WIDTHS:
        bent = hessian_matrix(even, width, mode="reflect", use_gaussian_derivatives=True)
        most, least = width**2 * hessian_matrix_eigvals(bent)
        bright, dark = np.maximum(bright, -least), np.maximum(dark, most)
    return bright, dark


def _plane(volume: Volume, place: Sequence[float]) -> tuple[NDArray[np.float64], list[float]]:
    """The plane about a place, and where in it the place is."""
    z, *rest = (round(value) for value in place)
    sides = [
        slice(max(0, c - _AROUND), min(n, c + _AROUND + 1))
        for c, n in zip(rest, volume.shape[1:], strict=True)
    ]
    depth = min(max(z, 0), volume.shape[0] - 1)
    read = np.nan_to_num(np.asarray(volume.data[depth, sides[0], sides[1]], np.float64))
    plane = ndimage.gaussian_filter(_evened(read), 0.7)
    return plane, [value - side.start for value, side in zip(place[1:], sides, strict=True)]


def _evened(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """A plane in which padding is as bright as the image beside it, so that its rim is no ridge.

    Of a neuron, around which all was made of one value, hardly anything but rim is left: that is
    left as it is.
    """
    padding = areas_of_one_value(plane, np.ones(2))
    image = ~within(padding, _RIM, np.ones(2))
    some = np.count_nonzero(image) > _MOSTLY * np.count_nonzero(~padding)
    if not some or not padding.any():
        return plane
    beside = ndimage.distance_transform_edt(padding, return_distances=False, return_indices=True)
    smooth = ndimage.gaussian_filter(np.where(padding, 0, plane), _RIM)
    share = ndimage.gaussian_filter(np.where(padding, 0.0, 1.0), _RIM)
    return np.where(padding, (smooth / np.maximum(share, 1e-6))[tuple(beside)], plane)


def are_dark(volume: Volume, fibres: str) -> bool:
    """Whether fibres are dark: as it is said, ``bright`` or ``dark``, or as a whole image looks."""
    return fibres == "dark" if fibres != "auto" else _look_dark(volume)


@lru_cache(maxsize=4)
def _look_dark(volume: Volume) -> bool:
    """Whether dark ridges are stronger all over an image; noise is no ridge of either kind."""
    told: list[float] = []
    for counts in _COUNTS:
        shares = [np.linspace(0, 1, count + 2)[1:-1] for count in counts]
        places = [
            [float(share * n) for share, n in zip(at, volume.shape, strict=True)]
            for at in itertools.product(*shares)
        ]
        told = [_darker_in(volume, [place]) for place in places]
        if 2 * np.count_nonzero(told) >= len(told):
            break
    return sum(told) > _SURELY * int(np.count_nonzero(told))

"""Where a trace may have changed over to another fibre: a third opinion, by the image alone.

An agent that has parted onto another fibre is on a fibre, and so it is sure. But where it parted
the image shows another way on, a ridge that leaves the trace or comes into it, and the trace turns
there, or goes on brighter or fainter than it came. From there on it is doubtful, the more of such
places it has passed the more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.special import expit

from napari_midl.methods.axons.evidence import lengths, normals_of, ways_of
from napari_midl.methods.axons.widths import shrunk
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.axons.pixels import Pixels

# In widths of the fibre: how far beside a trace is looked, how near and far from it a ridge is
# looked for, how far beside that its ground is, and how much of a trace is read at once.
_HALF, _NEAR, _FAR, _GROUND, _PIECE = 22, 5, 13, 3.5, 48
# Of a ridge to the trace, in degrees; and the share of the trace's contrast from which one is
# another way, and that from which it is one as good.
_ANGLES, _SEEN, _AS_GOOD = (10, 14, 20, 28, 40, 55, 75, 90), 0.3, 0.7
# In widths along the trace: over which its contrast is a mean, over which its brightness before and
# after a place, half of the stretch of a turn, what is one place, and what can change over once.
_OWN, _BEFORE, _TURN, _PLACE, _ONCE = 21, 20, 8, 9, 12
_LEAST, _MOST, _FINE = 0.01, 1.5, 0.5
# Of how many points of a ridge the ground has to be known, and how far beside a trace its own is.
_KNOWN, _OUTSIDE = 6, 4
# Ahead or from behind, to one side or the other.
_SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1))
# Logistic of the probability to change over at a place: of the change of brightness, of the turn
# times how good another way there is, and of neither. Fitted to traces of nets, trees of vessels
# and crowded images, all generated.
_BRIGHTNESS, _TURNS, _NEITHER = 1.8, 4.4, -4.8
# The probability from which on a place is offered as a choice of two ways.
_LIKELY = 0.1


@dataclass(frozen=True)
class Parting:
    """A place where a trace may have taken the wrong one of two ways.

    Parameters
    ----------
    index : int
        Point of the trace.
    way : ndarray, shape (n, d)
        The other way, as far as the image was looked at, in isotropic px.
    """

    index: int
    way: NDArray[np.float64]


def changed_over(
    pixels: Pixels, points: NDArray[np.float64], width: float, seed: int
) -> tuple[NDArray[np.float64], list[Parting]]:
    """Whether a trace has changed over to another fibre since it left its seed.

    Parameters
    ----------
    pixels : Pixels
        The image; only blocks about the trace are read.
    points : ndarray, shape (n, d)
        The trace, in isotropic px.
    width : float
        How much wider than four px the fibre is.
    seed : int
        The point that is surely on the fibre.

    Returns
    -------
    doubt : ndarray, shape (n,)
        Probability at each point.
    partings : list of Parting
        Where it is likely that it has, and another way leads on.
    """
    line = resample(points, width)
    if len(line) < 2 * _TURN:
        return np.zeros(len(points)), []
    along = lengths(points)
    places = np.linspace(0, along[-1], len(line))
    normals = normals_of(line)
    strips = _strips(pixels, line, normals, width)
    own = np.maximum(np.max([_contrast(strip) for strip in strips], axis=0), _LEAST)
    ridges = np.stack([_ridges(strip) for strip in strips]) / own[:, None, None]
    chance = _chances(strips[0][:, _HALF], own, ridges.max((0, 2, 3)), line)
    begin = int(np.searchsorted(places, along[seed]).clip(0, len(line) - 1))
    doubt = np.zeros(len(line))
    partings = []
    for ahead, order in ((1, range(begin, len(line))), (-1, range(begin, -1, -1))):
        before = 0.0
        for k in range(0, len(order), _ONCE):
            once = order[k : k + _ONCE]
            worst = once[int(chance[once].argmax())]
            before = 1 - (1 - before) * (1 - chance[worst])
            doubt[once] = before
            if chance[worst] > _LIKELY:
                about = np.arange(len(line))[max(0, worst - _PLACE // 2) :][:_PLACE]
                way = _other_way(ridges[:, about], ahead)
                if way is not None:
                    plane, rows, columns = way
                    row = np.clip(about[0] + rows, 0, len(line) - 1)
                    beside = width * columns[:, None] * normals[plane, row]
                    at = int(np.searchsorted(along, places[worst]))
                    partings.append(Parting(at, line[row] + beside))
    return np.interp(along, places, doubt), partings


def _strips(
    pixels: Pixels, line: NDArray[np.float64], normals: NDArray[np.float64], width: float
) -> list[NDArray[np.float64]]:
    """The image as seen straight along a line ``(n, d)``, in each plane through it.

    Each is ``(n, 2 _HALF + 1)``, a width from one value to the next, and not a number where
    another part of the line is nearer.
    """
    aside = np.arange(-_HALF, _HALF + 1) * width
    tree, strips = cKDTree(line), []
    for plane, normal in enumerate(normals):
        places = line[:, None] + aside[:, None] * normal[:, None]
        deep = [places]
        for other in np.delete(normals, plane, axis=0):
            deep = [places + side * width * other[:, None] for side in (-1, 0, 1)]
        seen = np.max([_values(pixels, each, width) for each in deep], axis=0)
        strip = ndimage.gaussian_filter(seen, 1.0, mode="nearest")
        # What is nearer to another part of the trace is that part, and no other fibre.
        nearer = 0.8 * np.abs(aside) - width
        away, _ = tree.query(places, distance_upper_bound=nearer.max())
        strip[away < nearer] = np.nan
        strips.append(strip)
    return strips


def _values(pixels: Pixels, places: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Intensities at places ``(n, m, d)``, each a mean about as wide as `width`."""
    spacing = pixels.spacing.double().numpy()
    # Of a thick fibre larger pixels show as much, in a part of the time.
    times = np.maximum(1, (width / spacing).astype(int))
    blur = np.sqrt(max(0.0, width**2 - 1)) / spacing / times
    values = []
    for begin in range(0, len(places), _PIECE):
        part = places[begin : begin + _PIECE] / spacing
        low, high = part.min((0, 1)), part.max((0, 1))
        first = np.clip(np.floor(low), 0, np.array(pixels.shape) - 1).astype(int)
        last = np.clip(np.ceil(high) + 1, first + 1, pixels.shape).astype(int)
        block = shrunk(pixels.block(first.tolist(), last.tolist()), times.tolist())
        if (blur > _FINE).any():
            block = ndimage.gaussian_filter(block, blur)
        at = np.moveaxis((part - first + 0.5) / times - 0.5, -1, 0)
        values.append(ndimage.map_coordinates(block, at, order=1, mode="nearest"))
    return np.concatenate(values)


def _contrast(strip: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much brighter a trace is than beside it, on average about each of its points."""
    beside = np.fmin(strip[:, _HALF - _OUTSIDE], strip[:, _HALF + _OUTSIDE])
    contrast = np.nan_to_num(strip[:, _HALF] - beside)
    return np.asarray(ndimage.uniform_filter1d(contrast, _OWN, mode="nearest"))


def _ridges(strip: NDArray[np.float64]) -> NDArray[np.float64]:
    """How bright ridges are that leave a strip's middle, ``(n, 4, angles)``.

    Ahead to the right, to the left, and the same from behind.
    """
    rows, columns = _rays()
    room = int(np.abs(rows).max())
    padded = np.pad(strip, ((room, room), (0, 0)), constant_values=np.nan)
    index = np.arange(len(strip))[:, None, None, None] + room
    found = []
    for row, column in zip(rows, columns, strict=True):
        values = padded[index + row, column + _HALF]
        contrast = values[..., 0] - np.fmax(values[..., 1], values[..., 2])
        known = np.isfinite(contrast).sum(-1) >= _KNOWN
        # A ridge is nearly nowhere broken.
        found.append(np.where(known, np.sort(contrast, axis=-1)[..., 2], 0.0))
    return np.stack(found, 1).reshape(len(strip), 4, len(_ANGLES))


@cache
def _rays() -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Rows and columns ``(4 angles, m, 3)`` of ridges and their ground at both sides."""
    aside = np.arange(_NEAR, _FAR + 1)
    rows, columns = [], []
    for ahead, side in _SIDES:
        for angle in np.deg2rad(_ANGLES):
            row, column = ahead * aside / np.tan(angle), side * aside
            down, across = ahead * _GROUND * np.sin(angle), side * _GROUND * np.cos(angle)
            rows.append(np.stack([row, row - down, row + down], -1))
            columns.append(np.stack([column, column + across, column - across], -1))
    return np.rint(rows).astype(int), np.rint(columns).astype(int)


def _chances(
    brightness: NDArray[np.float64],
    own: NDArray[np.float64],
    ridge: NDArray[np.float64],
    line: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Probability ``(n,)`` that a trace changes over at each of its points."""
    n = len(line)
    heading = ways_of(line)
    before, after = (heading[np.clip(np.arange(n) + k, 0, n - 1)] for k in (-_TURN, _TURN))
    turn = np.arccos(np.clip((before * after).sum(1), -1, 1)).clip(max=_MOST)
    turn = ndimage.maximum_filter1d(turn, _PLACE, mode="nearest")
    # Mean of what lies before each point, and of what lies after it.
    mean = ndimage.uniform_filter1d(brightness, _BEFORE, mode="nearest")
    half = _BEFORE // 2
    came, goes = (mean[np.clip(np.arange(n) + k, 0, n - 1)] for k in (-half, half))
    change = (np.abs(goes - came) / own).clip(max=_MOST)
    other = ndimage.maximum_filter1d(ridge, _PLACE, mode="nearest")
    as_good = ((other - _SEEN) / (_AS_GOOD - _SEEN)).clip(0, 1)
    never = expit(_NEITHER)
    odds = _BRIGHTNESS * change + _TURNS * turn * as_good + _NEITHER
    return np.asarray((expit(odds) - never) / (1 - never))


def _other_way(
    ridges: NDArray[np.float64], ahead: int
) -> tuple[int, NDArray[np.int_], NDArray[np.float64]] | None:
    """The best other way ahead by the ridges ``(planes, n, 4, angles)`` about a place, if any.

    Its plane, its rows from the first of these, and its columns beside the trace.
    """
    these = [k for k, (towards, _) in enumerate(_SIDES) if towards == ahead]
    some = ridges[:, :, these]
    plane, row, k, angle = np.unravel_index(some.argmax(), some.shape)
    if some[plane, row, k, angle] < _SEEN:
        return None
    columns = _SIDES[these[k]][1] * np.arange(_FAR + 1.0)
    rows = ahead * np.abs(columns) / np.tan(np.deg2rad(_ANGLES[angle]))
    return int(plane), row + np.rint(rows).astype(int), columns

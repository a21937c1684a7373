"""How large a cell body is: the widest circle or sphere about a place that the image ends at.

Whatever lies within, a bright body, a shell or a dark nucleus, from its surface outwards the image
changes the same way on nearly all sides. So no ray is followed from the place that was clicked, and
no brightness is taken for that of the body: circles, in a stack spheres, of all sizes and with all
middles nearby are tried, and each has as much of an edge as most of its sides have at least.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_midl.methods.axons.widths import shrunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.volume import Volume

    Points = NDArray[np.float64]
    Values = NDArray[np.float32]
    Image = Callable[[Points], Values]

# In sizes of a voxel along x: what is smaller is a fibre, or noise.
_LEAST, _MOST = 3.0, 60.0
# Radii to a doubling of the size, ways out of a middle, and the share of these that may end
# elsewhere, as where fibres leave it: they take more of a circle than of a sphere.
_RADII, _WAYS, _ELSEWHERE = 10, (32, 64), (0.35, 0.2)
# In radii: how far off its middle a body may be clicked, in which steps, and the width of an edge.
_OFF, _STEP, _EDGE = 0.45, 0.15, 1 / 8
# Pixels that a radius has at least, if the image has as many, and their blur in them.
_FINE, _BLUR = 8, 0.6
# An edge is that many times the deviation of what lies beyond, and that share of the strongest.
_TIMES, _SHARE = 3.0, 1 / 3
# Of the edges of one surface at several radii, how far apart they are at most.
_SAME = 1.5
# The middle and the radius are refined so often, at edges that are that thin, and so many px.
_ROUNDS, _THIN, _THINNEST = 4, 1 / 12, 0.7


@dataclass(frozen=True)
class _Round:
    """A circle or sphere, and how the image changes from its inside to its outside."""

    middle: Points
    radius: float
    flat: bool
    image: Image
    sign: int = 1  # 1 where it is brighter inside
    edge: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class _Tried:
    """The image on both sides of the edge, for each middle nearby and each way out of it."""

    middles: Points
    inside: Values
    outside: Values

    @classmethod
    def of(cls, one: _Round, off: float, step: float, width: float) -> _Tried:
        """With middles up to ``off`` radii away, at an edge of a width in px."""
        middles = one.middle + _nearby(one.flat, off, step) * one.radius
        sides = (
            one.image(middles[:, None] + _ways(one.flat) * (one.radius + side * width))
            for side in (-1, 1)
        )
        return cls(middles, *sides)

    def best(self, one: _Round) -> _Round:
        """That with the middle that has most of an edge."""
        change = one.sign * (self.inside - self.outside)
        change[np.isnan(change)] = -np.inf  # what lies outside the image does not end
        least = int(_ELSEWHERE[not one.flat] * change.shape[1])
        edges = np.partition(change, least, axis=1)[:, least]
        k = int(edges.argmax())
        beyond = self.outside[k][np.isfinite(self.outside[k])]
        noise = 1.48 * float(np.median(np.abs(beyond - np.median(beyond)))) if len(beyond) else 0.0
        return replace(one, middle=self.middles[k], edge=float(edges[k]), noise=noise)


def soma_radius(volume: Volume, place: Sequence[float]) -> float:
    """The radius of the cell body at a voxel, which may be bright, dark, hollow or have a nucleus.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``; up to 110 sizes of a voxel along x are read about the place.
    place : sequence of float
        Voxel ``(z, y, x)`` in it, up to a third of the radius off the middle.

    Returns
    -------
    float
        Of its outer boundary, in sizes of a voxel along x; NaN where nothing there is as large as
        a cell body, or it does not end on nearly all sides. Of a stack that is less deep than it,
        and of one that is no sphere, as where the distance of slices is not known, the radius in
        its plane.
    """
    size = np.asarray(volume.voxel_size) / volume.voxel_size[-1]
    at = np.asarray(place, float) * size
    found = list(_ends_at(volume, at, size)) or list(_ends_at(volume, at, size, flat=True))
    if not found:
        return float("nan")
    strongest = max(one.edge for one in found)
    # A nucleus or a lumen has an edge too, which lies further in.
    outer = [one for one in found if one.edge >= _SHARE * strongest][-1]
    same = [one for one in found if one.sign == outer.sign and one.radius * _SAME > outer.radius]
    radius = _refined(max(same, key=lambda one: one.edge))
    return radius if radius >= _LEAST else float("nan")


def _ends_at(volume: Volume, place: Points, size: Points, flat: bool = False) -> Iterator[_Round]:
    """The spheres about a place that stand out, or the circles in its plane, smallest first."""
    low, steps = _LEAST, 2 ** (np.arange(_RADII) / _RADII)
    while low < _MOST:
        radii, pitch = low * steps[low * steps <= _MOST], max(1.0, low / _FINE)
        image = _read(volume, place, radii[-1] * (1 + _OFF + _EDGE) + 2 * pitch, size, pitch)
        for radius in radii.tolist():
            # One that hardly any way along z ends in can be told in its plane alone.
            circle = flat or volume.shape[0] * size[0] < radius
            begin = _Round(place, radius, circle, image)
            tried = _Tried.of(begin, _OFF, _STEP, max(1.0, _EDGE * radius))
            for sign in (1, -1):
                one = tried.best(replace(begin, sign=sign))
                if one.edge > max(0.0, _TIMES * one.noise):
                    yield one
        low *= 2


def _refined(one: _Round) -> float:
    """The radius to a fraction of the steps that were taken."""
    step = _STEP / 2
    for _ in range(_ROUNDS):
        radii = one.radius * (1 + step / 2) ** np.array([0.0, -1.0, 1.0])
        sizes = [replace(one, radius=radius) for radius in radii.tolist()]
        tried = [
            _Tried.of(size, 1.5 * step, step, max(_THINNEST, _THIN * size.radius)).best(size)
            for size in sizes
        ]
        best = max(tried, key=lambda other: other.edge)
        if best.radius == one.radius and np.allclose(best.middle, one.middle):
            step /= 2
        one = best
    return one.radius


@cache
def _ways(flat: bool) -> Points:
    """Unit vectors ``(n, 3)`` evenly in a plane, or in space: a spiral about the sphere."""
    count = _WAYS[not flat]
    if flat:
        angles = np.arange(count) * 2 * np.pi / count
        return np.stack([np.zeros(count), np.sin(angles), np.cos(angles)], 1)
    z = 1 - (2 * np.arange(count) + 1) / count
    turned = np.pi * (1 + 5**0.5) * (np.arange(count) + 0.5)
    across = np.sqrt(1 - z * z)
    return np.stack([z, across * np.sin(turned), across * np.cos(turned)], 1)


@cache
def _nearby(flat: bool, off: float, step: float) -> Points:
    """Points ``(n, 3)`` of a grid within a distance of its middle."""
    side = np.arange(-round(off / step), round(off / step) + 1) * step
    grid = np.meshgrid([0.0] if flat else side, side, side, indexing="ij")
    points = np.stack(grid, -1).reshape(-1, 3)
    return np.asarray(points[np.linalg.norm(points, axis=1) <= off + 1e-9])


def _read(volume: Volume, place: Points, reach: float, size: Points, pitch: float) -> Image:
    """The image about a place, at points in isotropic px; NaN outside of what is read."""
    low = np.floor((place - reach) / size).astype(int).clip(0, np.subtract(volume.shape, 1))
    high = np.ceil((place + reach) / size).astype(int).clip(low, volume.shape) + 1
    box = volume.read(tuple(slice(a, b) for a, b in zip(low, high, strict=True)))
    times = np.minimum(np.maximum(1, pitch // size).astype(int), box.shape)
    block = shrunk(box.astype(np.float32), times.tolist())
    wide = np.where(np.array(block.shape) > 1, _BLUR * pitch / (size * times), 0)
    smooth = ndimage.gaussian_filter(block, wide)
    first = low + (times - 1) / 2

    def at(points: Points) -> Values:
        voxels = [(points[..., k] / size[k] - first[k]) / times[k] for k in range(3)]
        return np.asarray(
            ndimage.map_coordinates(smooth, voxels, order=1, mode="constant", cval=np.nan)
        )

    return at

"""Bringing point sets together: by a similarity, and by a thin-plate spline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.interpolate import RBFInterpolator

Points = NDArray[np.float64]

_ROUNDS = 8  # after which the mean of sets that are laid on it has settled


@dataclass(frozen=True)
class Similarity:
    """``scale * points @ rotation + shift``.

    Parameters
    ----------
    scale : float
        Ratio of the sizes.
    rotation : ndarray, shape (3, 3)
        Orthonormal; with determinant -1 it also mirrors.
    shift : ndarray, shape (3,)
        In the target's unit.
    """

    scale: float
    rotation: Points
    shift: Points

    def __call__(self, points: Points) -> Points:
        """Source to target."""
        return np.asarray(self.scale * points @ self.rotation + self.shift)

    def back(self, points: Points) -> Points:
        """Target to source."""
        return np.asarray((points - self.shift) @ self.rotation.T / self.scale)


def similarity(
    source: Points, target: Points, *, scaled: bool = True, mirrored: bool = False
) -> Similarity:
    """The least-squares similarity of corresponding points (Umeyama, 1991).

    Parameters
    ----------
    source, target : ndarray, shape (n, 3)
        Rows with NaN in either are left out.
    scaled : bool
        Fit the scale too.
    mirrored : bool
        The best one with a reflection in it.
    """
    known = np.isfinite(source).all(1) & np.isfinite(target).all(1)
    a, b = source[known], target[known]
    centre_a, centre_b = a.mean(0), b.mean(0)
    u, stretch, vt = np.linalg.svd((a - centre_a).T @ (b - centre_b))
    handed = np.linalg.det(u @ vt)
    flip = np.array([1.0, 1.0, -np.sign(handed) if mirrored else np.sign(handed)])
    rotation = (u * flip) @ vt
    scale = float((stretch * flip).sum() / ((a - centre_a) ** 2).sum()) if scaled else 1.0
    return Similarity(scale, rotation, centre_b - scale * centre_a @ rotation)


def generalised_procrustes(sets: Points, *, scaled: bool = True) -> tuple[Points, Points]:
    """Generalised Procrustes alignment: the sets on their mean, and the mean.

    Parameters
    ----------
    sets : ndarray, shape (m, n, 3)
        NaN where a point is missing.
    scaled : bool
        Let the sizes go as well; the mean keeps the mean size.
    """
    mean = sets[int(np.isfinite(sets).all(2).sum(1).argmax())]
    size = float(np.mean([_size(s) for s in sets]))
    for _ in range(_ROUNDS):
        aligned = np.stack([similarity(s, mean, scaled=scaled)(s) for s in sets])
        mean = np.nanmean(aligned, axis=0)
        mean = (mean - np.nanmean(mean, 0)) * (size / _size(mean))
    return np.stack([similarity(s, mean, scaled=scaled)(s) for s in sets]), mean


def _size(points: Points) -> float:
    """Centroid size a point: the root mean square distance from the centroid."""
    return float(np.sqrt(np.nanmean(((points - np.nanmean(points, 0)) ** 2).sum(1))))


def thin_plate(source: Points, target: Points, *, smooth: bool = False) -> RBFInterpolator:
    """The smoothest map of space that takes each source point to its target.

    The thin-plate spline of three dimensions, whose kernel is the distance (Bookstein, 1989).

    Parameters
    ----------
    source : ndarray, shape (n, 3)
        Points that do not lie in a plane.
    target : ndarray, shape (n, d)
        What each of them becomes; the mean where points lie at one place.
    smooth : bool
        Take the kernel of two dimensions, whose map is smoother between the points.
    """
    from scipy.interpolate import RBFInterpolator  # takes a while, for which the dock would wait

    kernel = "thin_plate_spline" if smooth else "linear"
    return RBFInterpolator(*_each_once(source, target), kernel=kernel, degree=1)


def _each_once(source: Points, target: Points) -> tuple[Points, Points]:
    """Points of which none is at the place of another, with the mean of where such are to go."""
    places, which, count = np.unique(source, axis=0, return_inverse=True, return_counts=True)
    if len(places) == len(source):
        return source, target
    sums = np.zeros_like(places)
    np.add.at(sums, which, target)
    return places, sums / count[:, None]

"""What some landmarks say of the others: where they are, how surely, and which look wrong.

A Gaussian process over the landmarks of a kind of shape. Shapes differ as those seen did, and
beyond that smoothly and much alike on both sides. Each person places each landmark with an error
of its own, and how a shape lies and how large it is must be learnt from the same landmarks:
both are part of the covariance, so that both are part of the doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from napari_midl.methods.anatomy.alignment import Points, Similarity, similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

MIN_LANDMARKS = 4
# As good as unknown before the first landmark, mm.
POSE = 100.0
# Share of a smooth difference that the other side has too.
SYMMETRY = 0.9
# How far a smooth difference reaches, in sizes of the shape (root mean square from its middle).
REACH = 1.2
MIRROR = np.array([-1.0, 1.0, 1.0])
# Rarer than is wanted of people: their tails are heavier than a Gaussian's.
ALARM = 0.0002


@dataclass(frozen=True)
class Expected:
    """All landmarks, given some.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Where each is expected, on the model's mean, mm; the placed ones too, as the others and
        their own place say.
    covariance : ndarray, shape (3 n, 3 n)
        What is left open of the places at which a person would put them, mm squared; of a placed
        one the error of placing alone.
    to_model : Similarity
        From where the landmarks are to the model's mean.
    """

    points: Points
    covariance: Array
    to_model: Similarity

    @property
    def spread(self) -> Array:
        """Standard deviation a coordinate of each, where the landmarks are, ``(n,)``."""
        variance = np.diag(self.covariance).reshape(-1, 3).mean(1)
        return np.asarray(np.sqrt(variance) / self.to_model.scale)


@dataclass(frozen=True)
class LandmarkModel:
    """Mean, covariance and placing of the landmarks of a kind of shape.

    Parameters
    ----------
    mean : ndarray, shape (n, 3)
        On average, in mm; x to the side.
    covariance : ndarray, shape (3 n, 3 n)
        How shapes differ from it once they are laid on it, mm squared.
    placing : ndarray, shape (n,)
        Standard deviation a coordinate with which people place each, mm.
    """

    mean: Points
    covariance: Array
    placing: Array

    def given(self, placed: Points) -> Expected:
        """All landmarks, from those that are placed.

        Parameters
        ----------
        placed : ndarray, shape (n, 3)
            In mm; NaN where missing. At least four that do not lie in a plane.
        """
        known = np.isfinite(placed).all(1)
        to_model, offsets = self._offsets(placed)
        of_known = np.repeat(known, 3)
        error = np.diag(np.repeat(self.placing**2, 3))
        true = self.covariance + self._pose()
        gain = np.linalg.solve((true + error)[np.ix_(of_known, of_known)], true[of_known]).T
        left = true - gain @ true[of_known] + error
        left[of_known] = left[:, of_known] = 0.0
        left[of_known, of_known] = error.diagonal()[of_known]
        points = self.mean + (gain @ offsets[of_known]).reshape(-1, 3)
        return Expected(points, np.asarray(left), to_model)

    def doubt(self, placed: Points) -> Array:
        """How far each landmark lies from what the others predict, in standard deviations.

        Mahalanobis distances ``(n,)`` with each landmark left out in turn; NaN where a landmark
        is missing or the others are fewer than four.
        """
        doubts = np.full(len(placed), np.nan)
        known = np.flatnonzero(np.isfinite(placed).all(1))
        if len(known) <= MIN_LANDMARKS:
            return doubts
        residuals, precisions = self.left_out(placed)
        doubts[known] = np.sqrt(np.einsum("ij,ijk,ik->i", residuals, precisions, residuals))
        return doubts

    def left_out(self, placed: Points) -> tuple[Points, Array]:
        """What each placed landmark has beyond what the other ones predict, on the mean.

        Returns
        -------
        residuals : ndarray, shape (k, 3)
            In mm.
        precisions : ndarray, shape (k, 3, 3)
            Inverse covariance of those.
        """
        known = np.flatnonzero(np.isfinite(placed).all(1))
        _, offsets = self._offsets(placed)
        rows = (3 * known[:, None] + np.arange(3)).ravel()
        whole = self.covariance + self._pose() + np.diag(np.repeat(self.placing**2, 3))
        precision = np.linalg.inv(whole[np.ix_(rows, rows)])
        blocks = precision.reshape(len(known), 3, len(known), 3)
        own = blocks[np.arange(len(known)), :, np.arange(len(known))]
        pulled = (precision @ offsets[rows]).reshape(-1, 3)
        return np.linalg.solve(own, pulled[..., None])[..., 0], own

    def misplaced(self, placed: Points) -> list[int]:
        """Which landmarks to look at again, the worst first.

        One far from its place also spoils what is expected of its neighbours, so that the
        worst is left out before the others are judged.

        Parameters
        ----------
        placed : ndarray, shape (n, 3)
            NaN where one is missing.
        """
        remaining = placed.copy()
        found: list[int] = []
        while True:
            judged = np.nan_to_num(self.doubt(remaining))
            worst = int(judged.argmax())
            if judged[worst] <= alarm(int(np.count_nonzero(judged))):
                return found
            found.append(worst)
            remaining[worst] = np.nan

    def scaled(self, ratio: float) -> LandmarkModel:
        """The same, with all standard deviations so many times as large."""
        return LandmarkModel(self.mean, self.covariance * ratio**2, self.placing * ratio)

    def _offsets(self, placed: Points) -> tuple[Similarity, Array]:
        to_model = similarity(placed, self.mean)
        return to_model, (to_model(placed) - self.mean).ravel()

    def _pose(self) -> Array:
        """Covariance of shifts, turns and sizes about those of the mean."""
        from_middle = self.mean - self.mean.mean(0)
        axes = np.eye(3)
        ways = [np.tile(axis, (len(self.mean), 1)) for axis in axes]
        ways += [np.cross(axis, from_middle) for axis in axes] + [from_middle]
        moved = np.stack([way.ravel() / np.sqrt((way**2).mean()) for way in ways])
        return np.asarray(POSE**2 * moved.T @ moved)


def alarm(count: int) -> float:
    """The doubt that a set of `count` undisturbed landmarks passes anywhere in 0.02 % of sets."""
    return float(np.sqrt(special.chdtri(3, ALARM / max(count, 1))))


def size_of(points: Points) -> float:
    """Root mean square distance of points from their middle."""
    return float(np.sqrt(((points - points.mean(0)) ** 2).sum(1).mean()))


def smooth_differences(mean: Points, paired: bool) -> Array:
    """Covariance ``(3 n, 3 n)`` of smooth differences of one mm.

    A Matern kernel of order 3/2 (Rasmussen and Williams, 2006).

    Parameters
    ----------
    mean : ndarray, shape (n, 3)
        Where the landmarks are, mm.
    paired : bool
        The two sides, mirrored at x = 0, differ much alike.
    """

    def kernel(others: Points) -> Array:
        apart = np.linalg.norm(mean[:, None] - others, axis=2) * np.sqrt(3) / reach
        return np.asarray((1 + apart) * np.exp(-apart))

    reach = REACH * size_of(mean)
    beside = np.kron(kernel(mean), np.eye(3))
    if not paired:
        return np.asarray(beside)
    return np.asarray(beside + SYMMETRY * np.kron(kernel(mean * MIRROR), np.diag(MIRROR)))

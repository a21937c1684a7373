"""The linear model: a Gaussian over landmarks and surface together.

A statistical shape model (Cootes et al., 1995) read as probabilistic principal component
analysis (Tipping and Bishop, 1999), so that any landmarks at hand say what the others, and
the surface, are likely to be, and how surely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points

PLACEMENT = 1.0


@dataclass(frozen=True)
class Posterior:
    """The Gaussian posterior of a shape's coefficients.

    Parameters
    ----------
    mean : ndarray, shape (K,)
        In standard deviations of each mode.
    covariance : ndarray, shape (K, K)
        What the landmarks leave open.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class ShapeModel:
    """Landmarks and surface as a mean and modes, aligned by similarity.

    Parameters
    ----------
    mean_landmarks : ndarray, shape (n, 3)
        In mm.
    landmark_modes : ndarray, shape (K, n, 3)
        Each one standard deviation, in mm.
    mean_surface : ndarray, shape (V, 3)
        Vertices, in mm.
    surface_modes : ndarray, shape (K, V, 3)
        Each one standard deviation, in mm.
    landmark_rest : ndarray, shape (n,)
        Standard deviation a coordinate that the modes leave, in mm.
    surface_rest : ndarray, shape (V,)
        The same of the vertices.
    """

    mean_landmarks: Points
    landmark_modes: Points
    mean_surface: Points
    surface_modes: Points
    landmark_rest: NDArray[np.float64]
    surface_rest: NDArray[np.float64]

    @classmethod
    def fit(cls, landmarks: Points, surfaces: Points, modes: int = 32) -> ShapeModel:
        """Learn from aligned shapes in correspondence.

        Parameters
        ----------
        landmarks : ndarray, shape (m, n, 3)
            Complete, aligned, in mm.
        surfaces : ndarray, shape (m, V, 3)
            Vertices that correspond, in the same frames.
        modes : int
            Most modes to keep; m - 1 at most.
        """
        count = len(landmarks)
        joined = np.concatenate([landmarks, surfaces], axis=1)
        mean = joined.mean(0)
        centred = (joined - mean).reshape(count, -1)
        # Far fewer shapes than coordinates: their products have the same modes.
        _, left = np.linalg.eigh(centred @ centred.T)
        kept = min(modes, count - 1)
        left = left[:, ::-1][:, :kept]
        scores = left.T @ centred
        rest = centred - left @ scores
        scaled = scores / np.sqrt(count - 1)
        spread = np.sqrt(
            (rest.reshape(joined.shape) ** 2).mean((0, 2)) * count / max(count - kept, 1)
        )
        n = landmarks.shape[1]
        scaled = scaled.reshape(kept, joined.shape[1], 3)
        return cls(mean[:n], scaled[:, :n], mean[n:], scaled[:, n:], spread[:n], spread[n:])

    def given(self, landmarks: Points) -> Posterior:
        """The coefficients given aligned landmarks, NaN where one is missing."""
        known = np.asarray(np.isfinite(landmarks).all(1))
        gain, covariance = self.gain(known)
        return Posterior(gain @ (landmarks[known] - self.mean_landmarks[known]).ravel(), covariance)

    def gain(
        self, known: NDArray[np.bool_], placement: float = PLACEMENT
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From offsets of the known landmarks, mm, to coefficients; and what they leave open.

        Shapes ``(K, 3 k)`` and ``(K, K)``: the posterior of a linear Gaussian model, whose
        landmarks are placed with an error of `placement` mm.
        """
        modes = self.landmark_modes[:, known].reshape(len(self.landmark_modes), 3 * known.sum())
        noise = np.repeat(self.landmark_rest[known] ** 2 + placement**2, 3)
        covariance = np.linalg.inv(np.eye(len(modes)) + (modes / noise) @ modes.T)
        return np.asarray(covariance @ (modes / noise)), np.asarray(covariance)

    def landmarks(self, posterior: Posterior) -> tuple[Points, NDArray[np.float64]]:
        """Expected landmarks ``(n, 3)`` and their standard deviation a coordinate ``(n,)``."""
        expected = self.mean_landmarks + np.tensordot(posterior.mean, self.landmark_modes, 1)
        return expected, _spread(self.landmark_modes, posterior.covariance, self.landmark_rest)

    def surface(self, coefficients: NDArray[np.float64]) -> Points:
        """Vertices ``(V, 3)``."""
        return np.asarray(self.mean_surface + np.tensordot(coefficients, self.surface_modes, 1))


def _spread(
    modes: Points, covariance: NDArray[np.float64], rest: NDArray[np.float64]
) -> NDArray[np.float64]:
    halves = np.tensordot(np.linalg.cholesky(covariance).T, modes, 1)
    return np.asarray(np.sqrt((halves**2).sum((0, 2)) / 3 + rest**2))

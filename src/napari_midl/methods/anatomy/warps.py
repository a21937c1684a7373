"""Real meshes warped to landmarks, and joined.

Each mesh, and its mirror image, is taken to the landmarks by a thin-plate spline. Where
landmarks say nothing, each of them errs in its own way, and their mean errs less than most. A mesh
that must be bent less counts for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.anatomy.alignment import Points, similarity, thin_plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

# No mesh fits better than people place landmarks, mm.
_LEAST_MISFIT = 1.0


class Warps:
    """Meshes in correspondence, ready to be warped.

    Parameters
    ----------
    surfaces : ndarray, shape (m, V, 3)
        Their vertices, mm.
    landmarks : ndarray, shape (m, n, 3)
        Their landmarks, complete.
    """

    def __init__(self, surfaces: Points, landmarks: Points) -> None:
        self.landmarks = landmarks
        # A spline is linear in the places that its points go to, so that it is solved once.
        unit = np.eye(landmarks.shape[1])
        self._pull = np.stack(
            [
                thin_plate(marks, unit, smooth=True)(surface)
                for surface, marks in zip(surfaces, landmarks, strict=True)
            ]
        )

    def __call__(self, landmarks: Points) -> Points:
        """Vertices ``(V, 3)`` of the joined warps to complete landmarks ``(n, 3)``."""
        return np.asarray(self.pull(landmarks) @ landmarks)

    def pull(self, landmarks: Points) -> NDArray[np.float64]:
        """How far each vertex goes with each landmark, ``(V, n)``."""
        return np.asarray(np.tensordot(self.shares(landmarks), self._pull, 1))

    def shares(self, landmarks: Points) -> NDArray[np.float64]:
        """The share of each mesh, ``(m,)``: less where its landmarks fit less by similarity."""
        misfit = [
            ((similarity(marks, landmarks)(marks) - landmarks) ** 2).sum(1).mean()
            for marks in self.landmarks
        ]
        weight = 1 / (np.asarray(misfit) + _LEAST_MISFIT**2) ** 2
        return np.asarray(weight / weight.sum())


def spread_of(pull: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation a coordinate ``(V,)`` of vertices that go with uncertain landmarks.

    Parameters
    ----------
    pull : ndarray, shape (V, n)
        As `Warps.pull`.
    covariance : ndarray, shape (3 n, 3 n)
        Of the landmarks.
    """
    count = pull.shape[1]
    shared = np.trace(covariance.reshape(count, 3, count, 3), axis1=1, axis2=3) / 3
    return np.asarray(np.sqrt(np.maximum(((pull @ shared) * pull).sum(1), 0.0)))

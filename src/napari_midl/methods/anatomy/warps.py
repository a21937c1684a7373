"""Real meshes warped to landmarks, and joined.

Each mesh, and its mirror image, is taken part of the way to the landmarks as people differ, and
the rest by a thin-plate spline. Where landmarks say nothing, each of them errs in its own way, and
their mean errs less than most. A mesh that must be bent less counts for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.anatomy.alignment import Points, similarity, thin_plate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.shape_model import ShapeModel

# How little people's ways to differ are believed: as if landmarks were placed so badly, mm. On
# meshes left out, more belief bends what is far from all landmarks too much.
_BELIEVED = 9.0
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
    people : ShapeModel
        How such shapes differ from each other.
    """

    def __init__(self, surfaces: Points, landmarks: Points, people: ShapeModel) -> None:
        self.landmarks, self.people = landmarks, people
        self._gain, _ = people.gain(np.ones(landmarks.shape[1], bool), _BELIEVED)
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
        shares = self.shares(landmarks)
        differ = (landmarks - self.landmarks).reshape(len(shares), -1) @ self._gain.T
        rest = landmarks - np.tensordot(differ, self.people.landmark_modes, 1)
        vertices = np.tensordot(shares @ differ, self.people.surface_modes, 1)
        for share, pull, marks in zip(shares, self._pull, rest, strict=True):
            vertices += share * (pull @ marks)
        return np.asarray(vertices)

    def pull(self, landmarks: Points) -> NDArray[np.float64]:
        """How far the splines take each vertex with each landmark, ``(V, n)``."""
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

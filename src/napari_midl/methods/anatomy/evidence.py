"""What leaving whole meshes out says of a model: what to expect, and how far to believe it.

A model is judged on meshes that had no part in it, nor had shapes that were warped from them:
how far landmarks lie from where others predict them, how differently each is placed, and how far
the joined warps are from the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.methods.anatomy.landmark_model import (
    MIN_LANDMARKS,
    LandmarkModel,
    size_of,
    smooth_differences,
)
from napari_midl.methods.anatomy.score import Surface
from napari_midl.methods.anatomy.shape_model import ShapeModel
from napari_midl.methods.anatomy.triangles import smoother
from napari_midl.methods.anatomy.warps import Warps
from napari_midl.volumes.meshes import Mesh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.alignment import Points

    Array = NDArray[np.float64]

# Shares of the size of the shape by which shapes may differ smoothly from those seen.
SMOOTH = (0.02, 0.035, 0.05, 0.07, 0.1)
USUAL_SMOOTH = 0.07
# Placing, mm: at first, and the least and the most that is believed.
PLACING, LEAST_PLACING, MOST_PLACING = 1.0, 0.5, 4.0
# As many numbers as the first guess of the placing counts for.
_BELIEF = 12
_SUBSETS, _LEFT_OUT = 12, 12
_QUANTILE, _WITHIN = 1.645, 0.9
# A surface of which no other tells how far it is off, in sizes of the shape.
_UNTOLD = 0.02


@dataclass(frozen=True)
class Shapes:
    """Shapes in correspondence, laid on their mean.

    Parameters
    ----------
    landmarks : ndarray, shape (s, n, 3)
        Complete, mm.
    surfaces : ndarray, shape (s, V, 3)
        Vertices, mm.
    mirrored : ndarray, shape (s, V, 3) or (0, V, 3)
        Those of the mirror images of the real ones.
    faces : ndarray of int32, shape (F, 3)
        Triangles.
    origins : sequence of int
        Which real shape each was warped from; itself for a real one.
    real : sequence of int
        Which are real.
    partners : ndarray of int, shape (n,)
        The partner of each landmark on the other side.
    modes : int
        Most ways to differ that `people` keeps.
    """

    landmarks: Points
    surfaces: Points
    mirrored: Points
    faces: NDArray[np.int32]
    origins: Sequence[int]
    real: Sequence[int]
    partners: NDArray[np.int64]
    modes: int = 32

    def meshes(self, without: int = -1) -> tuple[Points, Points]:
        """The real meshes but for one, then their mirror images; and their landmarks."""
        flip = np.array([-1.0, 1.0, 1.0])
        kept = [k for k, i in enumerate(self.real) if i != without]
        rows = [self.real[k] for k in kept]
        surfaces, marks = self.surfaces[rows], self.landmarks[rows]
        if not len(self.mirrored):
            return surfaces, marks
        return (
            np.concatenate([surfaces, self.mirrored[kept]]),
            np.concatenate([marks, (marks * flip)[:, self.partners]]),
        )

    @property
    def paired(self) -> bool:
        """Whether any landmark has a partner."""
        return bool((self.partners != np.arange(len(self.partners))).any())

    def people(self, without: int = -1) -> ShapeModel:
        """How people differ, by those that do not come from one shape.

        Shapes that were warped from one mesh are brought to the mean of all: between them and those
        of another mesh lies what makes the two meshes, and not only what makes people.
        """
        rows = np.array([i for i, origin in enumerate(self.origins) if origin != without])
        origins = np.asarray(self.origins)[rows]
        landmarks, surfaces = self.landmarks[rows], self.surfaces[rows]
        if len(set(origins.tolist())) < len(rows):
            for points in (landmarks, surfaces):
                mean = points.mean(0)
                for origin in set(origins.tolist()):
                    points[origins == origin] += mean - points[origins == origin].mean(0)
        return ShapeModel.fit(landmarks, surfaces, self.modes)

    def differences(self, without: int = -1) -> tuple[Points, Array]:
        """Mean and covariance of the landmarks of those that do not come from one shape."""
        rows = [i for i, origin in enumerate(self.origins) if origin != without]
        mean = self.landmarks[rows].mean(0)
        offsets = (self.landmarks[rows] - mean).reshape(len(rows), -1)
        return mean, offsets.T @ offsets / max(len(rows) - 1, 1)


@dataclass(frozen=True)
class Fold:
    """A shape left out, and what the others say of such shapes.

    Parameters
    ----------
    truth : ndarray, shape (n, 3)
        Its landmarks, on the mean.
    mean, covariance : ndarray, shape (n, 3), (3 n, 3 n)
        Of the others.
    paired : bool
        Whether left and right mirror each other.
    """

    truth: Points
    mean: Points
    covariance: Array
    paired: bool


@dataclass(frozen=True)
class Evidence:
    """What was found.

    Parameters
    ----------
    landmarks : LandmarkModel
        Of all shapes, with standard deviations that hold on shapes left out.
    rest : ndarray, shape (V,)
        Standard deviation that the surface has beyond that of its landmarks, mm.
    smooth : float
        By how much shapes differ smoothly from those seen, mm.
    ratio : float
        What the standard deviations were multiplied by.
    """

    landmarks: LandmarkModel
    rest: Array
    smooth: float
    ratio: float


def weigh(shapes: Shapes, seed: int = 0) -> Job[Evidence]:
    """Leave each real shape out in turn, or a dozen of them where there are more.

    Parameters
    ----------
    shapes : Shapes
        At least one real shape; of a single one nothing can be left out, and a usual doubt is
        taken.
    seed : int
        Seed of which landmarks are given.
    """
    mean, covariance = shapes.differences()
    size, placing = size_of(mean), np.full(len(mean), PLACING)
    subsets = _subsets(mean, np.random.default_rng(seed))
    if len(shapes.real) < 2 or not subsets:
        smooth = USUAL_SMOOTH * size
        model = LandmarkModel(
            mean, covariance + smooth**2 * smooth_differences(mean, shapes.paired), placing
        )
        return Evidence(model, np.full(shapes.surfaces.shape[1], _UNTOLD * size), smooth, 1.0)
    tested = list(shapes.real)[:: -(-len(shapes.real) // _LEFT_OUT)]
    folds = [Fold(shapes.landmarks[i], *shapes.differences(i), shapes.paired) for i in tested]

    def fitted() -> tuple[float, Array, float]:
        scores = [
            np.mean(
                [_surprise(_model(fold, s * size, placing), fold.truth, subsets) for fold in folds]
            )
            for s in SMOOTH
        ]
        smooth = SMOOTH[int(np.argmin(scores))] * size
        found = _placing(folds, smooth, placing, shapes.partners)
        ratio = _ratio(folds, smooth, found, subsets)
        # Placing, unlike shape, is judged on the few sets that it was learnt from.
        return smooth, found * float(np.sqrt(1 + 1 / len(folds))), ratio

    smooth, placing, ratio = yield from elsewhere(fitted, "leaving shapes out")
    squares = []
    for k, i in enumerate(tested):
        yield Progress(k, len(tested), "leaving meshes out")
        misses = partial(_misses, shapes, i)
        squares.append((yield from elsewhere(misses, "leaving meshes out")))
    rest = np.sqrt(np.mean(squares, 0))
    model = LandmarkModel(
        mean, covariance + smooth**2 * smooth_differences(mean, shapes.paired), placing
    )
    return Evidence(model.scaled(ratio), rest, smooth, ratio)


def _subsets(mean: Points, rng: np.random.Generator) -> list[NDArray[np.bool_]]:
    """Sets of landmarks to predict the others from: few and many, none of them flat."""
    found = []
    for _ in range(_SUBSETS):
        for share in (0.15, 0.3, 0.55, 0.8):
            count = max(MIN_LANDMARKS, round(share * len(mean)))
            known = np.zeros(len(mean), bool)
            known[rng.permutation(len(mean))[:count]] = True
            points = mean[known] - mean[known].mean(0)
            if not known.all() and np.linalg.svd(points)[1][2] > 0.3 * size_of(mean):
                found.append(known)
    return found


def _model(fold: Fold, smooth: float, placing: Array) -> LandmarkModel:
    return _varied(fold.mean, fold.covariance, smooth, placing, fold.paired)


def _varied(
    mean: Points, covariance: Array, smooth: float, placing: Array, paired: bool
) -> LandmarkModel:
    """Differences as seen, and smooth ones beyond them."""
    return LandmarkModel(mean, covariance + smooth**2 * smooth_differences(mean, paired), placing)


def _errors(model: LandmarkModel, truth: Points, known: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Errors of the coordinates that are not known, and their standard deviations."""
    expected = model.given(np.where(known[:, None], truth, np.nan))
    errors = (expected.to_model(truth) - expected.points)[~known]
    spread = np.sqrt(np.diag(expected.covariance)).reshape(-1, 3)[~known]
    return errors.ravel(), spread.ravel()


def _surprise(model: LandmarkModel, truth: Points, subsets: list[NDArray[np.bool_]]) -> float:
    """Mean negative log likelihood of a coordinate, but for a constant."""
    told = [_errors(model, truth, known) for known in subsets]
    return float(np.mean([np.mean(np.log(s) + (e / s) ** 2 / 2) for e, s in told]))


def _placing(
    folds: list[Fold],
    smooth: float,
    placing: Array,
    partners: NDArray[np.int64],
) -> Array:
    """How differently people place each landmark: what the others leave unexplained."""
    squares, counts = np.zeros(len(placing)), np.zeros(len(placing))
    for fold in folds:
        residuals, precisions = _model(fold, smooth, placing).left_out(fold.truth)
        predicted = np.trace(np.linalg.inv(precisions), axis1=1, axis2=2) - 3 * placing**2
        squares += (residuals**2).sum(1) - np.maximum(predicted, 0.0) / 2
        counts += 3
    squares, counts = squares + squares[partners], counts + counts[partners]
    variance = (squares + _BELIEF * placing**2) / (counts + _BELIEF)
    return np.sqrt(np.clip(variance, LEAST_PLACING**2, MOST_PLACING**2))


def _ratio(
    folds: list[Fold],
    smooth: float,
    placing: Array,
    subsets: list[NDArray[np.bool_]],
) -> float:
    """What makes nine in ten intervals hold on the shapes left out."""
    scaled = []
    for fold in folds:
        model = _model(fold, smooth, placing)
        told = [_errors(model, fold.truth, known) for known in subsets]
        scaled += [np.abs(errors / spread) for errors, spread in told]
    return float(np.quantile(np.concatenate(scaled), _WITHIN) / _QUANTILE)


def _misses(shapes: Shapes, left_out: int) -> Array:
    """Squared distance of the warped others to the mesh left out, smoothed, ``(V,)``."""
    warps = Warps(*shapes.meshes(left_out), shapes.people(left_out))
    warped = warps(shapes.landmarks[left_out])
    truth = Surface(Mesh(shapes.surfaces[left_out], shapes.faces))
    squares = truth.distance(warped) ** 2
    near = smoother(shapes.faces, len(squares))
    for _ in range(20):
        squares = near @ squares
    return np.asarray(squares)

"""Experts that are trusted as far as they were right on strokes that they had not seen.

Each expert is trained without one part of the strokes after the other, and asked about it; the
shares of the mixture are those that make these answers most likely (stacked generalisation,
Wolpert, *Neural Networks* 5:241, 1992; convex, as Breiman, *Mach. Learn.* 24:49, 1996, advises).

Of two classes an expert tells the probability of the second, ``(N,)``, and the *truth* is whether
it is there, ``(N,)``; of K it tells all, ``(N, K)``, and the truth is which a voxel may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize
from sklearn.cluster import KMeans

from napari_midl.engine.jobs import Job, Progress, elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from napari_midl.engine.pixels.experts import Expert

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]
    Fit = Callable[[Bools], Mapping[str, Expert]]

FOLDS = 4
# How much is known of the shares beforehand, in the log loss that a voxel costs.
TRUST = 0.05
_SURE = 1e-3
_FEWEST = 20


def folds(places: NDArray[Any], labels: NDArray[Any], depth: float, seed: int) -> NDArray[np.int64]:
    """The part of the strokes that each painted voxel belongs to; parts lie apart.

    Parameters
    ----------
    places : ndarray, shape (N, 3)
        Voxels ``(z, y, x)``.
    labels : ndarray, shape (N,)
        With what they are painted; classes of very few voxels do not count.
    depth : float
        Distance of two slices in distances of two columns.
    seed : int
        Of the clusters' first centres.

    Returns
    -------
    ndarray of int, shape (N,)
        All 0 where too little is painted to leave some out.
    """
    none = np.zeros(len(places), np.int64)
    classes, counts = np.unique(labels, return_counts=True)
    enough = counts >= 2 * _FEWEST
    if enough.sum() < 2:
        return none
    count = min(FOLDS, int(counts[enough].min()) // _FEWEST)
    some = np.random.default_rng(seed).permutation(len(places))[:5_000]
    scaled = places * np.array([depth, 1.0, 1.0])
    clusters = KMeans(2 * count, n_init=1, random_state=seed).fit(scaled[some]).predict(scaled)
    sizes = np.bincount(clusters, minlength=2 * count)
    filled = np.zeros(count)
    fold_of = np.zeros(2 * count, np.int64)
    for cluster in np.argsort(-sizes):
        fold_of[cluster] = np.argmin(filled)
        filled[fold_of[cluster]] += sizes[cluster]
    found: NDArray[np.int64] = fold_of[clusters]
    rest = [labels[found != fold] for fold in range(count)]
    return found if all(np.isin(classes[enough], part).all() for part in rest) else none


def shares(
    answers: Floats, truth: Bools, prior: NDArray[np.float64], trust: float = TRUST
) -> NDArray[np.float64]:
    """Shares of experts, which add up to 1, under which the strokes are most likely.

    Parameters
    ----------
    answers : ndarray of float, shape (N, experts) or (N, K, experts)
        Probability at voxels that the expert had not seen.
    truth : ndarray of bool, shape (N,) or (N, K)
        What is there.
    prior : ndarray of float, shape (experts,)
        Shares where nothing is known.
    trust : float
        What a squared distance from them costs.
    """

    def loss(logits: NDArray[np.float64]) -> float:
        of = _softmax(logits)
        return log_loss(answers @ of, truth) + trust * float(((of - prior) ** 2).sum())

    return _softmax(minimize(loss, np.log(prior), method="L-BFGS-B").x)


def log_loss(probability: NDArray[np.floating], truth: Bools) -> float:
    """Mean of minus the logarithm of the probability of what is there."""
    if truth.ndim > 1:
        return -float(np.log(np.clip((probability * truth).sum(1), _SURE, 1 - _SURE)).mean())
    probability = np.clip(probability, _SURE, 1 - _SURE)
    return -float(np.log(np.where(truth, probability, 1 - probability)).mean())


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max())
    found: NDArray[np.float64] = powers / powers.sum()
    return found


@dataclass(frozen=True)
class Judged:
    """Shares of experts, and what the mixture said of strokes that it had not seen.

    Parameters
    ----------
    shares : dict of str to float
        By the names of the experts.
    probability : ndarray of float, shape (N,) or (N, K)
        Of each painted voxel: neither the experts nor the shares had seen its part of the strokes.
        Empty where too little is painted.
    """

    shares: dict[str, float]
    probability: Floats


def judging(
    fit: Fit,
    features: Floats,
    truth: Bools,
    fold: NDArray[np.int64],
    prior: Mapping[str, float],
) -> Job[Judged]:
    """Ask experts about each part of the strokes, when they have not seen it.

    Parameters
    ----------
    fit : callable
        Trains the experts on some of the voxels ``(N,)``.
    features : ndarray of float32, shape (N, features)
        Standardised.
    truth : ndarray of bool, shape (N,) or (N, K)
        What is there.
    fold : ndarray of int, shape (N,)
        The part that each belongs to, of `folds`.
    prior : mapping of str to float
        Shares where nothing is known, by the names of the experts.
    """
    if not fold.any():
        total = sum(prior.values())
        return Judged({n: s / total for n, s in prior.items()}, np.empty(0, np.float32))
    answers = {name: np.zeros(truth.shape, np.float32) for name in prior}
    parts = int(fold.max()) + 1
    for part in range(parts):
        yield Progress(part, parts, f"asking about strokes not seen, part {part + 1} of {parts}")
        of = fold == part

        def ask(of: Bools = of) -> dict[str, Floats]:
            return {name: expert(features[of]) for name, expert in fit(~of).items()}

        for name, answer in (yield from elsewhere(ask, f"part {part + 1} of {parts}")).items():
            answers[name][of] = answer
    weighing = partial(judge, answers, truth, fold, prior)
    return (yield from elsewhere(weighing, "weighing the learners"))


def judge(
    answers: Mapping[str, Floats],
    truth: Bools,
    fold: NDArray[np.int64],
    prior: Mapping[str, float],
) -> Judged:
    """Find the shares of experts from their answers on parts that each had not seen."""
    names = list(answers)
    before = np.array([prior[name] for name in names])
    before /= before.sum()
    table = np.stack([answers[name] for name in names], -1)
    nested = np.empty(table.shape[:-1], np.float32)
    for part in range(int(fold.max()) + 1):
        of = fold == part
        nested[of] = table[of] @ shares(table[~of], truth[~of], before)
    found = shares(table, truth, before)
    return Judged(dict(zip(names, map(float, found), strict=True)), nested)

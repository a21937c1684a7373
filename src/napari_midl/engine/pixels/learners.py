"""Learners of classes that err in different ways, from voxels whose class may be left open.

*Trees* follow the strokes alone; those that are *near* see no further than a few voxels, and do
not learn where in the image the strokes were; a small *network* that learns them with noise goes on
where they end. To each of them a class counts as much as another, however little of it is
painted. All are trusted as far as they were right on strokes that they had not seen, and
what they say together is taught to one network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.pixels import experts
from napari_midl.engine.pixels.perceptron import Perceptron

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.pixels.experts import Expert

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

PRIOR = {"trees": 0.4, "near": 0.3, "network": 0.3}


def fit_learners(
    features: Floats, allowed: Bools, shift: Tensor, near: Bools, seed: int, steps: int
) -> tuple[dict[str, Expert], Perceptron]:
    """Train all on standardised features of strokes.

    Parameters
    ----------
    features : ndarray of float32, shape (N, features)
        Of voxels.
    allowed : ndarray of bool, shape (N, K)
        The classes that each may be.
    shift : Tensor, shape (features,)
        How far each feature moves if the image is brighter by a factor of e.
    near : ndarray of bool, shape (features,)
        Which features are of the near surroundings.
    seed, steps : int
        Of what is drawn at random, and steps of the network.

    Returns
    -------
    learners : dict of str to callable
        Each gives probabilities ``(N, K)`` for features.
    network : Perceptron
        One of them.
    """
    order = np.random.default_rng(seed).permutation(len(features))
    features, allowed = features[order], allowed[order]
    network = _trained(features, allowed, shift, seed, steps)

    def by_network(x: Floats) -> Floats:
        with torch.inference_mode():
            found: Floats = torch.softmax(network(torch.from_numpy(x)), 1).numpy()
        return found

    some = slice(experts.MOST_FOR_TREES)
    # Where the class is left open, the trees learn what the network makes of it.
    guessed = np.where(allowed[some].sum(1, keepdims=True) > 1, by_network(features[some]), 1.0)
    classes = (guessed * allowed[some]).argmax(1)
    count = allowed.shape[1]
    trees = _trees(features[some], classes, count, seed)
    few = _trees(features[some][:, near], classes, count, seed)
    return {"trees": trees, "near": lambda x: few(x[:, near]), "network": by_network}, network


def partial_loss(logits: Tensor, allowed: Tensor) -> Tensor:
    """Mean of minus the logarithm of the probability of any class that a voxel may be.

    Parameters
    ----------
    logits, allowed : Tensor, shape (N, K)
        Of each voxel, the latter bool.
    """
    return -torch.log_softmax(logits, 1).masked_fill(~allowed, -torch.inf).logsumexp(1).mean()


def _trained(features: Floats, allowed: Bools, shift: Tensor, seed: int, steps: int) -> Perceptron:
    generator = torch.Generator().manual_seed(seed)
    with WeightsFrom(seed):
        network = Perceptron(features.shape[1], allowed.shape[1])
    x, y = torch.from_numpy(features), torch.from_numpy(allowed)
    _, label, count = np.unique(allowed, axis=0, return_inverse=True, return_counts=True)
    often = torch.from_numpy(1 / count[label.ravel()])

    def batch() -> tuple[Tensor, Tensor]:
        of = torch.multinomial(often, experts.BATCH, replacement=True, generator=generator)
        return experts.noisy(x[of], shift, experts.NOISE, experts.SHIFT, generator), y[of]

    experts.descend(
        network,
        batch,
        generator,
        steps=steps,
        rate=experts.RATE,
        decay=experts.DECAY,
        dropout=experts.DROPOUT,
        loss=partial_loss,
    )
    return network


def _trees(features: Floats, classes: NDArray[np.int64], count: int, seed: int) -> Expert:
    forest = experts.untrained_trees(seed).set_params(class_weight="balanced")
    forest.fit(features, classes)

    def expert(x: Floats) -> Floats:
        found = np.zeros((len(x), count), np.float32)
        found[:, forest.classes_] = forest.predict_proba(x)
        return found

    return expert

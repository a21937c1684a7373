"""What several learners say together, taught to one small network.

It is taught on voxels that nobody painted, too (Hinton et al., *Distilling the Knowledge in a
Neural Network*, 2015), some of them in another light, so that it says the same of other images. A
model stays one file and one fast pass.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.pixels import experts
from napari_midl.engine.pixels.mixture import Judged, judging

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.pixels.experts import Expert
    from napari_midl.engine.pixels.perceptron import Perceptron

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]
    Fit = Callable[[Bools], tuple[Mapping[str, Expert], Perceptron]]

STEPS, RATE = 1250, 3e-3
USUAL = experts.STEPS + STEPS


def mixed(learners: Mapping[str, Expert], shares: Mapping[str, float], features: Floats) -> Floats:
    """Probabilities ``(N,)`` or ``(N, K)`` by all learners together."""
    each = [np.float32(shares[name]) * learner(features) for name, learner in learners.items()]
    found: Floats = np.sum(each, axis=0, dtype=np.float32)
    return found


def distil(
    start: Perceptron, features: Floats, teacher: Floats, seed: int, steps: int
) -> Perceptron:
    """Teach a copy of a network to say what a teacher ``(N,)`` or ``(N, K)`` says of features."""
    generator = torch.Generator().manual_seed(seed)
    student = copy.deepcopy(start).requires_grad_(True)
    x, y = torch.from_numpy(features), torch.from_numpy(teacher)
    loss = cross_entropy if y.ndim > 1 else binary_cross_entropy_with_logits

    def batch() -> tuple[Tensor, Tensor]:
        of = torch.randint(len(y), (experts.BATCH,), generator=generator)
        return x[of], y[of]

    experts.descend(student, batch, generator, steps=steps, rate=RATE, loss=loss)
    return student.requires_grad_(False).eval()


def shares_of(prior: Mapping[str, float], learners: Mapping[str, Expert]) -> dict[str, float]:
    """Shares of those learners that there are, which add up to 1, where nothing is known."""
    total = sum(prior[name] for name in learners)
    return {name: prior[name] / total for name in learners}


def parted(steps: int) -> tuple[int, int]:
    """How many of some steps are for learning, and how many for teaching."""
    learning = max(1, steps * experts.STEPS // USUAL)
    return learning, max(1, steps - learning)


@dataclass(frozen=True)
class Joined:
    """One network of several learners.

    Parameters
    ----------
    student : Perceptron
        What was taught.
    judged : Judged
        How far each was trusted, and what they said of strokes that they had not seen.
    """

    student: Perceptron
    judged: Judged


def joining(
    fit: Fit,
    features: Floats,
    truth: Bools,
    fold: NDArray[np.int64],
    prior: Mapping[str, float],
    unpainted: Floats,
    seed: int,
    steps: int,
) -> Job[Joined]:
    """Weigh learners by what they say of strokes not seen, train them on all, and teach one.

    Parameters
    ----------
    fit : callable
        Trains the learners, and the network that is taught, on some of the voxels ``(N,)``.
    features, truth, fold, prior
        As for `mixture.judging`.
    unpainted : ndarray of float32, shape (M, features)
        Standardised features of voxels that are not painted.
    seed, steps : int
        Of what is drawn while the network is taught, and how often.
    """
    judged = yield from judging(lambda of: fit(of)[0], features, truth, fold, prior)
    all_of_them = np.ones(len(features), bool)
    learners, network = yield from elsewhere(partial(fit, all_of_them), "learning all strokes")
    everything = np.concatenate([features, unpainted])
    teacher = yield from elsewhere(
        partial(mixed, learners, judged.shares, everything), "joining the learners"
    )
    student = yield from elsewhere(
        partial(distil, network, everything, teacher, seed, steps), "putting all into one network"
    )
    return Joined(student, judged)

"""Learners that err in different ways, each of which says how probable something is at a voxel.

*Trees* follow the strokes alone, with what the networks say as one feature of many. The *shipped*
networks know other images, and only their level is fitted to the strokes. A *tuned* network
learns the strokes while it rehearses what it knew (Robins, *Connection Science* 7:123, 1995).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import binary_cross_entropy_with_logits

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.interrupt import go_on
from napari_midl.engine.pixels.perceptron import Perceptron

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]
    Bools = NDArray[np.bool_]

MOST_FOR_TREES = 8_000
TREES, DEPTH, LEAF, SHARE_OF_FEATURES = 40, 14, 5, 0.3
STEPS, BATCH, REHEARSED, RATE = 250, 512, 0.4, 2e-3
NOISE, SHIFT, DECAY, DROPOUT = 0.5, 0.5, 1e-2, 0.2


class Knowing(Protocol):
    """Networks that say something of a voxel by its features."""

    def logits(self, standardised: Tensor, /) -> Tensor:
        """Logits ``(N,)`` for standardised features ``(N, features)``."""


class Expert(Protocol):
    """What has learnt from the strokes."""

    def __call__(self, standardised: Floats, /) -> Floats:
        """Probability of vessel ``(N,)`` for standardised features ``(N, features)``."""


def trees(network: Knowing | None, features: Floats, vessel: Bools, seed: int) -> Expert:
    """Extremely randomised trees on the strokes (Geurts et al., *Mach. Learn.* 63:3, 2006).

    Parameters
    ----------
    network : Knowing or None
        What it says of a voxel is a feature more.
    features, vessel : ndarray, shapes (N, features) and (N,)
        Strokes.
    seed : int
        Of what is drawn at random.
    """

    def seen(x: Floats) -> Floats:
        return x if network is None else np.column_stack([x, _logits(network, x)])

    forest = untrained_trees(seed)
    forest.fit(seen(features[:MOST_FOR_TREES]), vessel[:MOST_FOR_TREES])
    return lambda x: forest.predict_proba(seen(x))[:, 1].astype(np.float32)


def untrained_trees(seed: int) -> ExtraTreesClassifier:
    """As many as a person waits for, each no deeper than strokes bear."""
    return ExtraTreesClassifier(
        TREES,
        min_samples_leaf=LEAF,
        max_features=SHARE_OF_FEATURES,
        max_depth=DEPTH,
        random_state=seed,
    )


def levelled(network: Knowing, features: Floats, vessel: Bools) -> Expert:
    """A network as it is, with its level fitted by two numbers (Platt, 1999)."""
    some = slice(MOST_FOR_TREES)
    level = LogisticRegression().fit(_logits(network, features[some])[:, None], vessel[some])
    return lambda x: level.predict_proba(_logits(network, x)[:, None])[:, 1].astype(np.float32)


def _logits(network: Knowing, features: Floats) -> Floats:
    with torch.inference_mode():
        found: Floats = network.logits(torch.from_numpy(features)).numpy()
    return found


def tuned(
    start: Perceptron | None,
    features: Floats,
    vessel: Bools,
    library: tuple[Tensor, Tensor],
    shift: Tensor,
    seed: int,
    steps: int = STEPS,
) -> tuple[Expert, Perceptron]:
    """A network that learns the strokes, with some of what it knew in every batch.

    Parameters
    ----------
    start : Perceptron or None
        It is left as it is; None for random weights.
    features, vessel : ndarray, shapes (N, features) and (N,)
        Strokes.
    library : tuple of Tensor, shapes (M, features) and (M,)
        Voxels of other images and whether they are vessel; there may be none.
    shift : Tensor, shape (features,)
        How far each feature moves if the image is brighter by a factor of e.
    """
    generator = torch.Generator().manual_seed(seed)
    if start is None:
        with WeightsFrom(seed):
            network = Perceptron(features.shape[1])
    else:
        network = copy.deepcopy(start).requires_grad_(True)
    strokes = torch.from_numpy(features), torch.from_numpy(vessel.astype(np.float32))
    rehearsed = round(BATCH * REHEARSED) if len(library[1]) else 0

    def batch() -> tuple[Tensor, Tensor]:
        of, known = (
            torch.randint(len(part[1]), (count,), generator=generator) if count else None
            for part, count in ((strokes, BATCH - rehearsed), (library, rehearsed))
        )
        x, y = strokes[0][of], strokes[1][of]
        if known is not None:
            x, y = torch.cat((x, library[0][known])), torch.cat((y, library[1][known]))
        return noisy(x, shift, NOISE, SHIFT, generator), y

    descend(network, batch, generator, steps=steps, rate=RATE, decay=DECAY, dropout=DROPOUT)

    def expert(standardised: Floats) -> Floats:
        with torch.inference_mode():
            found: Floats = torch.sigmoid(network(torch.from_numpy(standardised))).numpy()
        return found

    return expert, network


def noisy(
    x: Tensor, shift: Tensor, noise: float, brighter: float, generator: torch.Generator
) -> Tensor:
    """Features with noise, as if each voxel were of an image of another brightness."""
    x = x + noise * torch.randn(x.shape, generator=generator)
    return x + brighter * torch.randn(len(x), 1, generator=generator) * shift


def descend(
    network: Perceptron,
    batch: Callable[[], tuple[Tensor, Tensor]],
    generator: torch.Generator,
    *,
    steps: int,
    rate: float,
    decay: float = 0.0,
    dropout: float = 0.0,
    loss: Callable[[Tensor, Tensor], Tensor] = binary_cross_entropy_with_logits,
) -> None:
    """AdamW down a loss, at a rate that falls to nothing over the second half.

    Raises
    ------
    Interrupted
        Once nobody waits for it.
    """
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=decay, fused=True)
    for step in range(steps):
        go_on()
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, 2 * (1 - step / steps) + 0.02)
        x, y = batch()
        hidden = torch.relu(network.first(x))
        if dropout:
            kept = torch.rand(hidden.shape, generator=generator) >= dropout
            hidden = hidden * kept / (1 - dropout)
        optimiser.zero_grad(set_to_none=True)
        loss(network.logits(hidden), y).backward()
        optimiser.step()

"""How unsure a prediction is, on one scale for all tools: 0 sure, 1 a coin's toss."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import nn


def binary_entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy in bits of a Bernoulli variable with each of the probabilities."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    entropy: NDArray[np.float32] = (-p * np.log2(p) - (1 - p) * np.log2(1 - p)).astype(np.float32)
    return entropy


@contextmanager
def dropout_on(network: nn.Module) -> Iterator[None]:
    """Switch only the dropout layers of a network to training.

    Predictions drawn so are samples of an approximate posterior (Gal and Ghahramani,
    *Dropout as a Bayesian approximation*, ICML 2016).
    """
    from torch import nn

    layers = [m for m in network.modules() if isinstance(m, (nn.Dropout, nn.Dropout3d))]
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.train()
    try:
        yield
    finally:
        for layer, training in zip(layers, before, strict=True):
            layer.train(training)

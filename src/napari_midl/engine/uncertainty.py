"""How unsure a prediction is, and the colours that show it, the same in all tools."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from numpy.typing import NDArray
    from torch import nn

# Red, green and blue from sure to unsure; blue, yellow and red are told apart also by those who do
# not see green.
COLOURS = ((0.15, 0.75, 1.0), (1.0, 0.85, 0.1), (1.0, 0.15, 0.1))
# A logarithm of 0 is none.
_LEAST = 1e-6


def painted(values: NDArray[np.float64], highest: float) -> NDArray[np.uint8]:
    """Red, green, blue and opacity ``(n, 4)`` of values from 0, sure, to `highest`, unsure."""
    share = np.clip(values / highest, 0, 1) * (len(COLOURS) - 1)
    stops = np.arange(len(COLOURS))
    channels = [np.interp(share, stops, channel) for channel in zip(*COLOURS, strict=True)]
    colours: NDArray[np.uint8] = np.rint(
        255 * np.stack([*channels, np.ones(len(values))], axis=1)
    ).astype(np.uint8)
    return colours


def end_of_colours(values: NDArray[np.floating]) -> float:
    """A round value that 99 % of `values` (mm) do not pass: a power of two, and at least 0.5."""
    if not np.isfinite(values).any():
        return 1.0
    return max(0.5, float(2 ** np.ceil(np.log2(max(np.nanpercentile(values, 99), 1e-3)))))


def binary_entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy in bits of a Bernoulli variable, for each probability: 1 is a coin's toss."""
    p = np.clip(probability, _LEAST, 1 - _LEAST)
    entropy: NDArray[np.float32] = (-p * np.log2(p) - (1 - p) * np.log2(1 - p)).astype(np.float32)
    return entropy


def entropy(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Entropy in bits of K classes, `probability` ``(K, ...)``; log2(K) where all are alike.

    The first class has what the others leave, so that of two this is `binary_entropy`.
    """
    others = np.clip(probability[1:], _LEAST, 1 - _LEAST)
    first = np.maximum(1 - others.sum(axis=0), _LEAST)
    bits: NDArray[np.float32] = -first * np.log2(first) - (others * np.log2(others)).sum(axis=0)
    return bits.astype(np.float32)


@contextmanager
def dropout_on(network: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """Let the channel dropout of a network in evaluation mode draw from a generator.

    Predictions drawn so are samples of an approximate posterior (Gal and Ghahramani,
    *Dropout as a Bayesian approximation*, ICML 2016). Whole channels are dropped, so that a
    draw does not depend on the size of a block: a generator with the same seed gives all tiles
    of a volume the same network.

    Parameters
    ----------
    network : torch.nn.Module
        Nobody else may compute with it meanwhile; its layers are those of `engine.dropout`.
    generator : torch.Generator
        On the CPU, so that every device gets the same draws.
    """
    from napari_midl.engine.dropout import drawing_from, dropouts

    layers = dropouts(network)
    before = [layer.training for layer in layers]
    for layer in layers:
        layer.train()
    try:
        with drawing_from(network, generator):
            yield
    finally:
        for layer, training in zip(layers, before, strict=True):
            layer.train(training)

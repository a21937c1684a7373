"""Dropout that draws from a generator it is told, and never from the one of the whole process.

The masks are those of torch's own layers for the same seed, and a layer has no parameters: a
model keeps its weights' names whichever of the two it was made with.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Dropout(nn.Dropout):
    """Leaves out single values, within `drawing_from`."""

    generator: torch.Generator | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps with some values zero and the others scaled up to make good for them."""
        return _dropped(maps, maps.shape, self)


class Dropout3d(nn.Dropout3d):
    """Leaves out whole channels of ``(N, C, Z, Y, X)``, within `drawing_from`."""

    generator: torch.Generator | None = None

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps with some channels zero and the others scaled up to make good."""
        return _dropped(maps, (*maps.shape[:2], 1, 1, 1), self)


def dropouts(network: nn.Module) -> list[Dropout | Dropout3d]:
    """All dropout layers of a network."""
    return [layer for layer in network.modules() if isinstance(layer, Dropout | Dropout3d)]


@contextmanager
def drawing_from(network: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """Let the dropout layers of a network draw from a generator, on any device."""
    layers = dropouts(network)
    for layer in layers:
        layer.generator = generator
    try:
        yield
    finally:
        for layer in layers:
            layer.generator = None


def _dropped(maps: Tensor, shape: Sequence[int], layer: Dropout | Dropout3d) -> Tensor:
    generator = layer.generator
    if not (layer.training and layer.p):
        return maps
    if generator is None:
        raise RuntimeError("dropout was asked for a mask outside of drawing_from")
    kept = 1 - layer.p
    mask = torch.empty(shape, dtype=maps.dtype, device=generator.device)
    return maps * mask.bernoulli_(kept, generator=generator).div_(kept).to(maps.device)

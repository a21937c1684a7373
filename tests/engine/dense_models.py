"""A small dense model, quick enough to be predicted many times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from napari_midl.engine.dense import DenseModel, OutputFormat
from napari_midl.engine.dropout import Dropout3d
from napari_midl.engine.tiles import Tiling
from napari_midl.engine.uncertainty import dropout_on
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.volume import Volume

SHAPE = (4, 16, 24)
IMAGE = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)


def network(norm: bool = False) -> nn.Module:
    """Two convolutions with dropout between them, from a seed of its own."""
    generator = torch.Generator().manual_seed(1)
    layers = [nn.Conv3d(1, 4, 3, padding=1), Dropout3d(0.4), nn.Conv3d(4, 1, 3, padding=1)]
    net = nn.Sequential(*layers[:1], *[nn.GroupNorm(2, 4)] * norm, *layers[1:])
    for values in net.parameters():
        values.data = torch.randn(values.shape, generator=generator)
    return net.eval()


@dataclass
class Toy(DenseModel):
    """One channel of float32 and a mask of what is positive."""

    volume: Volume
    net: nn.Module
    seed: int | None = None
    tile: tuple[int, int, int] = (4, 8, 8)
    largest: int | None = None  # voxels of a block from which on the memory runs out
    source: Any = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.channels = [self.volume]
        self.tiling = Tiling(self.volume.shape, self.tile, (2, 2, 2))

    def identity(self) -> dict[str, Any]:
        return {"input": self.volume.identity()["fingerprint"], "settings": {"seed": self.seed}}

    def network(self) -> nn.Module:
        return self.net

    def tensor(self, scaled):
        return torch.from_numpy(scaled[None])

    def forward(self, network, tensor):
        if self.largest is not None and tensor.numel() > self.largest:
            raise MemoryError
        if self.seed is None:
            return network(tensor).numpy()[0]
        with dropout_on(network, torch.Generator().manual_seed(self.seed)):
            return network(tensor).numpy()[0]

    @property
    def output_format(self) -> OutputFormat:
        return OutputFormat(
            "toy", "float32", (1, 4, 8, 8), labels={"positive": {1: Meaning("yes")}}
        )

    def stored(self, block, region):
        return block, (block > 0).astype(np.uint8)


def toy(**options: Any) -> Toy:
    net = options.pop("net", None) or network()
    return Toy(Volume.from_array(IMAGE, name="toy"), net, **options)

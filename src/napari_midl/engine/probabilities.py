"""Networks that tell how probable classes are: asked about a batch, or over a whole image."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from napari_midl.engine.dense import DenseModel
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.tiles import Tiling
from napari_midl.engine.uncertainty import dropout_on
from napari_midl.engine.unet import for_prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.models import Model
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

_CHUNK_DEPTH = 8


def evaluated(network: nn.Module, images: Floats, ask: Callable[[Tensor], Tensor]) -> Floats:
    """What a network says of a batch, each block in one piece.

    Parameters
    ----------
    network : torch.nn.Module
        On any device; its mode is left as it was.
    images : ndarray of float32, shape (N, C, Z, Y, X)
        Intensities in [0, 1].
    ask : callable
        Asks it about the batch on its device.
    """
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        batch = torch.from_numpy(np.ascontiguousarray(images))
        with torch.inference_mode():
            asked = ask(batch.to(next(network.parameters()).device))
            found: Floats = asked.float().cpu().numpy()
        return found
    finally:
        for module in training:
            module.training = True


class ProbabilityModel(DenseModel):
    """A network and an image: probabilities of classes, and what dropout says of the doubt.

    Parameters
    ----------
    channels : sequence of Volume
        The image's channels, each with axes ``Z Y X``.
    model : Model
        Of which the network is, for this image.
    network : torch.nn.Module
        With a halo and a stride; it is left as it is.
    settings : Settings
        Tile, seed, device.

    Attributes
    ----------
    in_parts : tuple of type
        Networks that see single voxels in their surroundings, and compute a part of a block.
    """

    in_parts: ClassVar[tuple[type, ...]] = (PixelNetwork,)

    def __init__(
        self, channels: Sequence[Volume], model: Model, network: Any, settings: Any
    ) -> None:
        self.channels, self.device = list(channels), settings.device
        self._model, self._network, self._settings = model, network, settings
        (z, y, x), (depth, height, width) = channels[0].shape, settings.tile
        if isinstance(network, self.in_parts):  # its margin is wide
            depth, height, width = max(depth // 2, 1), 2 * height, 2 * width
        self.tiling = Tiling((z, y, x), (depth, height, width), network.halo, network.stride)

    @property
    def samples(self) -> int:
        """Predictions with dropout of which the doubt is taken; 1 for the network itself."""
        return 1

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Floats:
        """Probabilities ``(K, z, y, x)`` of logits ``(1, outputs, z, y, x)``."""

    @abstractmethod
    def told(self, mean: Floats, unsure: Floats) -> Floats:
        """What is written of probabilities, and of those of which the doubt is taken."""

    def identity(self) -> dict[str, Any]:
        """What the output depends on."""
        settings = {k: v for k, v in self._settings.to_dict().items() if k != "device"}
        return {**self._inputs, "settings": settings}

    @cached_property
    def _inputs(self) -> dict[str, str]:
        prints = (channel.identity()["fingerprint"] for channel in self.channels)
        return {"input": " ".join(prints), "model": self._model.sha256}

    def network(self) -> nn.Module:
        """A copy, made ready for prediction."""
        network: Any = self._network
        ready = isinstance(network, self.in_parts)
        made: nn.Module = network.ready() if ready else for_prediction(network)
        return made

    def tensor(self, scaled: Floats) -> Tensor:
        """The channels' intensities ``(1, C, z, y, x)``."""
        return torch.from_numpy(scaled[None]).contiguous(memory_format=torch.channels_last_3d)

    def forward(self, network: nn.Module, tensor: Tensor) -> Floats:
        """What is told of a block."""
        z, y, x = (slice(0, n) for n in tensor.shape[2:])
        return self.forward_part(network, tensor, (z, y, x))

    def forward_part(self, network: nn.Module, tensor: Tensor, part: Box) -> Floats:
        """The same in a part of the block."""
        if isinstance(network, self.in_parts):
            mean = self.probabilities(network(tensor, part))
            return self.told(mean, mean)
        mean = self.probabilities(network(tensor))
        unsure = mean if self.samples == 1 else self._with_dropout(network, tensor)
        return self.told(mean, unsure)[(slice(None), *part)]

    def _with_dropout(self, network: nn.Module, tensor: Tensor) -> Floats:
        drawn = []
        for sample in range(self.samples):
            # Each sample is one network for the whole volume: tiles and halves do not show.
            seed = self._settings.seed * 1_000_003 + sample
            with dropout_on(network, torch.Generator().manual_seed(seed)):
                drawn.append(self.probabilities(network(tensor)))
        total: Floats = np.sum(drawn, axis=0, dtype=np.float32)
        return total / np.float32(self.samples)

    @property
    def chunks(self) -> tuple[int, int, int, int]:
        """The planes of a tile in few chunks, so that one can be looked at without all."""
        depth, height, width = self.tiling.core_size
        return 1, math.gcd(depth, _CHUNK_DEPTH), height, width


def in_half_precision(block: Floats) -> Floats:
    """The same, rounded: far below a network's own error, and it compresses twice as well."""
    return block.astype(np.float16).astype(np.float32)

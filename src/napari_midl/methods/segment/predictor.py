"""What is this tool's own of a prediction: how a network is asked and what is stored."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.dense import DenseModel, OutputFormat
from napari_midl.engine.pixels.depth import distance_of_slices
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.streaming import ReadyModel
from napari_midl.engine.tiles import Tiling
from napari_midl.engine.uncertainty import dropout_on, entropy
from napari_midl.engine.unet import for_prediction
from napari_midl.methods.segment.models import check_fits, classes_of
from napari_midl.methods.segment.network import kind_of
from napari_midl.methods.segment.settings import PredictSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.models import Model
    from napari_midl.engine.tiles import Region
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

LABELS = "classes"
DOUBT = "doubt"
_CHUNK_DEPTH = 8


def probability(
    network: nn.Module, classes: int, images: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Probabilities of the classes, each block in one piece.

    Parameters
    ----------
    network : torch.nn.Module
        On any device; its mode is left as it was.
    classes : int
        How many there are; what a second decoder says is left out.
    images : ndarray of float32, shape (N, C, Z, Y, X)
        Intensities in [0, 1].

    Returns
    -------
    ndarray of float32, shape (N, K, Z, Y, X)
    """
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        device = next(network.parameters()).device
        with torch.inference_mode():
            logits = network(torch.from_numpy(np.ascontiguousarray(images)).to(device))
            found: NDArray[np.float32] = logits[:, :classes].softmax(1).float().cpu().numpy()
        return found
    finally:
        for module in training:
            module.training = True


def _probabilities(logits: Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = logits.softmax(0).float().cpu().numpy()
    return found


class SegmentModel(DenseModel):
    """A network and the image to segment.

    Parameters
    ----------
    channels : sequence of Volume
        The image's channels, each with axes ``Z Y X``.
    model : Model
        A model of as many channels.
    settings : PredictSettings
        Tile, doubt, device.
    called : str
        The name by which a person knows the model.

    Raises
    ------
    InputError
        If the model looks at more or fewer channels, or through slices where there is one.
    """

    def __init__(
        self, channels: Sequence[Volume], model: Model, settings: PredictSettings, called: str
    ) -> None:
        check_fits(model, called, len(channels))
        if kind_of(model.card["architecture"])[1] == "3d":
            channels[0].check_stack()
        z, y, x = channels[0].shape
        network: Any = model.network
        self.channels, self.device = list(channels), settings.device
        tile = settings.tile
        if isinstance(network, PixelNetwork):
            network = network.at_depth(distance_of_slices(self.channels[0]))
            tile = (max(tile[0] // 2, 1), 2 * tile[1], 2 * tile[2])  # its margin is wide
        self.tiling = Tiling((z, y, x), tile, network.halo, network.stride)
        self._network = network
        self._model, self._settings, self._called = model, settings, called
        self._classes = classes_of(model)

    def network(self) -> nn.Module:
        """A copy, made ready for prediction."""
        if isinstance(self._network, PixelNetwork):
            return copy.deepcopy(self._network)
        made: nn.Module = for_prediction(self._network)
        return made

    def identity(self) -> dict[str, Any]:
        """What the output depends on."""
        settings = {k: v for k, v in self._settings.to_dict().items() if k != "device"}
        prints = [channel.identity()["fingerprint"] for channel in self.channels]
        return {"input": " ".join(prints), "model": self._model.sha256, "settings": settings}

    def tensor(self, scaled: NDArray[np.float32]) -> Tensor:
        """The channels' intensities ``(1, C, z, y, x)``."""
        return torch.from_numpy(scaled[None]).contiguous(memory_format=torch.channels_last_3d)

    def forward(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        """Probabilities of all classes but the first, then the doubt from 0 (sure) to 1."""
        z, y, x = (slice(0, n) for n in tensor.shape[2:])
        return self.forward_part(network, tensor, (z, y, x))

    def forward_part(self, network: nn.Module, tensor: Tensor, part: Region) -> NDArray[np.float32]:
        """The same in a part of the block."""
        if isinstance(network, PixelNetwork):
            mean = _probabilities(network(tensor, part)[0])
            return np.concatenate([mean[1:], self._doubt(mean)])
        return self._sampled(network, tensor)[(slice(None), *part)]

    def _sampled(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        mean = self._ask(network, tensor)
        unsure = mean if self._settings.samples == 1 else np.zeros_like(mean)
        for sample in range(self._settings.samples if self._settings.samples > 1 else 0):
            # Each sample is one network for the whole volume: tiles and halves do not show.
            seed = self._settings.seed * 1_000_003 + sample
            with dropout_on(network, torch.Generator().manual_seed(seed)):
                unsure += self._ask(network, tensor) / np.float32(self._settings.samples)
        return np.concatenate([mean[1:], self._doubt(unsure)])

    def _doubt(self, unsure: NDArray[np.float32]) -> NDArray[np.float32]:
        doubt: NDArray[np.float32] = entropy(unsure)[None] / np.float32(math.log2(len(unsure)))
        return doubt

    def _ask(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        return _probabilities(network(tensor)[0, : len(self._classes)])

    @property
    def output_format(self) -> OutputFormat:
        """An image of probabilities and doubt, and labels: 0 the first class, 1 the next."""
        depth, height, width = self.tiling.core_size
        structures = self._classes.labels[1 : len(self._classes)]
        colours = {
            value: (*bytes.fromhex(label.colour[1:]), 255)
            for value, label in enumerate(structures, 1)
        }
        return OutputFormat(
            name=f"{self.channels[0].name} segmented",
            dtype="float32",
            chunks=(1, math.gcd(depth, _CHUNK_DEPTH), height, width),
            channels=(*self._classes.names[1:], DOUBT),
            labels={LABELS: colours},
            about={
                "model": {"name": self._called, "sha256": self._model.sha256},
                "classes": self._classes.to_dict(),
            },
        )

    def stored(self, block: NDArray[np.float32], region: Region) -> Sequence[NDArray[Any]]:
        """Probabilities and doubt, and the most probable class."""
        # Half precision is far below the network's own error and compresses twice as well.
        rounded = block.astype(np.float16).astype(np.float32)
        each = rounded[:-1]
        first = 1 - each.sum(axis=0, keepdims=True)
        called = np.argmax(np.concatenate([first, each]), axis=0)[None]
        return rounded, called.astype(np.uint8)


def classes_in(
    channels: Sequence[Volume], model: Model, region: Region, called: str
) -> tuple[NDArray[np.uint8], Classes]:
    """The most probable class ``(z, y, x)`` in a region, 0 the first, and what the classes are."""
    dense = SegmentModel(channels, model, PredictSettings(), called)
    found = ReadyModel(dense).look(region)
    return dense.stored(found, region)[1][0], classes_of(model)

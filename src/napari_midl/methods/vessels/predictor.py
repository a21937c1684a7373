"""What is vessels' own of a prediction: how the network is asked and what is stored."""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.dense import DenseModel, OutputFormat
from napari_midl.engine.pixels.depth import depth_seen, known_depth
from napari_midl.engine.tiles import Index, Region, Tiling
from napari_midl.engine.uncertainty import binary_entropy, dropout_on
from napari_midl.methods.vessels.joint_network import JointNet
from napari_midl.methods.vessels.labels import VESSEL_COLOUR
from napari_midl.methods.vessels.network import VesselNet, for_prediction
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.provenance import facts
from napari_midl.volumes.scaling import FlatImage, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.dense import Scale
    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.settings import PredictSettings
    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

LABELS = "vessels"
CHANNELS = ("vessel probability", "uncertainty")
_CHUNK_DEPTH = 8


class VesselModel(DenseModel):
    """A vessel network and the volume to find vessels in.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    settings : PredictSettings
        Threshold, tile, uncertainty, device.
    scaling : Scaling, optional
        The volume's, where it is known already.
    called : str
        The name by which a person knows the model.

    Raises
    ------
    InputError
        If the volume has one slice.
    """

    def __init__(
        self,
        volume: Volume,
        model: Model,
        settings: PredictSettings,
        scaling: Scaling | None = None,
        called: str = "",
    ) -> None:
        shape = volume_shape(volume)
        volume.check_stack()
        self._scaling = scaling
        network = model.network
        if isinstance(network, PixelNet | JointNet):
            network = network.at_depth(known_depth(volume) or self._depth_seen(volume))
        assert isinstance(network, VesselNet | PixelNet | JointNet)
        self.channels, self.device = [volume], settings.device
        self.tiling = Tiling(shape, tile_of(network, settings.tile), network.halo, network.stride)
        self._network = network
        self._model, self._settings = model, settings
        self._uncertain = settings.uncertainty
        self._called = called or str(model.card.get("name", ""))

    def _depth_seen(self, volume: Volume) -> float | None:
        """How far the slices lie apart by what the image looks like; None where it looks empty."""
        try:
            self._scaling = self._scaling or robust_scaling(volume)
        except FlatImage:
            return None  # told once it is known that no box of it was asked for
        return depth_seen(volume, self._scaling)

    def scalings(self) -> Sequence[Scale]:
        """How the volume's intensities become [0, 1]."""
        return [self._scaling] if self._scaling is not None else super().scalings()

    def network(self) -> nn.Module:
        """A copy, made ready for prediction."""
        if isinstance(self._network, VesselNet):
            return for_prediction(self._network)
        if isinstance(self._network, JointNet):
            return self._network.ready()
        return copy.deepcopy(self._network)

    def identity(self) -> dict[str, Any]:
        """What the output depends on."""
        settings = {k: v for k, v in self._settings.to_dict().items() if k != "device"}
        return {**self._inputs, "settings": settings}

    @cached_property
    def _inputs(self) -> dict[str, str]:
        fingerprint = self.channels[0].identity()["fingerprint"]
        return {"input": fingerprint, "model": self._model.sha256}

    def tensor(self, scaled: NDArray[np.float32]) -> Tensor:
        """The volume's intensities ``(1, 1, z, y, x)``."""
        return torch.from_numpy(scaled[None]).contiguous(memory_format=torch.channels_last_3d)

    def forward(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        """Probability of vessel, and the entropy of the mean of samples with dropout."""
        z, y, x = (slice(0, n) for n in tensor.shape[2:])
        return self.forward_part(network, tensor, (z, y, x))

    def forward_part(self, network: nn.Module, tensor: Tensor, part: Region) -> NDArray[np.float32]:
        """The same in a part of the block."""
        if not isinstance(network, VesselNet):
            mean = probability_of(network(tensor, part))
            return np.concatenate([mean, binary_entropy(mean)]) if self._uncertain else mean
        return self._sampled(network, tensor)[(slice(None), *part)]

    def _sampled(self, network: nn.Module, tensor: Tensor) -> NDArray[np.float32]:
        mean = probability_of(network(tensor))
        settings = self._settings
        if not self._uncertain:
            return mean
        total = np.zeros_like(mean)
        for sample in range(settings.samples):
            # Each sample is one network for the whole volume: tiles and halves do not show.
            generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + sample)
            with dropout_on(network, generator):
                total += probability_of(network(tensor))
        return np.concatenate([mean, binary_entropy(total / np.float32(settings.samples))])

    @property
    def output_format(self) -> OutputFormat:
        """An image of probabilities, and labels."""
        depth, height, width = self.tiling.core_size
        return OutputFormat(
            name=f"{self.channels[0].name} vessels",
            dtype="float32",
            # The planes of a tile in few chunks, so that one can be looked at without all.
            chunks=(1, math.gcd(depth, _CHUNK_DEPTH), height, width),
            channels=CHANNELS[: 1 + self._settings.uncertainty],
            labels={LABELS: VESSEL_COLOUR},
            about=facts(self._called, self._model.sha256, self._settings.threshold),
        )

    def stored(self, block: NDArray[np.float32], region: Region) -> Sequence[NDArray[Any]]:
        """Probabilities, and labels where they reach the threshold."""
        # Half precision is far below the network's own error and compresses twice as well.
        rounded = block.astype(np.float16).astype(np.float32)
        return rounded, (rounded[:1] >= self._settings.threshold).astype(np.uint8)


def tile_of(network: nn.Module, tile: Index) -> Index:
    """The tile that a network takes; the wide margin of a pixel network wants a wide one."""
    z, y, x = tile
    return tile if isinstance(network, VesselNet) else (max(z // 2, 1), 2 * y, 2 * x)


def probability_of(logits: Tensor) -> NDArray[np.float32]:
    """Probability ``(1, z, y, x)`` for logits ``(1, 1, z, y, x)``."""
    result: NDArray[np.float32] = torch.sigmoid(logits).float().cpu().numpy()[0]
    return result


def volume_shape(volume: Volume) -> Index:
    """Voxels ``(z, y, x)``."""
    z, y, x = volume.shape
    return (z, y, x)

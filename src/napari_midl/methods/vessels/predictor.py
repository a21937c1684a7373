"""One tile of a prediction, from the image to the output, wherever it is computed."""

from __future__ import annotations

import math
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.devices import out_of_memory_as_exception, pick_device
from napari_midl.engine.frozen_norm import freeze_group_norm
from napari_midl.engine.interrupt import interruptible
from napari_midl.engine.prediction import begin
from napari_midl.engine.tiles import Index, Tiling
from napari_midl.engine.uncertainty import binary_entropy, dropout_on
from napari_midl.errors import InputError
from napari_midl.methods.vessels.labels import VESSEL_COLOUR
from napari_midl.methods.vessels.network import VesselNet, for_prediction
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.scaling import Scaling, robust_scaling

if TYPE_CHECKING:
    from pathlib import Path
    from threading import Event

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.models import Model
    from napari_midl.engine.prediction import Journal
    from napari_midl.engine.tiles import Region
    from napari_midl.methods.vessels.settings import PredictSettings
    from napari_midl.volumes.volume import Volume

LABELS = "vessels"
CHANNELS = ("vessel probability", "uncertainty")
_CHUNK_DEPTH = 8
# Sampling switches the network's dropout on.
_COMPUTING = Lock()


class Predictor:
    """A model made ready for one volume.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    model : Model
        A vessel model.
    settings : PredictSettings
        Threshold, tile, uncertainty, device.

    Attributes
    ----------
    tiling : Tiling
        How the volume is cut: with the network's whole halo, so that tiles do not show.

    Raises
    ------
    InputError
        If the volume has one slice or no contrast.
    """

    def __init__(self, volume: Volume, model: Model, settings: PredictSettings) -> None:
        shape = volume_shape(volume)
        if shape[0] < 2:
            raise InputError(
                f"{volume.name} has one slice and the network is 3D; give a stack of two or more."
            )
        device = pick_device(settings.device)
        network = ready(model).to(device)
        self.volume, self.settings, self._sha256 = volume, settings, model.sha256
        self.scaling: Scaling = robust_scaling(volume)
        self.tiling = Tiling(shape, settings.tile, network.halo, network.stride)
        self._network = freeze_group_norm(network, self._samples(device))

    def identity(self) -> dict[str, Any]:
        """What the output depends on."""
        settings = {k: v for k, v in self.settings.to_dict().items() if k != "device"}
        return {
            "input": self.volume.identity()["fingerprint"],
            "model": self._sha256,
            "settings": settings,
        }

    def read(self, region: Region) -> NDArray[Any]:
        """Intensities of a region."""
        # In this thread: a worker of a cluster would hand it to the cluster and wait for a thread.
        return np.asarray(self.volume.data[region].compute(scheduler="synchronous"))

    def compute(self, block: NDArray[Any], index: int, stop: Event) -> NDArray[np.float32]:
        """Channels ``(C, z, y, x)`` of the output for a block, one thread at a time."""
        scaled = self.scaling(block)
        with _COMPUTING, interruptible(self._network, stop), out_of_memory_as_exception():
            mean = forward(self._network, scaled)
            if not self.settings.uncertainty:
                return mean[None]
            return np.stack([mean, self._uncertainty(scaled, index)])

    def begin(self, out: Path, resume: bool) -> tuple[Output, Journal]:
        """Create the output, or open it to go on, with the list of what is done already.

        Raises
        ------
        InputError
            If the output exists and is not to be resumed, is complete, or is another
            prediction's.
        """
        return begin(out, self.identity(), self.create_output, self.open_output, resume)

    def create_output(self, out: Path) -> Output:
        """Make an empty output; a tile is written as whole chunks."""
        channels = CHANNELS[: 1 + self.settings.uncertainty]
        volume = self.volume
        image = OmeZarrImage.create(
            out,
            shape=(len(channels), *self.tiling.shape),
            dtype="float32",
            axes=("C", *volume.axes),
            scale=(1.0, *volume.scale),
            units=(None, *volume.units),
            chunks=(1, *_chunk(self.tiling.core_size)),
            channels=channels,
            name=f"{volume.name} vessels",
        )
        labels = image.create_labels(LABELS, dtype="uint8", colors=VESSEL_COLOUR)
        return Output(image, labels, self.settings.threshold)

    def open_output(self, out: Path) -> Output:
        """Open an output that `create_output` made."""
        labels = OmeZarrImage.open(out / "labels" / LABELS)
        return Output(OmeZarrImage.open(out), labels, self.settings.threshold)

    def _uncertainty(self, image: NDArray[np.float32], index: int) -> NDArray[np.float32]:
        """Entropy of the mean of several predictions with dropout, seeded by the tile."""
        device = next(self._network.parameters()).device
        seed = self.settings.seed * 1_000_003 + index
        with dropout_on(self._network, torch.Generator(device).manual_seed(seed)):
            total = sum(forward(self._network, image) for _ in range(self.settings.samples))
        mean = np.asarray(total, np.float32) / np.float32(self.settings.samples)
        return binary_entropy(np.asarray(mean, np.float32))

    def _samples(self, device: torch.device, count: int = 4) -> list[torch.Tensor]:
        """A few tiles spread over the volume, to measure normalisation statistics on."""
        indices = np.linspace(0, len(self.tiling) - 1, min(count, len(self.tiling))).astype(int)
        blocks = (self.scaling(self.read(self.tiling.padded(int(i))[0])) for i in indices)
        return [torch.from_numpy(block)[None, None].to(device) for block in blocks]


class Output:
    """The probability image and its labels, written together.

    Parameters
    ----------
    image, labels : OmeZarrImage
        The two, over the same grid.
    threshold : float
        Probability from which a voxel is labelled.
    """

    def __init__(self, image: OmeZarrImage, labels: OmeZarrImage, threshold: float) -> None:
        self.image, self.labels, self.threshold = image, labels, threshold

    def write_finest(self, region: Region, block: NDArray[np.float32]) -> None:
        """Write level 0 of a tile; tiles may be written side by side."""
        # Half precision is far below the network's own error and compresses twice as well.
        rounded = block.astype(np.float16).astype(np.float32)
        self.image.write_finest((slice(None), *region), rounded)
        self.labels.write_finest(region, (rounded[0] >= self.threshold).astype(np.uint8))

    def update_pyramid(self, region: Region) -> None:
        """Bring the coarser levels of a tile up to date; one tile at a time."""
        self.image.update_pyramid((slice(None), *region))
        self.labels.update_pyramid(region)

    def write(self, region: Region, block: NDArray[np.float32]) -> None:
        """Write a tile at all levels."""
        self.write_finest(region, block)
        self.update_pyramid(region)


def ready(model: Model) -> VesselNet:
    """The network of a model, folded for prediction."""
    assert isinstance(model.network, VesselNet)
    return for_prediction(model.network)


def forward(network: nn.Module, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probability for scaled intensities ``(..., Z, Y, X)``, in the mode the network is in."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(device)
        blocks = tensor.reshape(-1, 1, *image.shape[-3:])
        logits = network(blocks.contiguous(memory_format=torch.channels_last_3d))
        result: NDArray[np.float32] = torch.sigmoid(logits).float().cpu().numpy()
    return result.reshape(image.shape)


def _chunk(tile: Index) -> Index:
    """The planes of a tile in few chunks, so that one plane can be looked at without all."""
    depth, height, width = tile
    return (math.gcd(depth, _CHUNK_DEPTH), height, width)


def volume_shape(volume: Volume) -> Index:
    """Voxels ``(z, y, x)``."""
    z, y, x = volume.shape
    return (z, y, x)

"""A dense model made ready for its input: on its device, scaled, its normalisation frozen."""

from __future__ import annotations

import copy
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.devices import blocks_at_once, out_of_memory_as_exception, pick_device
from napari_midl.engine.frozen_norm import freeze_group_norm
from napari_midl.engine.interrupt import interruptible
from napari_midl.errors import InputError
from napari_midl.volumes.scaling import FlatImage, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence
    from threading import Event

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.dense import DenseModel, Scale
    from napari_midl.volumes.boxes import Box

_GLIMPSE = 2**14  # voxels of what is shown first: a fraction of a second
_SAMPLES = 4  # tiles to measure normalisation on


class ReadyModel:
    """A model made ready for its input.

    Its networks are its own and each computes one block at a time, so that others that predict or
    learn meanwhile change nothing.

    Parameters
    ----------
    model : DenseModel
        What to make ready.

    Attributes
    ----------
    own_range : list of (float, float)
        Of each channel, where the image looks empty outside the box that is wanted, so that the
        intensities are scaled by those in it.
    at_once : int
        Blocks that are computed side by side.
    glimpse : int
        Voxels of a piece to compute first, for a person to see; 0 where a tile takes no time.

    Raises
    ------
    InputError
        If the input cannot be read or scaled, or the network's weights are no numbers.
    """

    def __init__(self, model: DenseModel) -> None:
        self.model, self.tiling = model, model.tiling
        self._device = pick_device(model.device)
        self.own_range: list[tuple[float, float]] = []
        self._scalings = self._scale()
        network = model.network().eval().to(self._device)
        for values in network.state_dict().values():
            self._check(values)
        samples = np.linspace(0, len(self.tiling) - 1, min(_SAMPLES, len(self.tiling)))
        tiles = (self.tensor(self.read(self.tiling.padded(int(i))[0])) for i in samples)
        try:
            with out_of_memory_as_exception():
                self.network = freeze_group_norm(network, tiles)
        except MemoryError as error:
            raise InputError(
                "the memory is too small to measure the network's normalisation on tiles of this "
                "size; choose smaller tiles, or compute on another device."
            ) from error
        self.at_once = blocks_at_once(self._device)
        self.glimpse = _GLIMPSE if self._device.type == "cpu" else 0
        self._idle: SimpleQueue[nn.Module] = SimpleQueue()
        for each in (self.network, *map(copy.deepcopy, [self.network] * (self.at_once - 1))):
            each.register_forward_hook(lambda _, __, maps: self._check(maps))
            self._idle.put(each)

    def _scale(self) -> Sequence[Scale]:
        """The scalings of the whole; where that looks empty, those of the box that is wanted."""
        model = self.model
        try:
            return model.scalings()
        except FlatImage:
            if model.box is None:
                raise
            found = [robust_scaling(channel.cut(model.box)) for channel in model.channels]
            self.own_range = [(scaling.low, scaling.high) for scaling in found]
            return found

    def read(self, region: Box) -> NDArray[Any]:
        """Intensities ``(C, z, y, x)`` of a region, as they are stored."""
        return np.stack([channel.read(region) for channel in self.model.channels])

    def tensor(self, block: NDArray[Any]) -> Tensor:
        """The network's input for intensities as they are stored."""
        pairs = zip(self._scalings, block, strict=True)
        scaled = np.stack([scaling(channel) for scaling, channel in pairs])
        return self.model.tensor(scaled).to(self._device)

    def compute(
        self, block: NDArray[Any], part: Box, stop: Event | None = None
    ) -> NDArray[np.float32]:
        """Output ``(C, z, y, x)`` in a part of a block of intensities as they are stored.

        Raises
        ------
        InputError
            If the network gives something that is no number.
        Interrupted
            Once `stop` is set, or nobody waits for the call that this thread is for.
        MemoryError
            If the device has too little memory.
        """
        network = self._idle.get()
        try:
            with (
                interruptible(network, stop),
                out_of_memory_as_exception(),
                torch.inference_mode(),
            ):
                return self.model.forward_part(network, self.tensor(block), part)
        finally:
            self._idle.put(network)

    def look(self, region: Box) -> NDArray[np.float32]:
        """What the whole output will be in a region, ``(C, z, y, x)``."""
        outer, inner = self.tiling.expand(region)
        return self.compute(self.read(outer), inner)

    def _check(self, values: Tensor) -> None:
        if values.is_floating_point() and not bool(torch.isfinite(values).all()):
            raise InputError(
                f"the model for {self.model.channels[0].name} is damaged: it holds or gives NaN "
                "or infinity; choose another model, or train it anew."
            )

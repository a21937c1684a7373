"""Small networks that see a voxel by its features in scale space."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor, nn

from napari_midl.engine.pixels.filters import soften
from napari_midl.engine.pixels.perceptron import Perceptron
from napari_midl.engine.pixels.pixel_pass import MOST, PixelPass
from napari_midl.engine.pixels.scale_space import ScaleSpace, feature_names
from napari_midl.engine.tiles import Tiling
from napari_midl.volumes.boxes import Box, corner_of, seen_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Index

_SLAB = 16
_NEAR = 8  # voxels
_NUMBER = re.compile(r"\d+")
_SMOOTHING = 1
_SURE = 1e-6


class PixelNetwork(nn.Module):
    """Perceptrons over the features of each voxel, with the scale space they are taken from.

    Parameters
    ----------
    members : int
        Networks whose logits are averaged.
    outputs : int
        Classes that it tells apart; 1 for whether a voxel is of one.
    channels : int
        Channels of an image.
    flat : bool
        Whether it looks at each slice alone.

    Attributes
    ----------
    mean, deviation : Tensor, shape (features,)
        By which features are standardised.
    depth : Tensor
        Distance of two slices in distances of two columns, where an image does not tell.
    """

    mean: Tensor
    deviation: Tensor
    depth: Tensor

    def __init__(
        self, members: int = 1, outputs: int = 1, channels: int = 1, flat: bool = False
    ) -> None:
        super().__init__()
        self.outputs, self.channels, self.flat = outputs, channels, flat
        features = channels * len(feature_names(flat))
        self.perceptrons = nn.ModuleList(Perceptron(features, outputs) for _ in range(members))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("depth", torch.ones(()))

    @property
    def members(self) -> list[Perceptron]:
        """The networks whose logits are averaged."""
        return list(self.perceptrons)  # type: ignore[arg-type]

    def with_member(self, index: int, member: Perceptron) -> None:
        """Put another network in the place of one."""
        self.perceptrons[index] = member

    @property
    def space(self) -> ScaleSpace:
        """The scale space of images with slices that far apart."""
        return ScaleSpace(float(self.depth), self.flat)

    def at_depth(self, depth: float | None) -> Self:
        """The same weights for an image with slices that far apart; None if it does not tell."""
        if depth is None:
            return self
        found = copy.copy(self)
        found._buffers = {**self._buffers, "depth": torch.tensor(depth)}
        return found

    @property
    def stride(self) -> Index:
        """Voxels ``(z, y, x)`` at whose multiples a block has to start."""
        return self.space.stride

    @property
    def halo(self) -> Index:
        """Voxels ``(z, y, x)`` of context that can change an output voxel."""
        return self.space.halo

    @property
    def shift(self) -> Tensor:
        """How far each standardised feature moves if the image is brighter by a factor of e."""
        of_brightness = [
            name.startswith(("L ", "L3 ")) and _is_level(name) for name in feature_names(self.flat)
        ]
        return torch.tensor(self.channels * of_brightness).to(self.deviation) / self.deviation

    @property
    def near(self) -> NDArray[np.bool_]:
        """Which features are of a voxel's near surroundings, not of where in the image it is."""
        scales = ([int(n) for n in _NUMBER.findall(name)] for name in feature_names(self.flat))
        return np.array(self.channels * [max(each, default=0) <= _NEAR for each in scales])

    def ready(self) -> Self:
        """A copy for prediction."""
        return copy.deepcopy(self)

    def standardised(self, features: Tensor) -> Tensor:
        """Features ``(N, features)`` as the perceptrons want them."""
        return ((features - self.mean) / self.deviation).clamp(-MOST, MOST)

    def standardise_by(self, features: NDArray[np.float32]) -> None:
        """Take mean and spread of features ``(N, features)`` for those of all."""
        self.mean.copy_(torch.from_numpy(features.mean(0)))
        self.deviation.copy_(torch.from_numpy(features.std(0) + 1e-6))

    def as_seen(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same as `standardised`, of an array."""
        found: NDArray[np.float32] = self.standardised(torch.from_numpy(features)).numpy()
        return found

    def logits(self, standardised: Tensor) -> Tensor:
        """Logits of voxels by their standardised features, as a `Perceptron` gives them."""
        return torch.stack([member(standardised) for member in self.members]).mean(0)

    def forward(self, image: Tensor, region: Box | None = None) -> Tensor:
        """Logits of a region of an image.

        Parameters
        ----------
        image : Tensor, shape (N, channels, Z, Y, X)
            Intensities in [0, 1] of blocks that start at a multiple of `stride`.
        region : tuple of slice
            What is wanted of a block; all of it if left out.

        Returns
        -------
        Tensor, shape (N, outputs, z, y, x)
        """
        shape = image.shape[2:]
        z, y, x = region or (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
        wider = _wider(y, shape[1]), _wider(x, shape[2])
        inside = seen_from((y, x), corner_of(wider))
        found = [
            torch.stack([self._soft(part)[:, *inside] for part in self._slices(block, z, *wider)])
            for block in image
        ]
        return torch.stack(found).transpose(1, 2)

    def _soft(self, logits: Tensor) -> Tensor:
        """Logits ``(outputs, y, x)`` of one slice; one output is smoothed a little."""
        # Classes may be one voxel wide, as membranes are.
        return softened(logits[None]) if self.outputs == 1 else logits.movedim(-1, 0)

    def _slices(self, image: Tensor, z: slice, y: slice, x: slice) -> Iterator[Tensor]:
        """Logits ``(y, x)`` or ``(y, x, outputs)`` of one slice after the other."""
        depth, height, width = image.shape[1:]
        tiling = Tiling((depth, height, width), (1, 1, 1), self.halo, self.stride)
        slab = 1 if self.flat else _SLAB
        for start in range(z.start, z.stop, slab):
            stop = min(start + slab, z.stop)
            # What is far above and below the slab is not looked at.
            outer, (near, rows, columns) = tiling.expand((slice(start, stop), y, x))
            levels = [
                level
                for channel in image
                for level in self.space.levels(channel[outer], (near, rows, columns))
            ]
            over = PixelPass(self.members, self.mean, self.deviation, levels)
            for at in range(near.start, near.stop):
                yield over.logits(at, rows, columns)


def _is_level(name: str) -> bool:
    return len(name.split()) == 2


def softened(logits: Tensor) -> Tensor:
    """Logits ``(Z, Y, X)`` of the probability, smoothed a little in the plane."""
    return torch.logit(soften(torch.sigmoid(logits)), _SURE)


def _wider(extent: slice, size: int) -> slice:
    """With the voxels around it that its smoothing looks at."""
    return slice(max(0, extent.start - _SMOOTHING), min(size, extent.stop + _SMOOTHING))

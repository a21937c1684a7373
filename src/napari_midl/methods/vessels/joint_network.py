"""A pixel network and a deep one, whose probabilities are averaged."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_midl.engine.tiles import Tiling
from napari_midl.engine.unet import for_prediction
from napari_midl.methods.vessels.network import VesselNet, build_network
from napari_midl.methods.vessels.pixel_network import PixelNet, build_pixel_network

if TYPE_CHECKING:
    from napari_midl.engine.tiles import Index
    from napari_midl.volumes.boxes import Box

PIXELS = "pixels"
_JOINED = f"{PIXELS}+"
_SURE = 1e-6


class JointNet(nn.Module):
    """The mean of two probabilities, each with its share.

    Parameters
    ----------
    pixels : PixelNet
        Sees a voxel by its features in scale space.
    deep : VesselNet
        The U-Net.
    share : float
        Of the deep network, from 0 to 1.
    """

    share: Tensor

    def __init__(self, pixels: PixelNet, deep: VesselNet, share: float = 0.5) -> None:
        super().__init__()
        self.pixels, self.deep = pixels, deep
        self.register_buffer("share", torch.tensor(share))

    @property
    def stride(self) -> Index:
        """Voxels ``(z, y, x)`` at whose multiples a block has to start."""
        z, y, x = map(math.lcm, self.pixels.stride, self.deep.stride)
        return (z, y, x)

    @property
    def halo(self) -> Index:
        """Voxels ``(z, y, x)`` of context that can change an output voxel."""
        z, y, x = map(max, self.pixels.halo, self.deep.halo)
        return (z, y, x)

    def at_depth(self, depth: float | None) -> JointNet:
        """The same weights for an image with slices that far apart; None if it does not tell."""
        return JointNet(self.pixels.at_depth(depth), self.deep, float(self.share))

    def ready(self) -> JointNet:
        """A copy for prediction."""
        deep = for_prediction(self.deep)
        return JointNet(copy.deepcopy(self.pixels), deep, float(self.share)).eval()

    def forward(self, image: Tensor, region: Box | None = None) -> Tensor:
        """Logits ``(N, 1, z, y, x)`` of a region of blocks ``(N, 1, Z, Y, X)``; see `PixelNet`."""
        depth, height, width = image.shape[2:]
        shape = (depth, height, width)
        region = region or (slice(0, depth), slice(0, height), slice(0, width))
        # The deep network looks less far around itself, and pays for all that it is shown.
        whole = Tiling(shape, shape, self.deep.halo, self.deep.stride)
        outer, inner = whole.expand(region)
        deep = torch.sigmoid(self.deep(image[..., *outer])[..., *inner])
        pixels = torch.sigmoid(self.pixels(image, region))
        return torch.logit(torch.lerp(pixels, deep, self.share), _SURE)


def is_joint(architecture: str) -> bool:
    """Whether an architecture is that of a `JointNet`."""
    return architecture.startswith(_JOINED)


def joint_architecture(deep: str) -> str:
    """The architecture of a `JointNet` with a deep network of a preset."""
    return deep if is_joint(deep) else f"{_JOINED}{deep}"


def build_joint_network(architecture: str) -> JointNet:
    """A fresh network, such as of ``pixels+compact``.

    Raises
    ------
    InputError
        If there is no such preset of a deep network.
    """
    deep = build_network(architecture.removeprefix(_JOINED))
    return JointNet(build_pixel_network(PIXELS), deep)

"""DeepVesselNet: a network of cross-hair filters at full resolution, for thin trees in stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from napari_midl.engine.dropout import Dropout3d

if TYPE_CHECKING:
    from napari_midl.engine.unet import Stride


class CrossHair(nn.Module):
    """A cross-hair filter: three planes through a voxel, one along each pair of axes, summed.

    Tetteh et al., *DeepVesselNet*, 2020: nearly the sight of a full cube for a fraction of the
    work.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        half, planes = size // 2, ((1, size, size), (size, 1, size), (size, size, 1))
        around = ((0, half, half), (half, 0, half), (half, half, 0))
        self.planes = nn.ModuleList(
            nn.Conv3d(inputs, outputs, plane, padding=padding, bias=False)
            for plane, padding in zip(planes, around, strict=True)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Maps of the same extent."""
        first, second, third = (plane(maps) for plane in self.planes)
        summed: Tensor = first + second + third
        return summed


class DeepVesselNet(nn.Module):
    """Four cross-hair layers and a last of single voxels, all at full resolution.

    The paper's features and filter sizes; normalised before the activation, which it is not there.

    Parameters
    ----------
    inputs, outputs : int
        Channels that go in, and classes.
    """

    stride: Stride = (1, 1, 1)

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        features, sizes = (inputs, 5, 10, 20, 50), (3, 5, 5, 3)
        self.layers = nn.ModuleList(
            nn.Sequential(CrossHair(i, o, size), nn.BatchNorm3d(o), nn.LeakyReLU(0.2, inplace=True))
            for i, o, size in zip(features[:-1], features[1:], sizes, strict=True)
        )
        self.dropout = Dropout3d(0.1)
        self.head = nn.Conv3d(features[-1], outputs, 1)
        reach = sum(size // 2 for size in sizes)
        self.halo: Stride = (reach, reach, reach)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(N, outputs, Z, Y, X)`` for intensities ``(N, inputs, Z, Y, X)``."""
        for layer in self.layers:
            image = layer(image)
        logits: Tensor = self.head(self.dropout(image))
        return logits

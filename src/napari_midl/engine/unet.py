"""The U-Net of all tools, for stacks and for slices, with any channels in and out.

Ronneberger et al., *U-Net*, MICCAI 2015; Cicek et al., *3D U-Net*, MICCAI 2016. One that looks at
each slice by itself has kernels that are one slice thick, so that stacks and pictures go through
the same code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.engine.dropout import Dropout3d
from napari_midl.engine.folding import fold_batch_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

Stride = tuple[int, int, int]
N = TypeVar("N", bound=nn.Module)
CUBE = (3, 3, 3)


@dataclass(frozen=True)
class Architecture:
    """What distinguishes one U-Net from another.

    Parameters
    ----------
    channels : tuple of int
        Feature maps of each encoder level, finest first.
    pooling : tuple of (int, int, int)
        ``(z, y, x)`` factor between one level and the next.
    norm : {"group", "batch"}
        ``group`` as in tUbe net (four channels to a group, after the activation).
        ``batch`` normalises before the activation, so that at prediction it is a
        constant that folds into the convolution and tiles cannot show.
    dropout : tuple of float
        Dropout rate after each encoder level.
    attention : bool
        Gate the skip connections with Luong attention (tUbe net, section 2.2).
    kernel : (int, int, int)
        Voxels ``(z, y, x)`` that a convolution sees.
    """

    channels: tuple[int, ...]
    pooling: tuple[Stride, ...]
    norm: Literal["group", "batch"]
    dropout: tuple[float, ...]
    attention: bool = False
    kernel: Stride = CUBE

    def by_slice(self) -> Architecture:
        """The same for each slice by itself."""
        pooling = tuple((1, y, x) for _, y, x in self.pooling)
        kernel = (1, *self.kernel[1:])
        return replace(self, pooling=pooling, kernel=kernel)


class ConvLayer(nn.Sequential):
    """One convolution with leaky ReLU (slope 0.2) and normalisation."""

    def __init__(
        self, inputs: int, outputs: int, norm: Literal["group", "batch"], kernel: Stride = CUBE
    ) -> None:
        z, y, x = (k // 2 for k in kernel)
        conv = nn.Conv3d(inputs, outputs, kernel, padding=(z, y, x), bias=norm == "group")
        if not conv.weight.is_meta:  # for which torch would import its compiler
            nn.init.kaiming_normal_(conv.weight, a=0.2)
        activation = nn.LeakyReLU(0.2, inplace=norm == "batch")
        if norm == "group":
            super().__init__(conv, activation, nn.GroupNorm(outputs // 4, outputs))
        else:
            super().__init__(conv, nn.BatchNorm3d(outputs), activation)


class LuongAttention(nn.Module):
    """Cross-branch attention gate (section 2.2, figure 3a).

    Both branches are transformed by a trainable 3 x 3 x 3 convolution; their
    product per voxel and channel (Luong's multiplicative score) passes a
    1 x 1 x 1 convolution and a sigmoid, and gates the decoding branch.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Conv3d(channels, channels, 3, padding=1)
        self.key = nn.Conv3d(channels, channels, 3, padding=1)
        self.score = nn.Conv3d(channels, channels, 1)

    def forward(self, encoded: Tensor, decoded: Tensor) -> Tensor:
        """Return `decoded`, gated by its agreement with `encoded` (same shapes)."""
        return decoded * torch.sigmoid(self.score(self.query(encoded) * self.key(decoded)))


class DecoderLevel(nn.Module):
    """Transposed convolution, join with the encoder's maps, two convolutions."""

    def __init__(self, inputs: int, outputs: int, stride: Stride, design: Architecture) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose3d(inputs, outputs, stride, stride)
        self.attention = LuongAttention(outputs) if design.attention else None
        joined = outputs if design.attention else 2 * outputs
        self.convolutions = _two_layers(joined, outputs, design)

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Return maps at the resolution of `skip`."""
        decoded = self.upsample(below)
        if self.attention is not None:
            decoded = self.attention(skip, decoded)
        else:
            decoded = torch.cat((skip, decoded), dim=1)
        result: Tensor = self.convolutions(decoded)
        return result


class UNet(nn.Module):
    """A U-Net from any channels to any outputs.

    Parameters
    ----------
    design : Architecture
        Levels, normalisation, dropout, attention.
    inputs, outputs : int
        Channels that go in and come out.
    """

    def __init__(self, design: Architecture, inputs: int = 1, outputs: int = 1) -> None:
        super().__init__()
        self.design = design
        into = (inputs, *design.channels[:-1])
        self.encoder = nn.ModuleList(
            _two_layers(i, o, design) for i, o in zip(into, design.channels, strict=True)
        )
        self.pools = nn.ModuleList(nn.MaxPool3d(factor, factor) for factor in design.pooling)
        self.dropouts = nn.ModuleList(Dropout3d(p) for p in design.dropout)
        self.decoder = make_decoder(design)
        self.head = nn.Conv3d(design.channels[0], outputs, 1)

    @property
    def stride(self) -> Stride:
        """Voxels of input to one of the coarsest level; tiles start at its multiples."""
        return total_stride(self.design.pooling)

    @property
    def halo(self) -> Stride:
        """Voxels ``(z, y, x)`` of context that can change an output voxel, rounded to the stride.

        Two convolutions to a level on the way down and on the way up, each of which
        reaches half a kernel of its level; a level's pooling window adds its size less one.
        """
        reach, size = [0, 0, 0], [1, 1, 1]
        for level, pooling in enumerate((*self.design.pooling, None)):
            convolutions = 2 if pooling is None else 4
            convolutions += int(self.design.attention and level < len(self.design.pooling))
            for axis in range(3):
                reach[axis] += convolutions * size[axis] * (self.design.kernel[axis] // 2)
                if pooling is not None:
                    reach[axis] += size[axis] * (pooling[axis] - 1)
                    size[axis] *= pooling[axis]
        z, y, x = (-(-r // s) * s for r, s in zip(reach, self.stride, strict=True))
        return (z, y, x)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(N, outputs, Z, Y, X)`` for intensities ``(N, inputs, Z, Y, X)`` in [0, 1].

        Any size is taken: the far borders are continued up to a multiple of `stride`.
        """
        maps, skips = self.encode(image)
        logits: Tensor = self.head(decode(self.decoder, maps, skips))
        z, y, x = image.shape[2:]
        return logits[:, :, :z, :y, :x]

    def encode(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The maps of the coarsest level, and those of the finer ones, of the padded image."""
        shape = image.shape[2:]
        padding = [(-n) % s for n, s in zip(shape, self.stride, strict=True)]
        if any(padding):
            image = F.pad(image, [p for n in reversed(padding) for p in (0, n)], mode="replicate")
        skips: list[Tensor] = []
        maps = image
        for level, (convolutions, dropout) in enumerate(
            zip(self.encoder, self.dropouts, strict=True)
        ):
            maps = dropout(convolutions(maps))
            if level < len(self.pools):
                skips.append(maps)
                maps = self.pools[level](maps)
        return maps, skips


def make_decoder(design: Architecture) -> nn.ModuleList:
    """The way up, finest level first."""
    below, levels = design.channels[1:], design.channels[:-1]
    return nn.ModuleList(
        DecoderLevel(i, o, stride, design)
        for i, o, stride in zip(below, levels, design.pooling, strict=True)
    )


def decode(decoder: nn.ModuleList, maps: Tensor, skips: Sequence[Tensor]) -> Tensor:
    """The maps of the finest level for those that `UNet.encode` gives."""
    for level in reversed(range(len(decoder))):
        maps = decoder[level](maps, skips[level])
    return maps


def total_stride(pooling: Sequence[Stride]) -> Stride:
    """Product of the pooling factors along each axis."""
    z = y = x = 1
    for factor in pooling:
        z, y, x = z * factor[0], y * factor[1], x * factor[2]
    return (z, y, x)


def for_prediction(network: N) -> N:
    """A copy in evaluation mode with its batch normalisation folded into the convolutions."""
    folded = fold_batch_norm(network)
    return folded.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def _two_layers(inputs: int, outputs: int, design: Architecture) -> nn.Sequential:
    first = ConvLayer(inputs, outputs, design.norm, design.kernel)
    return nn.Sequential(first, ConvLayer(outputs, outputs, design.norm, design.kernel))

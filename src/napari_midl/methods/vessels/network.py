"""The tUbe net 3D U-Net as the paper draws it, and the compact preset that ships.

Holroyd et al., *tUbe net: a generalisable deep learning tool for 3D vessel
segmentation*, section 2.1 and figure 1 (network), 2.2 and figure 3 (attention).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.engine.dropout import Dropout3d
from napari_midl.engine.folding import fold_batch_norm
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

Stride = tuple[int, int, int]


@dataclass(frozen=True)
class Architecture:
    """What distinguishes one preset from another.

    Parameters
    ----------
    channels : tuple of int
        Feature maps of each encoder level, finest first.
    pooling : tuple of (int, int, int)
        ``(z, y, x)`` factor between one level and the next.
    norm : {"group", "batch"}
        ``group`` as in the paper (four channels to a group, after the activation).
        ``batch`` normalises before the activation, so that at prediction it is a
        constant that folds into the convolution and tiles cannot show.
    dropout : tuple of float
        Dropout rate after each encoder level.
    attention : bool
        Gate the skip connections with Luong attention (section 2.2).
    """

    channels: tuple[int, ...]
    pooling: tuple[Stride, ...]
    norm: Literal["group", "batch"]
    dropout: tuple[float, ...]
    attention: bool = False


_PAPER_CHANNELS = (32, 64, 128, 256, 512, 1024)
ARCHITECTURES: dict[str, Architecture] = {
    "compact": Architecture((16, 32, 64), ((1, 2, 2), (2, 2, 2)), "batch", (0.0, 0.1, 0.3)),
    "tubenet": Architecture(_PAPER_CHANNELS, ((2, 2, 2),) * 5, "group", (0.3,) * 6),
    "tubenet-attention": Architecture(_PAPER_CHANNELS, ((2, 2, 2),) * 5, "group", (0.3,) * 6, True),
}


class ConvLayer(nn.Sequential):
    """One 3 x 3 x 3 convolution with leaky ReLU (slope 0.2) and normalisation."""

    def __init__(self, inputs: int, outputs: int, norm: Literal["group", "batch"]) -> None:
        conv = nn.Conv3d(inputs, outputs, 3, padding=1, bias=norm == "group")
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
        self.convolutions = nn.Sequential(
            ConvLayer(joined, outputs, design.norm), ConvLayer(outputs, outputs, design.norm)
        )

    def forward(self, below: Tensor, skip: Tensor) -> Tensor:
        """Return maps at the resolution of `skip`."""
        decoded = self.upsample(below)
        if self.attention is not None:
            decoded = self.attention(skip, decoded)
        else:
            decoded = torch.cat((skip, decoded), dim=1)
        result: Tensor = self.convolutions(decoded)
        return result


class VesselNet(nn.Module):
    """3D U-Net from one intensity channel to the logit of "inside a vessel".

    The paper ends in a softmax over two classes; one logit with a sigmoid is the
    same function with half the output.

    Parameters
    ----------
    design : Architecture
        Levels, normalisation, dropout, attention.
    """

    def __init__(self, design: Architecture) -> None:
        super().__init__()
        self.design = design
        inputs = (1, *design.channels[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvLayer(i, o, design.norm), ConvLayer(o, o, design.norm))
            for i, o in zip(inputs, design.channels, strict=True)
        )
        self.pools = nn.ModuleList(nn.MaxPool3d(factor, factor) for factor in design.pooling)
        self.dropouts = nn.ModuleList(Dropout3d(p) for p in design.dropout)
        below, levels = design.channels[1:], design.channels[:-1]
        self.decoder = nn.ModuleList(
            DecoderLevel(i, o, stride, design)
            for i, o, stride in zip(below, levels, design.pooling, strict=True)
        )
        self.head = nn.Conv3d(design.channels[0], 1, 1)
        # A small volume of vessels to tissue: start from "background everywhere".
        nn.init.constant_(_bias(self.head), -2.0)

    @property
    def stride(self) -> Stride:
        """Voxels of input to one of the coarsest level; tiles start at its multiples."""
        return total_stride(self.design.pooling)

    @property
    def halo(self) -> Stride:
        """Voxels ``(z, y, x)`` of context that can change an output voxel, rounded to the stride.

        Two convolutions to a level on the way down and on the way up, each of which
        reaches one voxel of its level; a level's pooling window adds its size less one.
        """
        reach, size = [0, 0, 0], [1, 1, 1]
        for level, pooling in enumerate((*self.design.pooling, None)):
            convolutions = 2 if pooling is None else 4
            convolutions += int(self.design.attention and level < len(self.design.pooling))
            for axis in range(3):
                reach[axis] += convolutions * size[axis]
                if pooling is not None:
                    reach[axis] += size[axis] * (pooling[axis] - 1)
                    size[axis] *= pooling[axis]
        z, y, x = (-(-r // s) * s for r, s in zip(reach, self.stride, strict=True))
        return (z, y, x)

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(N, 1, Z, Y, X)`` for intensities ``(N, 1, Z, Y, X)`` in [0, 1].

        Any size is taken: the far borders are continued up to a multiple of `stride`.
        """
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
        for level in reversed(range(len(self.decoder))):
            maps = self.decoder[level](maps, skips[level])
        logits: Tensor = self.head(maps)
        return logits[:, :, : shape[0], : shape[1], : shape[2]]


def for_prediction(network: VesselNet) -> VesselNet:
    """A copy in evaluation mode with its batch normalisation folded into the convolutions."""
    folded = fold_batch_norm(network)
    return folded.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload, no-any-return]


def total_stride(pooling: Sequence[Stride]) -> Stride:
    """Product of the pooling factors along each axis."""
    z = y = x = 1
    for factor in pooling:
        z, y, x = z * factor[0], y * factor[1], x * factor[2]
    return (z, y, x)


def build_network(preset: str) -> VesselNet:
    """A fresh network of a preset.

    Parameters
    ----------
    preset : {"compact", "tubenet", "tubenet-attention"}
        Name of the architecture.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    if preset not in ARCHITECTURES:
        raise InputError(f"{preset!r} is no preset; choose one of {', '.join(ARCHITECTURES)}.")
    return VesselNet(ARCHITECTURES[preset])


def _bias(layer: nn.Conv3d) -> Tensor:
    assert layer.bias is not None
    return layer.bias

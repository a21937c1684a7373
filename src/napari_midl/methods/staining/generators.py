"""Generators that turn two channels into a slide.

``resnet`` is that of Combalia et al., MIDL 2019 (Zhu et al., ICCV 2017, appendix 7.2);
``compact`` does the same on a CPU; ``density`` predicts nothing but the two stain densities.
Each has a `start`, the image that it is given and that its inverse generator gives back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.engine.models import preset_of
from napari_midl.methods.staining.despeckler import convolution, pad_to
from napari_midl.methods.staining.stains import BeerLambert, LinearStain, Stains

if TYPE_CHECKING:
    from collections.abc import Callable

RESNET_WIDTH, RESNET_BLOCKS = 64, 9
COMPACT_WIDTH, COMPACT_LAYERS = 16, 4
DENSITY_WIDTH, DENSITY_CELL = 16, 8
STEPS = 8
BEND = 0.5  # of two steps of a curve, one is at most exp(2 BEND) times as steep
GAIN = 0.3  # a density is at most exp(GAIN) times what its own channel says


class ResnetGenerator(nn.Module):
    """Two stridden convolutions, nine residual blocks, two transposed ones, and ``tanh``.

    Parameters
    ----------
    before, after : int
        Channels in and out, in [0, 1].

    Attributes
    ----------
    halo : int
        Pixels of context that a pixel depends on.
    stride : int
        Tiles have to start at its multiples.
    """

    stride = 4
    halo = 4 * (2 * RESNET_BLOCKS + 3) + 8

    def __init__(self, before: int = 3, after: int = 3) -> None:
        super().__init__()
        w = RESNET_WIDTH
        self.body = nn.Sequential(
            *_unit(nn.Conv2d(before, w, 7, padding=3, padding_mode="reflect")),
            *_unit(nn.Conv2d(w, 2 * w, 3, stride=2, padding=1)),
            *_unit(nn.Conv2d(2 * w, 4 * w, 3, stride=2, padding=1)),
            *(_Residual(4 * w) for _ in range(RESNET_BLOCKS)),
            *_unit(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, padding=1, output_padding=1)),
            *_unit(nn.ConvTranspose2d(2 * w, w, 3, 2, padding=1, output_padding=1)),
            nn.Conv2d(w, after, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Image ``(N, after, Y, X)`` for an image ``(N, before, Y, X)``, both in [0, 1]."""
        height, width = image.shape[-2:]
        out: Tensor = (self.body(pad_to(image, self.stride) * 2 - 1) + 1) / 2
        return out[..., :height, :width]


class CompactGenerator(nn.Module):
    """A few convolutions at half the resolution that correct the image they are given.

    Parameters
    ----------
    before, after : int
        Channels in and out; where they are as many, the correction begins at none.
    """

    halo, stride = 2 * (COMPACT_LAYERS + 2), 2

    def __init__(self, before: int = 3, after: int = 3) -> None:
        super().__init__()
        w = COMPACT_WIDTH
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            *convolution(4 * before, w, norm=False),
            *(layer for _ in range(COMPACT_LAYERS - 1) for layer in convolution(w, w)),
            nn.Conv2d(w, 4 * after, 3, padding=1),
            nn.PixelShuffle(2),
        )
        self.mix = nn.Conv2d(before, after, 1)
        if before == after:
            nn.init.dirac_(self.mix.weight)
            nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Tensor:
        """Image ``(N, after, Y, X)`` in [0, 1] for an image ``(N, before, Y, X)``."""
        height, width = image.shape[-2:]
        padded = pad_to(image, self.stride)
        # The zeros around what a convolution sees would colour the border of the picture.
        beyond = 0 if self.training else self.halo
        padded = F.pad(padded, (beyond,) * 4, mode="replicate")
        out = self.mix(padded) + self.body(padded)
        return _softly_cut(out[..., beyond : beyond + height, beyond : beyond + width])


class DensityGenerator(nn.Module):
    """Densities of hematoxylin and eosin, each from its own channel, and colour by physics.

    A density is a rising curve of its channel from 0 to the slide's full density, times a gain
    between ``exp(-GAIN)`` and ``exp(GAIN)`` that varies only over cells of eight pixels and more.
    Where a channel is dark there is none of its stain, and what is brighter stains stronger: the
    network can even out the light and choose the contrast, but has no means to draw a nucleus
    or to take one away. How strong a stain is in all is the slide's to say.

    Parameters
    ----------
    stains : Stains, optional
        Colours of the stains; they are kept with the model and may be replaced by those of
        another slide.
    """

    stride = DENSITY_CELL
    halo = DENSITY_CELL * 5

    def __init__(self, stains: Stains | None = None) -> None:
        super().__init__()
        w, cell = DENSITY_WIDTH, DENSITY_CELL
        self.colour = BeerLambert(stains or Stains())
        self.bends = nn.Parameter(torch.zeros(2, STEPS))
        self.body = nn.Sequential(
            nn.AvgPool2d(cell),
            *convolution(2, w, norm=False),
            *convolution(w, w),
            *convolution(w, w),
            nn.Conv2d(w, 2, 1),
            nn.Tanh(),
        )

    def densities(self, channels: Tensor) -> Tensor:
        """Densities ``(N, 2, Y, X)``, 1 the full stain, for channels ``(N, 2, Y, X)``."""
        height, width = channels.shape[-2:]
        padded = pad_to(channels, self.stride)
        gain = torch.exp(GAIN * _upsample(self.body(padded), DENSITY_CELL))
        return (self.curve(padded) * gain)[..., :height, :width]

    def curve(self, channels: Tensor) -> Tensor:
        """Rising broken line from 0 to 1 over [0, 1] for each of the two channels."""
        # What each of the equal steps adds, 1 in all; none is a few times as steep as another.
        rises = torch.exp(BEND * torch.tanh(self.bends))
        rises = rises / rises.sum(1, keepdim=True)
        position = channels * STEPS
        steps = [rises[:, k, None, None] * (position - k).clamp(0, 1) for k in range(STEPS)]
        return torch.stack(steps).sum(0)

    def forward(self, channels: Tensor) -> Tensor:
        """Colours ``(N, 3, Y, X)`` in [0, 1] for channels ``(N, 2, Y, X)`` in [0, 1]."""
        colours: Tensor = self.colour(self.densities(channels))
        return colours


class Translator(nn.Module):
    """A generator behind its fixed start, and the inverse generator back to that.

    Parameters
    ----------
    channels : int
        Of what the start gives.
    start : torch.nn.Module
        What makes the channels the generator's input.
    generator, inverse : torch.nn.Module
        There, and back.
    """

    def __init__(
        self, channels: int, start: nn.Module, generator: nn.Module, inverse: nn.Module
    ) -> None:
        super().__init__()
        self.channels = channels
        self.start, self.generator, self.inverse = start, generator, inverse
        self.halo: int = generator.halo  # type: ignore[assignment]
        self.stride: int = generator.stride  # type: ignore[assignment]

    def forward(self, channels: Tensor) -> Tensor:
        """Colours ``(N, 3, Y, X)`` in [0, 1] for channels ``(N, 2, Y, X)`` in [0, 1]."""
        colours: Tensor = self.generator(self.start(channels))
        return colours


GENERATORS: dict[str, Callable[[], Translator]] = {
    "density": lambda: Translator(2, nn.Identity(), DensityGenerator(), CompactGenerator(3, 2)),
    "compact": lambda: Translator(3, LinearStain(), CompactGenerator(), CompactGenerator()),
    "resnet": lambda: Translator(3, LinearStain(), ResnetGenerator(), ResnetGenerator()),
}


def build_translator(preset: str) -> Translator:
    """A fresh generator of a preset with its inverse."""
    return preset_of(GENERATORS, preset)()


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect")
        second = nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect")
        self.body = nn.Sequential(*_unit(first), second, _instance_norm(width))

    def forward(self, maps: Tensor) -> Tensor:
        out: Tensor = maps + self.body(maps)
        return out


def _unit(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [layer, _instance_norm(layer.out_channels), nn.ReLU()]


def _instance_norm(width: int) -> nn.Module:
    """Instance normalisation, spelled so that `freeze_group_norm` can freeze it for tiles."""
    return nn.GroupNorm(width, width)


def _softly_cut(image: Tensor) -> Tensor:
    """Cut to [0, 1], with a slight slope beyond so that learning can come back from there."""
    return image.clamp(0, 1) + 0.01 * (image - image.clamp(0, 1))


def _upsample(maps: Tensor, factor: int) -> Tensor:
    return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=False)

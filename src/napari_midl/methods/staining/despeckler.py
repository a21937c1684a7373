"""Despeckling networks: the paper's, U-Nets of two widths, and the compact one before them.

Combalia et al., *Digitally Stained Confocal Microscopy through Deep Learning*, MIDL 2019,
section 2.1 and figure 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from napari_midl.engine.models import preset_of

PAPER_LAYERS, PAPER_FILTERS = 7, 64
COMPACT_LAYERS, COMPACT_FILTERS = 7, 32


class PaperDespeckler(nn.Module):
    """Seven convolutions of 64 filters, and a multiplicative residual around them.

    The last convolution's ``tanh`` gives the relative correction: the image is multiplied by
    ``1 + tanh``, the estimate of the inverse of the speckle factor, which lies around 1. A
    3 x 3 median filter takes out what is left in single pixels.

    Attributes
    ----------
    halo : int
        Pixels of context that a pixel depends on.
    stride : int
        Tiles have to start at its multiples.
    """

    halo, stride = PAPER_LAYERS + 2, 1

    def __init__(self) -> None:
        super().__init__()
        width = PAPER_FILTERS
        self.body = nn.Sequential(
            *convolution(1, width, norm=False),
            *(layer for _ in range(PAPER_LAYERS - 1) for layer in convolution(width, width)),
            nn.Conv2d(width, 1, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, noisy: Tensor) -> Tensor:
        """Reflectance ``(N, 1, Y, X)`` in [0, 1] without its speckle."""
        clean = noisy * (1 + self.body(noisy))
        return clean if self.training else median_3x3(clean)


class CompactDespeckler(nn.Module):
    """The same idea at half the resolution, with half the filters.

    Beside the factor it predicts a summand, for the pixels that speckle has blackened: no
    factor brings those back.
    """

    halo, stride = 2 * (COMPACT_LAYERS + 2), 2

    def __init__(self) -> None:
        super().__init__()
        width = COMPACT_FILTERS
        self.body = nn.Sequential(
            nn.PixelUnshuffle(2),
            *convolution(4, width, norm=False),
            *(layer for _ in range(COMPACT_LAYERS - 1) for layer in convolution(width, width)),
            nn.Conv2d(width, 8, 3, padding=1),
            nn.PixelShuffle(2),
        )

    def forward(self, noisy: Tensor) -> Tensor:
        """Reflectance ``(N, 1, Y, X)`` in [0, 1] without its speckle."""
        height, width = noisy.shape[-2:]
        padded = pad_to(noisy, self.stride)
        factor, summand = self.body(padded).split(1, 1)
        clean: Tensor = padded * (1 + torch.tanh(factor)) + summand
        clean = clean[..., :height, :width]
        return clean if self.training else clean.clamp(min=0)


class UnetDespeckler(nn.Module):
    """A U-Net at half the resolution and below, without biases (Mohan et al., ICLR 2020).

    Speckle multiplies, so a picture twice as bright has to come out twice as bright. A network of
    convolutions and rectifiers alone does that, and serves speckle of a strength that it has not
    seen. It looks 60 pixels far, which is enough to tell how strong the speckle is and how wide
    its grain.

    Attributes
    ----------
    filters : tuple of int
        At a half, a quarter and an eighth of the resolution.
    """

    halo, stride = 64, 8
    filters = (32, 48, 64)

    def __init__(self) -> None:
        super().__init__()
        half, quarter, eighth = self.filters
        self.first = nn.Sequential(nn.PixelUnshuffle(2), _plain(4, half), nn.ReLU(), _Block(half))
        self.second = nn.Sequential(nn.Conv2d(half, quarter, 2, 2, bias=False), _Block(quarter))
        self.deepest = nn.Sequential(
            nn.Conv2d(quarter, eighth, 2, 2, bias=False),
            _Block(eighth),
            _Block(eighth),
            nn.ConvTranspose2d(eighth, quarter, 2, 2, bias=False),
        )
        self.third = nn.Sequential(
            _Block(quarter), nn.ConvTranspose2d(quarter, half, 2, 2, bias=False)
        )
        self.last = nn.Sequential(_Block(half), _plain(half, 4), nn.PixelShuffle(2))

    def forward(self, noisy: Tensor) -> Tensor:
        """Reflectance ``(N, 1, Y, X)`` on any scale, not negative, without its speckle."""
        height, width = noisy.shape[-2:]
        padded = pad_to(noisy, self.stride)
        first = self.first(padded)
        second = self.second(first)
        clean: Tensor = padded + self.last(first + self.third(second + self.deepest(second)))
        clean = clean[..., :height, :width]
        return clean if self.training else clean.clamp(min=0)


class WideUnetDespeckler(UnetDespeckler):
    """Twice as many filters, which cost four times the multiplications: the network that ships."""

    filters = (64, 96, 128)


class _Block(nn.Module):
    """Two convolutions around which the maps pass."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_plain(width, width), nn.ReLU(), _plain(width, width))

    def forward(self, maps: Tensor) -> Tensor:
        out: Tensor = maps + self.body(maps)
        return out


def _plain(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=False)


DESPECKLERS: dict[str, type[PaperDespeckler | CompactDespeckler | UnetDespeckler]] = {
    "wide": WideUnetDespeckler,
    "unet": UnetDespeckler,
    "paper": PaperDespeckler,
    "compact": CompactDespeckler,
}


def build_despeckler(preset: str) -> nn.Module:
    """A fresh despeckler of a preset, ``wide``, ``unet``, ``paper`` or ``compact``."""
    return preset_of(DESPECKLERS, preset)()


def convolution(before: int, after: int, norm: bool = True) -> list[nn.Module]:
    """A 3 x 3 convolution with PReLU; batch normalisation is a constant at prediction."""
    middle = [nn.BatchNorm2d(after)] if norm else []
    return [nn.Conv2d(before, after, 3, padding=1, bias=not norm), *middle, nn.PReLU()]


def pad_to(image: Tensor, stride: int) -> Tensor:
    """Continue the far borders of ``(N, C, Y, X)`` up to a multiple of `stride`."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % stride, 0, -height % stride), mode="replicate")


def median_3x3(image: Tensor) -> Tensor:
    """Median of 3 x 3 pixels of ``(N, C, Y, X)``; the borders are continued."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    low, middle, high = _sorted3(padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :])
    # Of sorted columns, the median is that of the highest low, the middle one, the lowest high.
    return _sorted3(
        torch.maximum(torch.maximum(low[..., :-2], low[..., 1:-1]), low[..., 2:]),
        _sorted3(middle[..., :-2], middle[..., 1:-1], middle[..., 2:])[1],
        torch.minimum(torch.minimum(high[..., :-2], high[..., 1:-1]), high[..., 2:]),
    )[1]


def _sorted3(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    a, b = torch.minimum(a, b), torch.maximum(a, b)
    b, c = torch.minimum(b, c), torch.maximum(b, c)
    return torch.minimum(a, b), torch.maximum(a, b), c

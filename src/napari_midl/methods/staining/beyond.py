"""What a network cannot be given: pixels that are no numbers, and intensities beyond its scale."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FILLED = 17  # edge in pixels of the neighbourhood that stands in for what was not measured
AVERAGED = 33  # edge of that whose mean is kept
EVEN = 5  # edge of a square of one value, which speckle leaves nowhere
HIGHEST = 2.0  # what despecklers are trained on goes as far up


class WithinScale(nn.Module):
    """A despeckler that keeps the intensities of an image, which goes beyond its scale.

    What is brighter than the scale passes around the network, the more the brighter it is. The
    mean of each neighbourhood stays what it was. A hot pixel is brought to within one scale of
    its neighbours. Where even the speckle is missing, nothing was measured: padding and saturated
    areas stay as they are, and the network sees in their place what is around them.

    Parameters
    ----------
    despeckler : torch.nn.Module
        Maps reflectance ``(N, 1, Y, X)`` to reflectance.
    """

    def __init__(self, despeckler: nn.Module) -> None:
        super().__init__()
        self.despeckler = despeckler
        own = (EVEN - 1) + FILLED // 2 + 1 + AVERAGED // 2
        self.halo = int(despeckler.halo) + own  # type: ignore[arg-type]
        self.stride: int = despeckler.stride  # type: ignore[assignment]

    def forward(self, reflectance: Tensor) -> Tensor:
        """Reflectance ``(N, 1, Y, X)`` on any scale that puts typical tissue around one half."""
        measured = ~_even(reflectance)
        lowest, highest = _neighbours(reflectance)
        tame = reflectance.clamp(lowest - 1, highest + 1)
        noisy = tame.where(measured, _mean(tame, measured, FILLED))
        shown = noisy.clamp(0, HIGHEST)
        clean = self.despeckler(shown)
        clean = clean + _mean(shown - clean, measured, AVERAGED) + noisy.clamp(max=0)
        around = (torch.minimum(noisy, highest) - 1).clamp(0, 1)
        kept: Tensor = (clean + around * (noisy - clean)).where(measured, reflectance)
        return kept


def filled(channels: Tensor) -> Tensor:
    """Channels ``(N, C, Y, X)`` with the mean of what is around it for each NaN or infinity."""
    known = channels.isfinite()
    if bool(known.all()):
        return channels
    return channels.where(known, _mean(channels.where(known, 0), known, FILLED))


def _mean(values: Tensor, known: Tensor, edge: int) -> Tensor:
    """Mean of the known pixels in a square around each; 0 where there are none."""
    total, share = (
        F.avg_pool2d(maps, edge, 1, edge // 2, count_include_pad=False)
        for maps in (values.where(known, 0), known.to(values.dtype))
    )
    return (total / share).where(share > 0, 0)


def _even(image: Tensor) -> Tensor:
    """Which pixels lie in a square of one value."""
    highest = F.max_pool2d(image, EVEN, 1)
    inner = (highest == -F.max_pool2d(-image, EVEN, 1)).to(image.dtype)
    return F.max_pool2d(F.pad(inner, (EVEN - 1,) * 4), EVEN, 1) > 0


def _neighbours(image: Tensor) -> tuple[Tensor, Tensor]:
    """The second lowest and second highest of the eight pixels around each."""
    height, width = image.shape[-2:]
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    around = [
        padded[..., y : y + height, x : x + width]
        for y, x in itertools.product(range(3), repeat=2)
        if (y, x) != (1, 1)
    ]
    ordered = torch.stack(around).sort(0).values
    return ordered[1], ordered[-2]

"""The grids of a pyramid: where their voxels lie, and how one is brought onto a finer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_midl.engine.pixels.filters import doubled_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.tiles import Index
    from napari_midl.volumes.boxes import Box

# Of the intensity: noise below it would rule the logarithm.
FLOOR = 0.03
PLANES = (1, 2, 4, 8, 16, 32)
STRIDE = PLANES[-1]
# Voxels in the plane that can change a feature of each factor, rounded to the stride.
MARGIN = {1: 16, 2: 32, 4: 32, 8: 64, 16: 128, 32: 128}


@dataclass(frozen=True)
class Level:
    """Features that live on one grid.

    Parameters
    ----------
    factor, start : tuple of int
        Voxels ``(z, y, x)`` of the image to one of the grid, and where in the image it starts.
    names : tuple of str
        Of the features.
    maps : Tensor, shape (features, Z, Y, X)
        Their values on the grid.
    """

    factor: Index
    start: Index
    names: tuple[str, ...]
    maps: Tensor

    def between(self, z: int) -> tuple[int, int, float]:
        """The slices of the grid below and above one of the image, and the share of the latter."""
        deep, last = self.factor[0], self.maps.shape[1] - 1
        place = min(max((z - self.start[0] + 0.5) / deep - 0.5, 0), last)
        below = int(place)
        return below, min(below + 1, last), place - below


def onto_finer(
    maps: Tensor, coarse: Index, finer: Index, factor: int, shape: Sequence[int]
) -> Tensor:
    """Maps ``(..., Y, X)`` of a grid on one that is twice as fine and covers less.

    Parameters
    ----------
    maps : Tensor, shape (..., Y, X)
        On the coarser grid.
    coarse, finer : tuple of int
        Voxels ``(z, y, x)`` of the image at which the grids start.
    factor : int
        Voxels in the plane to one of the finer grid.
    shape : sequence of int
        Cells ``(z, y, x)`` of the finer grid.
    """
    top, left = ((f - c) // factor for f, c in zip(finer[1:], coarse[1:], strict=True))
    return doubled_planes(maps)[..., top : top + shape[1], left : left + shape[2]]


def log_of(image: Tensor) -> Tensor:
    """Logarithm of intensities, so that dim and bright vessels stand out alike."""
    return torch.log(image.clamp_min(0) + FLOOR)


def to_multiple(image: Tensor, multiple: Index) -> Tensor:
    """Continue the far borders up to a multiple."""
    ends = [(-n) % m for n, m in zip(image.shape, multiple, strict=True)]
    if not any(ends):
        return image
    pad = [p for n in reversed(ends) for p in (0, n)]
    return torch.nn.functional.pad(image[None, None], pad, mode="replicate")[0, 0]


def around(
    image: Tensor, region: Box, deep: int, factor: int, step: int = 1
) -> tuple[Tensor, Index]:
    """A region with the margin of a factor and `deep` slices, and where in the image that starts.

    Its ends lie at multiples of `step` slices, and in the plane at those of the stride.
    """
    beside = MARGIN[factor]
    margins = ((deep, step), *2 * ((beside, min(beside, STRIDE)),))
    part = []
    for at, (more, multiple), size in zip(region, margins, image.shape, strict=True):
        start = max(0, at.start - more) // multiple * multiple
        part.append(slice(start, min(size, -(-(at.stop + more) // multiple) * multiple)))
    z, y, x = part
    return image[z, y, x], (z.start, y.start, x.start)

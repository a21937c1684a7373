"""The grids of a pyramid: where their voxels lie, and how one is brought onto a finer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_midl.methods.vessels.filters import doubled

if TYPE_CHECKING:
    from napari_midl.engine.tiles import Index, Region

# Of the intensity: noise below it would rule the logarithm.
FLOOR = 0.03
PLANES = (1, 2, 4, 8, 16, 32)
STRIDE = PLANES[-1]
# Voxels in the plane that can change a feature of each factor, rounded to the stride.
MARGIN = {1: 32, 2: 32, 4: 32, 8: 64, 16: 128, 32: 128}


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

    def slice(self, z: int, maps: Tensor) -> Tensor:
        """Maps ``(Z, Y, X, C)`` on this grid at a slice of the image, ``(Y, X, C)``."""
        below, above, share = self.between(z)
        return torch.lerp(maps[below], maps[above], share) if share else maps[below]

    def between(self, z: int) -> tuple[int, int, float]:
        """The slices of the grid below and above one of the image, and the share of the latter."""
        deep, last = self.factor[0], self.maps.shape[1] - 1
        place = min(max((z - self.start[0] + 0.5) / deep - 0.5, 0), last)
        below = int(place)
        return below, min(below + 1, last), place - below


def onto_finer(maps: Tensor, coarse: Level, fine: Level) -> Tensor:
    """Maps ``(Y, X, C)`` of a level on the grid of one that is twice as fine and covers less."""
    top, left = (
        (f - c) // fine.factor[1] for f, c in zip(fine.start[1:], coarse.start[1:], strict=True)
    )
    height, width = fine.maps.shape[-2:]
    return doubled(maps)[top : top + height, left : left + width]


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


def around(image: Tensor, region: Region, margin: Index, stride: Index) -> tuple[Tensor, Index]:
    """A region with a margin, both ends at multiples of a stride, and where that starts."""
    part = []
    for at, more, step, size in zip(region, margin, stride, image.shape, strict=True):
        start = max(0, at.start - more) // step * step
        part.append(slice(start, min(size, -(-(at.stop + more) // step) * step)))
    z, y, x = part
    return image[z, y, x], (z.start, y.start, x.start)

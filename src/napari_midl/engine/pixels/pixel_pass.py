"""The pass of pixel networks over an image, a block of a slice after the other.

The first layer is linear: it is applied to each level of the pyramid on the level's own grid, and
only its sums are brought onto that of the image. All networks take it together.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.engine.pixels.filters import doubled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.engine.pixels.levels import Level
    from napari_midl.engine.pixels.perceptron import Perceptron

# Beyond it a feature is an accident; no voxel that was learnt from had it so.
MOST = 6.0
# On a processor what is at hand stays in the cache; a GPU would wait for each of so small blocks.
_BLOCK, _BLOCK_ON_GPU = 64, 1024
# Cells that the interpolation looks at beyond the border of a level.
_BEYOND = 2


class PixelPass:
    """Networks over the features of some slices.

    Parameters
    ----------
    members : sequence of Perceptron
        Their logits are averaged.
    mean, deviation : Tensor, shape (features,)
        By which features are standardised.
    levels : sequence of Level
        The features.
    """

    def __init__(
        self, members: Sequence[Perceptron], mean: Tensor, deviation: Tensor, levels: list[Level]
    ) -> None:
        self._members = members
        self._longest = _BLOCK if mean.device.type == "cpu" else _BLOCK_ON_GPU
        self._bias = torch.cat([member.first.bias for member in members])
        weight = torch.cat([member.first.weight for member in members]).T
        scale, offset = (1 / deviation)[:, None, None], (-mean / deviation)[:, None, None]
        self._shares: dict[int, list[_Share]] = {}
        at = 0
        for level in levels:
            of = slice(at, at := at + len(level.names))
            share = _Share(level, scale[of], offset[of], weight[of].contiguous())
            self._shares.setdefault(level.factor[1], []).append(share)

    def logits(self, z: int, y: slice, x: slice) -> Tensor:
        """Logits ``(y, x)`` in a slice of the image, or ``(y, x, outputs)`` of several."""
        rows, columns = (_blocks(extent, self._longest) for extent in (y, x))
        return torch.cat([torch.cat([self._block(z, r, c) for c in columns], 1) for r in rows])

    def _block(self, z: int, y: slice, x: slice) -> Tensor:
        hidden = F.relu_(self._sums(1, z, y, x).flatten(0, 1))
        each = hidden.chunk(len(self._members), 1)
        found = [member.logits(own) for member, own in zip(self._members, each, strict=True)]
        mean: Tensor = torch.stack(found).mean(0)
        return mean.reshape(y.stop - y.start, x.stop - x.start, *mean.shape[1:])

    def _sums(self, factor: int, z: int, y: slice, x: slice) -> Tensor:
        """The first layer ``(y, x, hidden)`` of the levels of a factor and all coarser ones."""
        if factor not in self._shares:
            return self._bias.expand(y.stop - y.start, x.stop - x.start, -1)
        total = _doubled(self._sums(2 * factor, z, _coarser(y), _coarser(x)), y, x)
        for share in self._shares[factor]:
            share.add_to(total, z, y, x)
        return total


class _Share:
    """What the features of a level add to a linear layer."""

    def __init__(self, level: Level, scale: Tensor, offset: Tensor, weight: Tensor) -> None:
        self._level, self._scale, self._offset, self._weight = level, scale, offset, weight
        factor = level.factor[1]
        # What is interpolated reaches beyond a border, where the maps go on as their last cell.
        beyond = _BEYOND if factor > 1 else 0
        self._maps = F.pad(level.maps, 4 * [beyond], mode="replicate") if beyond else level.maps
        self._top, self._left = (start // factor - beyond for start in level.start[1:])

    def add_to(self, total: Tensor, z: int, y: slice, x: slice) -> None:
        """Add it to sums ``(y, x, hidden)`` of cells of the level."""
        rows = slice(y.start - self._top, y.stop - self._top)
        columns = slice(x.start - self._left, x.stop - self._left)
        below, above, share = self._level.between(z)
        values = self._standardised(below, rows, columns)
        if share:
            values = values.lerp_(self._standardised(above, rows, columns), share)
        total.flatten(0, 1).addmm_(values.flatten(1).T, self._weight)

    def _standardised(self, z: int, rows: slice, columns: slice) -> Tensor:
        maps = self._maps[:, z, rows, columns]
        return (maps * self._scale).add_(self._offset).clamp_(-MOST, MOST)


def _coarser(extent: slice) -> slice:
    """The cells of a grid half as fine that its interpolation looks at."""
    return slice(extent.start // 2 - 1, -(-extent.stop // 2) + 1)


def _doubled(maps: Tensor, y: slice, x: slice) -> Tensor:
    """Cells ``(y, x, C)`` of a grid twice as fine, interpolated linearly from `_coarser` ones."""
    wide = doubled(maps, 1)[:, x.start % 2 :][:, : x.stop - x.start]
    return doubled(wide, 0)[y.start % 2 :][: y.stop - y.start].contiguous()


def _blocks(extent: slice, longest: int) -> list[slice]:
    """Parts of nearly one size."""
    length = extent.stop - extent.start
    ends = torch.linspace(extent.start, extent.stop, -(-length // longest) + 1).long().tolist()
    return [slice(start, stop) for start, stop in pairwise(ends)]

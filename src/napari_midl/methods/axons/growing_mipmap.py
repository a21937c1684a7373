"""The views' images of a whole image, each tile of them made when it is first looked at."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.methods.axons.views import VIEW, mipmap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

# Least edge of a tile in largest blocks, in a plane and in a stack.
_EDGE = 16, 2
# Every corner of a view of 11 x 11.
_CORNERS = slice(None, None, VIEW - 1)


class GrowingMipmap:
    """A `mipmap` that grows where agents look.

    Parameters
    ----------
    shape : sequence of int
        Voxels of the image.
    chunks : sequence of int
        Voxels that are read in one piece; a tile holds whole ones, or they would be read again.
    blocks : sequence of sequence of int
        Edges of the blocks of each view, see `mipmap`.
    read : callable
        Gives the voxels of a box of the image.

    Attributes
    ----------
    levels : list of Tensor
        As of `mipmap`; 0 where nobody has looked yet.
    extent : tuple of int
        Voxels that each of them spans.
    """

    def __init__(
        self,
        shape: Sequence[int],
        chunks: Sequence[int],
        blocks: Sequence[Sequence[int]],
        read: Callable[[tuple[slice, ...]], Tensor],
    ) -> None:
        self._shape, self._blocks, self._read = shape, blocks, read
        self._largest = [max(edges) for edges in zip(*blocks, strict=True)]
        least = _EDGE[len(shape) - 2]
        self._tile = [
            max(least, math.ceil(chunk / edge)) * edge
            for chunk, edge in zip(chunks, self._largest, strict=True)
        ]
        self._missing = np.ones(
            [math.ceil(n / tile) for n, tile in zip(shape, self._tile, strict=True)], bool
        )
        self._left = self._missing.size
        self.extent = tuple(-(-n // e) * e for n, e in zip(shape, self._largest, strict=True))
        self.levels = [
            torch.zeros(1, 1, *(n // e for n, e in zip(self.extent, edges, strict=True)))
            for edges in blocks
        ]

    def fill(self, voxels: Tensor) -> None:
        """Make the tiles about views with pixels at voxels ``(A, ..., V, 11, 11, d)``."""
        if not self._left:
            return
        # The last view is the widest; at its corners it blends with the next block.
        corners = voxels[..., -1, _CORNERS, _CORNERS, :].flatten(1, -2).numpy()
        first = (corners.min(1) - self._largest) // self._tile
        last = (corners.max(1) + self._largest) // self._tile
        highest = np.array(self._missing.shape)
        first, last = first.clip(0, highest - 1).astype(int), last.clip(-1, highest - 1).astype(int)
        for begin, end in zip(first, last + 1, strict=True):
            part = tuple(map(slice, begin.tolist(), end.tolist()))
            if self._missing[part].any():
                for tile in product(*(range(side.start, side.stop) for side in part)):
                    if self._missing[tile]:
                        self._make(tile)

    def _make(self, tile: tuple[int, ...]) -> None:
        first = [k * edge for k, edge in zip(tile, self._tile, strict=True)]
        last = [min(a + e, n) for a, e, n in zip(first, self._tile, self._shape, strict=True)]
        part = self._read(tuple(map(slice, first, last)))
        made, _ = mipmap(part[None, None], self._blocks)
        for level, new, edges in zip(self.levels, made, self._blocks, strict=True):
            starts = [a // e for a, e in zip(first, edges, strict=True)]
            sides = tuple(slice(s, s + n) for s, n in zip(starts, new.shape[2:], strict=True))
            level[0, 0][sides] = new[0, 0]
        self._missing[tile] = False
        self._left -= 1

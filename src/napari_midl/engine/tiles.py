"""Cutting a volume into tiles that overlap by a halo, nearest to a focus first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Progress
from napari_midl.volumes.boxes import size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.journal import Journal
    from napari_midl.volumes.boxes import Box

Index = tuple[int, int, int]


@dataclass(frozen=True)
class Tiling:
    """A partition of a volume into cores, each read with a halo of context.

    With a halo as wide as the network's receptive field and tiles that start at
    multiples of its stride, a core's result does not depend on the tiling.

    Parameters
    ----------
    shape : tuple of int
        Voxels ``(z, y, x)`` of the volume.
    tile : tuple of int
        Voxels of a core; rounded up to `stride`, cut to `shape`.
    halo : tuple of int
        Voxels read beyond each side of a core, where there are any.
    stride : tuple of int
        Multiples at which cores and halos start.
    """

    shape: Index
    tile: Index
    halo: Index = (0, 0, 0)
    stride: Index = (1, 1, 1)

    @property
    def core_size(self) -> Index:
        """Voxels ``(z, y, x)`` of a core away from the borders."""
        return _index(
            min(_round_up(t, s), _round_up(n, s))
            for t, s, n in zip(self.tile, self.stride, self.shape, strict=True)
        )

    @property
    def grid(self) -> Index:
        """Number of tiles along each axis."""
        return _index(math.ceil(n / c) for n, c in zip(self.shape, self.core_size, strict=True))

    def __len__(self) -> int:
        """Number of tiles."""
        return math.prod(self.grid)

    def core(self, index: int) -> Box:
        """Box that tile `index` is responsible for; the cores partition the volume."""
        place = np.unravel_index(index, self.grid)
        return _box(
            slice(int(p) * c, min((int(p) + 1) * c, n))
            for p, c, n in zip(place, self.core_size, self.shape, strict=True)
        )

    def padded(self, index: int) -> tuple[Box, Box]:
        """Box to read for a tile, and where its core lies inside what was read."""
        return self.expand(self.core(index))

    def expand(self, core: Box) -> tuple[Box, Box]:
        """A region with its halo, and where it lies inside that."""
        outer, inner = [], []
        for c, h, s, n in zip(core, self.halo, self.stride, self.shape, strict=True):
            start = max(0, c.start - _round_up(h, s)) // s * s
            outer.append(slice(start, min(n, c.stop + h)))
            inner.append(slice(c.start - start, c.stop - start))
        return _box(outer), _box(inner)

    def halves(self, part: Box) -> tuple[Box, ...]:
        """A part of a core in two along its longest axis, or as it is where it is the smallest."""
        sizes = [(s.stop - s.start) // t for s, t in zip(part, self.stride, strict=True)]
        axis = int(np.argmax(sizes))
        if sizes[axis] < 2:
            return (part,)
        whole = part[axis]
        middle = whole.start + sizes[axis] // 2 * self.stride[axis]
        cut = (slice(whole.start, middle), slice(middle, whole.stop))
        return tuple(_box((*part[:axis], half, *part[axis + 1 :])) for half in cut)

    def glimpse(self, part: Box, focus: Sequence[float], most: int) -> Box:
        """The piece of a part of a core that is nearest to a focus.

        Parameters
        ----------
        part : tuple of slice
            Box ``(z, y, x)``.
        focus : sequence of float
            Voxel ``(z, y, x)``.
        most : int
            Voxels of the piece; more where it cannot be cut so small.
        """
        while math.prod(size_of(part)) > most:
            halves = self.halves(part)
            if len(halves) < 2:
                break
            part = min(halves, key=lambda half: _away(half, focus))
        return part

    def nearest_first(
        self, focus: Sequence[float] | None = None, box: Box | None = None
    ) -> Sequence[int] | NDArray[np.intp]:
        """Tile indices by the distance of their centres from `focus`, a voxel ``(z, y, x)``.

        Of the tiles that meet a box, if one is given.
        """
        if focus is None and box is None:
            return range(len(self))
        parts = box or _box(slice(0, n) for n in self.shape)
        at = focus if focus is not None else [0, 0, 0]
        places, away = [], []
        for part, core, whole, middle in zip(parts, self.core_size, self.shape, at, strict=True):
            place = np.arange(part.start // core, -(-part.stop // core))
            start = place * core
            places.append(place)
            away.append(((start + np.minimum(start + core, whole)) / 2 - middle) ** 2)
        distance = away[0][:, None, None] + away[1][:, None] + away[2]
        order: NDArray[np.intp] = np.ravel_multi_index(np.ix_(*places), self.grid).ravel()
        return order if focus is None else order[np.argsort(distance, axis=None, kind="stable")]


class Missing:
    """The tiles that are still to be computed, in their order, and how far one has come.

    Parameters
    ----------
    tiling : Tiling
        How the volume is cut.
    journal : Journal
        What is done already; whoever computes a tile notes it there.
    focus : sequence of float, optional
        Voxel at which a person looks.
    box : tuple of slice, optional
        What is wanted of the volume; all of it by default.
    """

    def __init__(
        self,
        tiling: Tiling,
        journal: Journal,
        focus: Sequence[float] | None = None,
        box: Box | None = None,
    ) -> None:
        self._order, self._journal = tiling.nearest_first(focus, box), journal
        self._tiling, self._focus = tiling, focus
        self._before = len(journal.done)
        if box is not None:
            self._before = sum(int(i) in journal.done for i in self._order)
        self._others = len(journal.done) - self._before

    def __iter__(self) -> Iterator[int]:
        return (int(i) for i in self._order if i not in self._journal.done)

    def glimpse(self, most: int) -> Box | None:
        """A piece of the first tile, of so many voxels; None where nobody looks, or it is all."""
        first = next(iter(self), None)
        if first is None or self._focus is None:
            return None
        core = self._tiling.core(first)
        piece = self._tiling.glimpse(core, self._focus, most)
        return piece if piece != core else None

    @property
    def total(self) -> int:
        """How many are wanted in all."""
        return len(self._order)

    @property
    def done(self) -> int:
        """How many of these are done."""
        return len(self._journal.done) - self._others

    def progress(self, preview: Box | None = None, words: str = "") -> Progress:
        """How far one has come, in tiles, and the region just written."""
        done, total = self.done, self.total
        return Progress(done, total, words or f"tile {done:,} of {total:,}", preview=preview)


def _away(region: Box, focus: Sequence[float]) -> float:
    """Squared distance of the middle of a region."""
    pairs = zip(region, focus, strict=True)
    return float(sum(((s.start + s.stop) / 2 - middle) ** 2 for s, middle in pairs))


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _index(values: Iterable[int]) -> Index:
    z, y, x = values
    return (z, y, x)


def _box(values: Iterable[slice]) -> Box:
    z, y, x = values
    return (z, y, x)

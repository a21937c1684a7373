"""Reading pixels for agents: what they come near, and of a small image that for good."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_midl.methods.axons.growing_mipmap import GrowingMipmap
from napari_midl.methods.axons.views import mipmap, repeated, sample_views, view_blocks
from napari_midl.volumes.scaling import Scaling, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.volume import Volume

IN_MEMORY = 2**26
# Voxels that are looked at to tell how bright the image is: a person waits for that.
_SEEN = 2**20
# Voxels of a crop, and how much wider it is than the views, so that it serves many steps.
MOST, SPARE = 2**22, 1.4
AT_ONCE, TOGETHER = 32, 512


def scaling_of(volume: Volume, dark: bool = False) -> Scaling:
    """How agents, to whom fibres are bright, see the intensities of an image.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    dark : bool
        Whether its fibres are darker than what lies around them. What is not a number is ground
        either way.

    Raises
    ------
    InputError
        If the image is empty or flat, or holds no intensities.
    """
    found = robust_scaling(volume, most=_SEEN)
    return Scaling(found.high, found.low) if dark else found


class Pixels:
    """Intensities of a lazy image at subpixel points.

    Parameters
    ----------
    image : array-like, shape ([Z,] Y, X)
        Lazy or in-memory intensities.
    scaling : callable
        Maps a block of intensities to [0, 1].
    spacing : tuple of float
        Size of a voxel along each axis, in isotropic px (1 in the plane).
    averages : tuple of float
        Over how many px each view of the agents averages.
    coarser : sequence of array-like
        The same image at coarser levels, the finest first.

    Attributes
    ----------
    shapes : list of tuple of int
        Voxels of the image, and of the coarser levels.
    """

    def __init__(
        self,
        image: Any,
        scaling: Callable[[NDArray[Any]], NDArray[np.float32]],
        spacing: tuple[float, ...],
        averages: tuple[float, ...],
        coarser: Sequence[Any] = (),
    ) -> None:
        self.spacing = torch.tensor(spacing, dtype=torch.float32)
        self.shape = tuple(int(n) for n in image.shape)
        self._size = torch.tensor(self.shape)
        self.end = (self._size - 1) * self.spacing
        self._levels, self._scaling = (image, *coarser), scaling
        self.shapes = [tuple(int(n) for n in level.shape) for level in self._levels]
        self._blocks = view_blocks(averages, spacing)
        # Crops begin and end on the largest blocks, so that they average as the whole would.
        self._largest = torch.tensor(self._blocks).amax(0)
        self._crops: list[Tensor] = []
        self._edges = self._largest
        self._middles = torch.zeros(0, len(spacing))
        self._origins = torch.zeros(0, len(spacing), dtype=torch.long)
        small = math.prod(self.shape) <= IN_MEMORY
        self._whole: GrowingMipmap | None = None
        if small:
            chunks = tuple(getattr(image, "chunks", self.shape))
            if chunks[-2:] == self.shape[-2:]:  # in memory, or whole planes are decoded each time
                self._levels, chunks = (np.asarray(image), *coarser), (1,) * len(chunks)
            self._whole = GrowingMipmap(self.shape, chunks, self._blocks, self._read)

    def views(self, points: Tensor) -> Tensor:
        """Views ``(A, ..., V, 11, 11)`` at points ``(A, ..., V, 11, 11, d)`` in isotropic px.

        Not a number outside. The agents are told apart by their place along the first axis; one
        whose points leave what was read for it has a new crop read around them.
        """
        voxels = points / self.spacing
        if self._whole is not None:
            self._whole.fill(voxels)
            return sample_views(self._whole.levels, voxels[None], self._whole.extent, self._size)[0]
        flat = voxels.flatten(1, -2)
        low, high = flat.amin(1), flat.amax(1)
        middles, spans = (low + high) / 2, (high - low).amax(0)
        if len(self._origins) != len(points) or (self._edges < self._room(spans, 1.0)).any():
            self._forget(len(points), self._room(spans, SPARE))
        # The blocks at the faces of a crop blend with what is not read.
        spare = torch.maximum((self._edges - spans) / 2 - self._largest, self._largest)
        spare = torch.where(self._edges >= self._size, 1e9, spare)
        for i in torch.nonzero(((middles - self._middles).abs() > spare).any(-1))[:, 0].tolist():
            self._read_crop(i, middles[i])
        shift = self._origins.reshape(len(points), *([1] * (points.ndim - 2)), -1)
        known = torch.minimum(self._size - self._origins, self._edges)
        return sample_views(self._crops, voxels - shift, self._edges.tolist(), known)

    def _room(self, spans: Tensor, times: float) -> Tensor:
        """Edges of a crop for views that span so many voxels, but no more than `MOST`."""
        wanted = torch.minimum(times * spans + 3 * self._largest, self._size)
        too_many = float(wanted.prod()) / MOST
        if too_many > 1:
            # What lies further than can be read is not seen.
            wanted = wanted / too_many ** (1 / len(wanted))
        return (wanted / self._largest).ceil().long() * self._largest

    def _forget(self, agents: int, edges: Tensor) -> None:
        self._edges = edges
        self._middles = torch.full((agents, len(self.shape)), math.inf)
        self._origins = torch.zeros(agents, len(self.shape), dtype=torch.long)
        self._crops = [
            torch.zeros(agents, 1, *(edges // torch.tensor(block)).tolist())
            for block in self._blocks
        ]

    def _read_crop(self, agent: int, middle: Tensor) -> None:
        first = ((middle - self._edges / 2).clamp(min=0) / self._largest).floor()
        highest = ((self._size - self._edges).clamp(min=0) / self._largest).ceil()
        origin = (torch.minimum(first, highest) * self._largest).long()
        end = torch.minimum(origin + self._edges, self._size)
        room = (self._edges - (end - origin)).tolist()
        part = torch.from_numpy(self.block(origin.tolist(), end.tolist()))
        levels, _ = mipmap(repeated(part[None, None], room), self._blocks)
        for kept, level in zip(self._crops, levels, strict=True):
            kept[agent] = level[0]
        self._origins[agent], self._middles[agent] = origin, middle

    @property
    def in_memory(self) -> bool:
        """Whether what was read is kept, so that many agents may look at the same place."""
        return self._whole is not None

    @property
    def most_agents(self) -> int:
        """How many may look at once, so that what is read for them fits into memory."""
        return TOGETHER if self._whole is not None else AT_ONCE

    def keep(self, agents: Tensor) -> None:
        """Forget the crops of all agents but these."""
        if len(self._origins) == len(agents):
            self._crops = [level[agents] for level in self._crops]
            self._origins, self._middles = self._origins[agents], self._middles[agents]

    def around(self, position: Tensor, reach: int) -> NDArray[np.float32]:
        """A block of at most ``2 reach + 1`` px about a position in isotropic px."""
        centre = (position / self.spacing).round().long().tolist()
        reaches = [max(1, int(reach / s)) for s in self.spacing.tolist()]
        box = tuple(
            slice(max(0, c - r), max(1, min(n, c + r + 1)))
            for c, r, n in zip(centre, reaches, self.shape, strict=True)
        )
        return self._read(box).numpy()

    def block(
        self, first: Sequence[int], last: Sequence[int], level: int = 0
    ) -> NDArray[np.float32]:
        """The voxels of a level from one corner up to, and without, the other."""
        return self._read(tuple(map(slice, first, last)), level).numpy()

    def _read(self, box: tuple[slice, ...], level: int = 0) -> Tensor:
        return torch.from_numpy(self._scaling(np.asarray(self._levels[level][box])))

"""Reading pixels for agents: a whole image where it is small, else only what lies ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_midl.methods.axons.views import sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

IN_MEMORY = 2**24
EDGE = 128


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
    """

    def __init__(
        self,
        image: Any,
        scaling: Callable[[NDArray[Any]], NDArray[np.float32]],
        spacing: tuple[float, ...],
    ) -> None:
        self.spacing = torch.tensor(spacing, dtype=torch.float32)
        self.shape = tuple(int(n) for n in image.shape)
        self.end = (torch.tensor(self.shape) - 1) * self.spacing
        self._image, self._scaling = image, scaling
        small = np.prod(self.shape) <= IN_MEMORY
        self._whole = self.all() if small else None
        edges = [min(n, max(8, int(EDGE / s))) for n, s in zip(self.shape, spacing, strict=True)]
        self._edges = torch.tensor(edges)
        self._crops: Tensor = torch.zeros(0)
        self._origins: Tensor = torch.zeros(0)

    def at(self, points: Tensor) -> Tensor:
        """Intensities ``(A, ...)`` at points ``(A, ..., d)`` in isotropic px; zero outside.

        The agents are told apart by their place along the first axis; one whose points leave
        what was read for it has a new crop read around them.
        """
        voxels = points / self.spacing
        if self._whole is not None:
            return sample(self._whole[None, None], voxels[None])[0, 0]
        if len(self._origins) != len(points):
            self._crops = torch.zeros(len(points), 1, *self._edges.tolist())
            self._origins = torch.full((len(points), len(self.shape)), -(10**9))
        flat = voxels.flatten(1, -2)
        low = flat.amin(1).floor().clamp(min=0).long()
        high = torch.minimum(flat.amax(1).ceil().long(), torch.tensor(self.shape) - 1)
        high = torch.maximum(high, low)
        inside = (low >= self._origins) & (high < self._origins + self._edges)
        for i in torch.nonzero(~inside.all(-1))[:, 0].tolist():
            middle = (low[i] + high[i]) // 2 - self._edges // 2
            origin = torch.minimum(middle.clamp(min=0), torch.tensor(self.shape) - self._edges)
            box = tuple(
                slice(o, o + e) for o, e in zip(origin.tolist(), self._edges.tolist(), strict=True)
            )
            self._crops[i, 0], self._origins[i] = self._read(box), origin
        shift = self._origins.reshape(len(points), *([1] * (points.ndim - 2)), -1)
        return sample(self._crops, voxels - shift)[:, 0]

    def all(self) -> Tensor:
        """The whole image."""
        return self._read(tuple(slice(0, n) for n in self.shape))

    def keep(self, agents: Tensor) -> None:
        """Forget the crops of all agents but these."""
        if self._whole is None and len(self._origins):
            self._crops, self._origins = self._crops[agents], self._origins[agents]

    def around(self, position: Tensor, reach: int) -> NDArray[np.float32]:
        """A block of at most ``2 reach + 1`` px about a position in isotropic px."""
        centre = (position / self.spacing).round().long().tolist()
        reaches = [max(1, int(reach / s)) for s in self.spacing.tolist()]
        box = tuple(
            slice(max(0, c - r), max(1, min(n, c + r + 1)))
            for c, r, n in zip(centre, reaches, self.shape, strict=True)
        )
        return self._read(box).numpy()

    def _read(self, box: tuple[slice, ...]) -> Tensor:
        return torch.from_numpy(self._scaling(np.asarray(self._image[box])))

"""Between millimetres and the voxels of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class VoxelFrame:
    """Where landmarks lie in a scan; without one, data are millimetres.

    Parameters
    ----------
    voxel_size : tuple of float
        ``(z, y, x)`` in millimetres.
    """

    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def to_data(self, points: ArrayLike) -> NDArray[np.float64]:
        """Voxels ``(z, y, x)`` of points ``(x, y, z)`` in mm, shape (n, 3)."""
        return np.asarray(np.asarray(points, float)[:, ::-1] / self.voxel_size)

    def to_mm(self, data: ArrayLike) -> NDArray[np.float64]:
        """Points ``(x, y, z)`` in mm of voxels ``(z, y, x)``, shape (n, 3)."""
        return np.asarray((np.asarray(data, float) * self.voxel_size)[:, ::-1])

    def outside(self, points: ArrayLike, shape: Sequence[int]) -> int:
        """How many points ``(x, y, z)`` in mm lie outside a scan of a shape ``(z, y, x)``."""
        data = self.to_data(points)
        inside = (data >= -0.5) & (data <= np.asarray(shape) - 0.5)
        return int((~inside.all(axis=1)).sum())

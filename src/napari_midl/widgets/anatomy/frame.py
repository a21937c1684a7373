"""Between millimetres and the data of the layers that lie over a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.images import placed_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image
    from numpy.typing import ArrayLike

    from napari_midl.volumes.volume import Volume

_AXES = {"units": ("mm",) * 3, "axis_labels": ("z", "y", "x")}


@dataclass(frozen=True)
class Frame:
    """Where a scan lies; without one, data are millimetres.

    Parameters
    ----------
    voxel_size : tuple of float
        ``(z, y, x)`` in millimetres.
    placement : dict
        How to add a layer with axes ``Z Y X`` over the scan, for ``viewer.add_*``.
    """

    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    placement: dict[str, Any] = field(default_factory=lambda: dict(_AXES))

    @classmethod
    def over(cls, image: Image, volume: Volume) -> Frame:
        """The frame of a scan; its voxels are taken for millimetres where it has no unit."""
        return cls(volume.millimetres, placed_over(image))

    def to_data(self, points: ArrayLike) -> np.ndarray:
        """Data ``(z, y, x)`` of points ``(x, y, z)`` in mm, shape (n, 3)."""
        return np.asarray(points, float)[:, ::-1] / self.voxel_size

    def origin_of(self, layer: Any, voxel_size: Sequence[float]) -> np.ndarray:
        """Middle ``(x, y, z)`` of another layer's first voxel in mm, from the scan's."""
        zero = np.asarray(layer.data_to_world((0,) * layer.ndim))[-3:]
        apart = zero - np.asarray(self.placement.get("translate", (0.0, 0.0, 0.0)))
        return (apart / np.asarray(layer.scale)[-3:] * voxel_size)[::-1]

    def to_mm(self, data: ArrayLike) -> np.ndarray:
        """Points ``(x, y, z)`` in mm of data ``(z, y, x)``, shape (n, 3)."""
        return (np.asarray(data, float) * self.voxel_size)[:, ::-1]

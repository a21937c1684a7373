"""Seeds from the points of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.utils.notifications import show_info

from napari_midl.errors import InputError
from napari_midl.widgets.clicks import voxel_at

if TYPE_CHECKING:
    from napari.layers import Points

    from napari_midl.widgets.axons.workbench import Workbench


def places_of(layer: Points, bench: Workbench) -> list[tuple[float, float, float]]:
    """Voxels ``(z, y, x)`` of the points that lie in the open image; says how many do not.

    Raises
    ------
    InputError
        If none does.
    """
    places, outside = [], 0
    for position in _world(layer, np.array(bench.viewer.dims.point, float)):
        try:
            places.append(voxel_at(bench.image, bench.volume.shape, position))
        except InputError:
            outside += 1
    if not places:
        raise InputError(f"{layer.name} has no point inside {bench.image.name}; add some.")
    if outside:
        show_info(f"{outside} point(s) lie beside {bench.image.name} and are left out.")
    return places


def _world(layer: Points, in_view: np.ndarray) -> np.ndarray:
    """World positions of points, at the depth in view where they have none."""
    positions = []
    for place in np.asarray(layer.data, float):
        world = in_view.copy()
        world[-layer.ndim :] = layer.data_to_world(place)
        positions.append(world)
    return np.asarray(positions)

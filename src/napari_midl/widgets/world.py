"""Between the world of a viewer and the voxels of a layer.

A viewer counts in the smallest unit of its layers, each layer in its own: where a scan in
millimetres lies beside a stack in micrometres, napari converts what it draws, but not what it
is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def own_units(layer: Any, units: Sequence[Any] | None) -> NDArray[np.float64]:
    """How many of a layer's units are one of the viewer's, along each axis of the layer.

    Parameters
    ----------
    layer : Layer
        Any.
    units : sequence of pint.Unit or None
        ``viewer.layers.units``; None where they do not go together, and nothing is converted.
    """
    if units is None:
        return np.ones(layer.ndim)
    shown = units[-layer.ndim :]
    ratio = [
        float((1 * one).to(own).magnitude) for one, own in zip(shown, layer.units, strict=True)
    ]
    return np.array(ratio)


def to_data(viewer: Any, layer: Any, position: Sequence[float]) -> NDArray[np.float64]:
    """Where a position in the world of a viewer lies in the data of a layer."""
    own = np.asarray(position, float)[-layer.ndim :] * own_units(layer, viewer.layers.units)
    return np.asarray(layer.world_to_data(own), float)


def to_world(viewer: Any, layer: Any, data: Sequence[float]) -> NDArray[np.float64]:
    """Where a place in the data of a layer lies in the world of a viewer."""
    own = np.asarray(layer.data_to_world(data), float)
    return own / own_units(layer, viewer.layers.units)


def voxel_edges(viewer: Any, layer: Any) -> NDArray[np.float64]:
    """Size of a voxel of a layer along its axes, in the world of a viewer."""
    return np.asarray(layer.scale, float) / own_units(layer, viewer.layers.units)

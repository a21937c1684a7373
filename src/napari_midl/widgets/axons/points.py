"""Seeds from the points of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

from napari_midl.errors import InputError
from napari_midl.volumes.counting import counted
from napari_midl.widgets.clicks import voxel_at
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.parts.section import offer
from napari_midl.widgets.world import own_units, to_world

if TYPE_CHECKING:
    from napari_midl.methods.axons.requests import Voxel
    from napari_midl.widgets.axons.bench import AxonsBench


class PointsPicker(QComboBox):
    """The Points layers of the viewer.

    Attributes
    ----------
    listed : Signal
        A layer came or went.
    """

    listed = Signal()

    def __init__(self, bench: AxonsBench) -> None:
        super().__init__()
        self._bench = bench
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setToolTip("A Points layer with a point on each fibre; make one with napari")
        bench.layers_changed.connect(self._on_layers)
        self._on_layers()

    def voxels(self) -> list[Voxel]:
        """Voxels ``(z, y, x)`` of the points that lie in the open image; says how many do not.

        Raises
        ------
        InputError
            If none does.
        """
        bench, layer = self._bench, self.currentData()
        image, shape = bench.opened_image, bench.opened_volume.shape
        places, outside = [], 0
        for place in np.asarray(layer.data, float):
            # A plane of points has no depth: it lies at the one in view.
            world = np.array(bench.viewer.dims.point, float)
            world[-layer.ndim :] = to_world(bench.viewer, layer, place)
            own = world[-image.ndim :] * own_units(image, bench.viewer.layers.units)
            try:
                places.append(voxel_at(image, shape, own.tolist()))
            except InputError:
                outside += 1
        if not places:
            raise InputError(f"{layer.name} has no point inside {image.name}; add some.")
        if outside:
            bench.say(f"Left out {counted(outside, 'point')} beside {image.name}.")
        return places

    def _on_layers(self) -> None:
        layers = of_others(self._bench.viewer, Points)
        offer(self, {layer: layer.name for layer in layers}, self.currentData())
        self.listed.emit()

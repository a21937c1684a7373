"""Small rings where a person clicked, for as long as something is done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.widgets.axons.overlay import Overlay
from napari_midl.widgets.axons.seen import seen
from napari_midl.widgets.images import placed_over, spatial_ndim, stay_over
from napari_midl.widgets.layers import OURS, keeping_active

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PIXELS = 18.0


class Marks(Overlay):
    """Shows rings over one image, equally large on the screen, in whichever slice is in view."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._places: dict[str, NDArray[np.float64]] = {}

    def detach(self) -> None:
        """Take the layer out of the viewer."""
        super().detach()
        self._places.clear()

    def show(self, why: str, places: Sequence[Sequence[float]]) -> None:
        """Show rings at these voxels ``(z, y, x)``, in the place of others for the same reason."""
        if self._image is None or (self.layer is None and not len(places)):
            return
        self._places[why] = np.array(places, float).reshape(-1, 3)
        if self.layer is None:
            self.make()
        self.refresh()

    def refresh(self) -> None:
        """Show them in the slice that is in view now."""
        layer = self.layer
        if layer is None or self._image is None or not self._places:
            return
        places = np.concatenate(list(self._places.values()))[:, -layer.ndim :]
        flat = seen(self._viewer, self._image).flat(places)
        if flat.shape != layer.data.shape or not np.allclose(flat, layer.data):
            layer.data = flat

    def make(self) -> None:
        """Make the layer, without a ring in it."""
        assert self._image is not None
        count = spatial_ndim(self._image)
        with keeping_active(self._viewer):
            self._layer = self._viewer.add_points(
                np.zeros((0, count)),
                ndim=count,
                name=f"{self._image.name}: clicks",
                size=1,
                canvas_size_limits=(_PIXELS, _PIXELS),
                face_color="transparent",
                border_color="#ffd23f",
                border_width=0.1,
                blending="translucent_no_depth",
                metadata={OURS: "made by the axons dock"},
                **placed_over(self._image, (0,) * count),
            )
        self._layer.editable = False
        self.follow()
        stay_over(self._image, self._layer, (0,) * count)

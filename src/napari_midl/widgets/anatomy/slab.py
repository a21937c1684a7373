"""Slices thick enough for points and triangles, without a blur of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.layers import Image, Points, Vectors

from napari_midl.widgets.layers import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer

_OWN = "made by the anatomy dock"


class Slab:
    """Makes the viewer's slices thick, until it is told to stop.

    napari shows an image as the mean over a thick slice, so that landmarks would be placed in a
    blur, and of points and lines all that lie in it, which is all of a small image: what others
    made is shown as a single slice meanwhile. A thickness that a person chose stays.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._made: tuple[float, ...] = ()
        self._modes: WeakKeyDictionary[Layer, Any] = WeakKeyDictionary()

    def thicken(self, lengths: Sequence[float]) -> None:
        """Make slices ``(z, y, x)`` so thick, in the viewer's units."""
        dims = self._viewer.dims
        if any(dims.thickness) and not self._is_made_here():
            return
        if not self._made:
            self._viewer.layers.events.inserted.connect(self._keep_others_sharp)
        self._made = tuple(lengths)
        self._keep_others_sharp()
        dims.thickness = (0.0,) * (dims.ndim - len(lengths)) + self._made

    def stop(self) -> None:
        """Leave slices and layers as they were before."""
        if not self._made:
            return
        self._viewer.layers.events.inserted.disconnect(self._keep_others_sharp)
        dims = self._viewer.dims
        if self._is_made_here():
            dims.thickness = (0.0,) * dims.ndim
        for layer, mode in self._modes.items():
            layer.projection_mode = mode
        self._made = ()
        self._modes.clear()

    def _is_made_here(self) -> bool:
        shown = self._viewer.dims.thickness[-len(self._made) :]
        return bool(self._made) and np.allclose(shown, self._made[-len(shown) :])

    def _keep_others_sharp(self, event: Any = None) -> None:
        for layer in self._viewer.layers:
            own = layer.metadata.get(OURS) == _OWN
            shows_all = isinstance(layer, Image | Points | Vectors) and not own
            if shows_all and layer not in self._modes:
                self._modes[layer] = layer.projection_mode
                layer.projection_mode = "none"

"""A stack seen through all its slices at once: its brightest voxels, over the slice in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_midl.methods.axons.polarity import are_dark
from napari_midl.volumes.projecting import Projection, projected, slab_around
from napari_midl.widgets.axons.seen import seen
from napari_midl.widgets.images import placed_over
from napari_midl.widgets.latest import LatestWorker
from napari_midl.widgets.layers import OURS, keeping_active, put_above, take_out
from napari_midl.widgets.parts.section import once_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Image

    from napari_midl.volumes.volume import Volume

_REST_MS = 200
_LIKE_THE_IMAGE = ("contrast_limits", "colormap", "gamma")


class ProjectionLayer(QObject):
    """Shows a projection along the axis that is not displayed, made in the background.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    fibres : callable
        Whether they are ``bright`` or ``dark``, or that is to be found out: ``auto``.

    Attributes
    ----------
    changed : Signal
        Other slices are projected, or none.
    slab : tuple of int or None
        First slice that is projected, and the one after the last; None while nothing is shown.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, viewer: Any, fibres: Callable[[], str], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._fibres = viewer, fibres
        self._image: Image | None = None
        self._volume: Volume | None = None
        self._layer: Image | None = None
        self._wanted: Any = None
        self.slab: tuple[int, int] | None = None
        self._worker = LatestWorker(self._make, parent=self)
        self._worker.answered.connect(self._show)
        self._worker.failed.connect(self.failed)
        self._timer = once_after(_REST_MS, self._ask, self)

    @property
    def on(self) -> bool:
        """Whether a projection is wanted."""
        return self._image is not None

    def start(self, image: Image, volume: Volume) -> None:
        """Show an image's projection from now on."""
        self.stop()
        self._image, self._volume = image, volume
        for emitter in self._emitters():
            emitter.connect(self._on_view)
        for name in _LIKE_THE_IMAGE:
            getattr(image.events, name).connect(self._dress)
        self._ask()

    def stop(self) -> None:
        """Take it out of the viewer."""
        if self._image is not None:
            for emitter in self._emitters():
                emitter.disconnect(self._on_view)
            for name in _LIKE_THE_IMAGE:
                getattr(self._image.events, name).disconnect(self._dress)
        self._timer.stop()
        self._worker.forget()
        self._image = self._volume = self._wanted = None
        self._clear()

    def shut_down(self) -> None:
        """End what goes on."""
        self.stop()
        self._worker.shut_down()

    def has(self, layer: Any) -> bool:
        """Whether a layer is it."""
        return layer is not None and layer is self._layer

    def _emitters(self) -> list[Any]:
        assert self._image is not None
        dims, own = self._viewer.dims.events, self._image.events
        return [dims.point, dims.order, dims.ndisplay, own.scale, own.units, own.translate]

    def _on_view(self, event: Any = None) -> None:
        self._timer.start()

    def _ask(self) -> None:
        """Ask for what is to be seen now, unless it is."""
        if self._image is None or self._volume is None:
            return
        view = seen(self._viewer, self._image)
        (axes,) = np.nonzero(view.hidden)
        if len(axes) != 1 or len(view.at) != 3:
            self._wanted = None
            self._worker.forget()
            self._clear()
            return
        axis = int(axes[0])
        slab = slab_around(self._volume, axis, float(view.at[axis]))
        wanted = (axis, slab, self._fibres())
        if wanted == self._wanted:
            self._place()
            return
        self._wanted = wanted
        self._worker.ask((self._volume, *wanted))

    def _make(self, request: tuple[Volume, int, tuple[int, int], str]) -> Projection | None:
        volume, axis, slab, fibres = request
        dark = are_dark(volume, fibres)
        return projected(volume, axis, slab, dark, lambda: self._wanted == (axis, slab, fibres))

    def _show(self, made: Projection | None) -> None:
        image = self._image
        if made is None or image is None:
            return
        if self._layer is not None and self._layer in self._viewer.layers:
            self._layer.data = made.values
        else:
            with keeping_active(self._viewer):
                self._layer = self._viewer.add_image(
                    made.values,
                    name=f"{image.name}: projection",
                    metadata={OURS: "made by the axons dock"},
                    units=image.units[-3:],
                    axis_labels=image.axis_labels[-3:],
                )
            put_above(self._viewer, image, self._layer)
            self._dress()
        self._place()
        self.slab = made.slab
        self.changed.emit()

    def _place(self) -> None:
        """Lay it over the image; its one voxel along the axis is as deep as the whole stack."""
        layer, volume = self._layer, self._volume
        if layer is None or volume is None or self._image is None:
            return
        place = placed_over(self._image, (0, 0, 0))
        times = np.array(volume.shape) / np.array(layer.data.shape)
        scale = np.asarray(place["scale"])
        layer.scale = scale * times
        layer.translate = np.asarray(place["translate"]) + scale * (times - 1) / 2

    def _dress(self, event: Any = None) -> None:
        """Give it the image's contrast and colours."""
        if self._layer is not None and self._image is not None:
            for name in _LIKE_THE_IMAGE:
                setattr(self._layer, name, getattr(self._image, name))

    def _clear(self) -> None:
        if self._layer is not None:
            take_out(self._viewer, self._layer)
        was, self._layer, self.slab = self.slab, None, None
        if was is not None:
            self.changed.emit()

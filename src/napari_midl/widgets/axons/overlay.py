"""A layer that the dock shows over one image, and makes when there is something to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.settings import get_settings

from napari_midl.widgets.layers import take_out

if TYPE_CHECKING:
    from napari.layers import Image


class Overlay:
    """A layer over one image at a time.

    Parameters
    ----------
    viewer : napari.Viewer
        Where.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._image: Image | None = None
        self._layer: Any = None

    @property
    def layer(self) -> Any:
        """The layer, if it is shown, or None."""
        return self._layer if self._layer in self._viewer.layers else None

    def attach(self, image: Image) -> None:
        """Show it over an image from now on."""
        self.detach()
        self._image = image

    def detach(self) -> None:
        """Take the layer out of the viewer."""
        take_out(self._viewer, *([self._layer] if self._layer is not None else []))
        self._layer = self._image = None

    def follow(self) -> None:
        """Draw what the layer holds, where napari slices in the background what it held before."""
        self._layer.events.set_data.connect(self._on_sliced)

    def _on_sliced(self, event: Any) -> None:
        layer = self.layer
        if layer is None or not get_settings().experimental.async_:
            return
        layer.set_view_slice()
        with layer.events.set_data.blocker(self._on_sliced):
            layer.events.set_data()

"""Pictures of what is in view, each a layer over its box of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.images import placed_over, spatial_ndim
from napari_midl.widgets.layers import keeping_active, take_out

if TYPE_CHECKING:
    import numpy as np
    from napari.layers import Image

    from napari_midl.volumes.boxes import Box


class BoxLayers:
    """Layers that are made once and then filled anew, wherever a person looks.

    Attributes
    ----------
    layers : dict of str to Image
        By their names.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self.layers: dict[str, Image] = {}
        self._boxes: dict[str, Box] = {}

    def show(self, image: Image, name: str, box: Box, picture: np.ndarray, **look: Any) -> bool:
        """Show a picture over a box of an image, above the others; whether its layer is new.

        Parameters
        ----------
        image : Image
            Its last axes are ``Z Y X``, or ``Y X``.
        name : str
            A layer of this name is filled anew.
        box : Box
            Voxels of level 0.
        picture : ndarray, shape (Y, X) or (Y, X, 3), or the same of several slices
            Gray, or colours where ``look["rgb"]`` says so.
        **look
            For ``viewer.add_image``.
        """
        ndim = min(spatial_ndim(image), 3)
        place = placed_over(image, [s.start for s in box][-ndim:])
        if picture.ndim - bool(look.get("rgb")) < ndim:
            picture = picture[None]
        layer = self.layers.get(name)
        self._boxes[name] = box
        if layer is not None and layer in self._viewer.layers:
            layer.data = picture
            layer.translate = place["translate"]
            self._raise(layer)
            return False
        with keeping_active(self._viewer):  # whoever paints meanwhile goes on painting
            self.layers[name] = self._viewer.add_image(picture, name=name, **look, **place)
        return True

    def keep_only(self, box: Box) -> None:
        """Take out the layers that were not filled anew at this box."""
        for name in [name for name, old in self._boxes.items() if old != box]:
            del self._boxes[name]
            take_out(self._viewer, self.layers.pop(name))

    def remove(self) -> None:
        """Take them out of the viewer."""
        take_out(self._viewer, *self.layers.values())
        self.layers, self._boxes = {}, {}

    def _raise(self, layer: Image) -> None:
        """Above the others, but below what else lies over them, such as a curtain."""
        layers = self._viewer.layers
        top = max(layers.index(other) for other in self.layers.values() if other in layers)
        layers.move(layers.index(layer), top + 1)

"""What the staining tool puts into the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.colormaps import Colormap

from napari_midl.errors import InputError
from napari_midl.methods.staining.colours import Colours
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.widgets.images import placed_over, spatial_ndim
from napari_midl.widgets.layers import OURS, take_out
from napari_midl.widgets.tool.growing_layers import GrowingLayers

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from napari.layers import Image

    from napari_midl.methods.staining.look import Look
    from napari_midl.volumes.boxes import Box

# Transparent where the stain is to be trusted.
DOUBT_COLOURS = Colormap([[1, 0.85, 0, 0], [1, 0.85, 0, 1]], name="do not trust")
_DOUBT = 3
_PATH = "stain"  # in a layer's metadata: the stain that it shows


class StainLayers(GrowingLayers):
    """A stain in the viewer, and where not to trust it.

    Parameters
    ----------
    viewer, image, path
        As for `GrowingLayers`; the image is the reflectance.

    Attributes
    ----------
    colours, doubt : Image
        The stain, and where not to trust it; the latter may be None.

    Raises
    ------
    InputError
        If `path` holds no stain.
    """

    def __init__(self, viewer: Any, image: Image, path: Path) -> None:
        super().__init__(viewer, image, path, "stain")
        shape = self.levels[0].shape
        method = self.attributes.get("napari-midl", {}).get("method")
        if method is None or len(shape) < 3 or shape[0] < _DOUBT:
            raise InputError(f"{path} is no stain of shape C Y X; choose one.")
        name = f"{method}, {path.name.split('.')[0]}"
        metadata = {OURS: "made by the staining dock", "notice": NOTICE, _PATH: str(path)}
        take_out(viewer, *(old for old in viewer.layers if old.metadata.get(_PATH) == str(path)))
        self.colours = self.add(
            [Colours(level) for level in self.levels],
            rgb=True,
            name=f"{name} ({NOTICE})",
            metadata=dict(metadata),
        )
        self.doubt = None
        if shape[0] > _DOUBT:
            self.doubt = self.add(
                self.channel(_DOUBT),
                name=f"{name}: do not trust",
                contrast_limits=(0, 255),
                colormap=DOUBT_COLOURS,
                blending="translucent",
                opacity=0.7,
                visible=False,
                metadata=dict(metadata),
            )


class LiveLayers:
    """The steps of the pipeline in the part of the mosaic that is in view."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[str, Image] = {}
        self._boxes: dict[str, Box] = {}

    def show(self, image: Image, look: Look) -> None:
        """Show a step over those before it, in the place of the same step of a look before.

        What another method made of the view stays below, to be compared.
        """
        ndim = min(spatial_ndim(image), 3)
        place = placed_over(image, [s.start for s in look.box][-ndim:])
        picture: np.ndarray = look.picture if ndim == 2 else look.picture[None]
        layer = self._layers.get(look.name)
        self._boxes[look.name] = look.box
        if layer is not None and layer in self._viewer.layers:
            layer.data = picture
            layer.translate = place["translate"]
            self._raise(layer)
            return
        colours = look.picture.ndim == 3
        self._layers[look.name] = self._viewer.add_image(
            picture,
            rgb=colours,
            name=f"view: {look.name}",
            metadata={OURS: "made by the staining dock", "notice": NOTICE},
            **({} if colours else {"contrast_limits": (0, 1)}),
            **place,
        )

    def keep_only(self, box: Box) -> None:
        """Take out the steps that no look at this box has renewed."""
        for name in [name for name, old in self._boxes.items() if old != box]:
            del self._boxes[name]
            take_out(self._viewer, self._layers.pop(name))

    def remove(self) -> None:
        """Take them out of the viewer."""
        take_out(self._viewer, *self._layers.values())
        self._layers, self._boxes = {}, {}

    def _raise(self, layer: Image) -> None:
        """Above the other steps, but below what else lies over them, such as a curtain."""
        layers = self._viewer.layers
        top = max(layers.index(other) for other in self._layers.values() if other in layers)
        layers.move(layers.index(layer), top + 1)

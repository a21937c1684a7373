"""What the staining tool puts into the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.colormaps import Colormap

from napari_midl.errors import InputError
from napari_midl.methods.staining.colours import Colours
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.widgets.tool.growing_layers import GrowingLayers

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image


# Transparent where the stain is to be trusted.
DOUBT_COLOURS = Colormap([[1, 0.85, 0, 0], [1, 0.85, 0, 1]], name="do not trust")
_DOUBT = 3


class StainLayers(GrowingLayers):
    """A stain in the viewer, and where not to trust it.

    Parameters
    ----------
    viewer, image, path
        As for `GrowingLayers`; the image is the reflectance.

    Attributes
    ----------
    colours : Image
        The stain.

    Raises
    ------
    InputError
        If `path` holds no stain.
    """

    alone = False  # two stains are compared

    def __init__(self, viewer: Any, image: Image, path: Path) -> None:
        super().__init__(viewer, image, path, "stain")
        shape = self.stored.shape
        method = self.stored.attributes.get("napari-midl", {}).get("method")
        if method is None or len(shape) < 3 or shape[0] < _DOUBT:
            raise InputError(f"{path} is no stain of shape C Y X; choose one.")
        name = f"{method}, {path.name.split('.')[0]}"
        self.colours = self.add(
            self.stored.shown(Colours),
            rgb=True,
            name=f"{name} ({NOTICE})",
            notice=NOTICE,
        )
        self.below = self.colours
        if shape[0] > _DOUBT:
            self.add_hidden(
                self.stored.channel(_DOUBT),
                name=f"{name}: do not trust",
                contrast_limits=(0, 255),
                colormap=DOUBT_COLOURS,
                blending="translucent",
                opacity=0.7,
                notice=NOTICE,
            )

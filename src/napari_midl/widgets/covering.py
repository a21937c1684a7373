"""Whether a person sees an image where they click, or another one that lies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_midl.errors import InputError
from napari_midl.widgets.layers import is_ours
from napari_midl.widgets.world import to_data

if TYPE_CHECKING:
    from collections.abc import Sequence

_HIDES = ("translucent", "translucent_no_depth", "opaque")
# What is fainter is laid over an image so that both are seen.
_OPAQUE = 0.95


def image_over(viewer: Any, image: Image, position: Sequence[float]) -> Image | None:
    """The image that hides another one at a position of the world, in a slice.

    Parameters
    ----------
    viewer : napari.Viewer
        The window.
    image : Image
        One of its layers.
    position : sequence of float
        World coordinates, as of a click.

    Returns
    -------
    Image or None
        The topmost that does; none of those that a dock made.
    """
    if viewer.dims.ndisplay != 2:
        return None
    above = list(viewer.layers)[viewer.layers.index(image) + 1 :]
    return next((layer for layer in reversed(above) if _hides(viewer, layer, position)), None)


def refuse_hidden(viewer: Any, image: Image, position: Sequence[float], doing: str) -> None:
    """Refuse a click at a position where another image hides the one that it is for.

    Parameters
    ----------
    viewer, image, position
        As for `image_over`.
    doing : str
        What is done in the image, for the sentence.

    Raises
    ------
    InputError
        If one does.
    """
    over = image_over(viewer, image, position)
    if over is not None:
        raise InputError(
            f"{over.name} hides {image.name}, {doing}: choose {over.name} under Data, or hide it "
            "by the eye in the list of layers."
        )


def _hides(viewer: Any, layer: Any, position: Sequence[float]) -> bool:
    if not isinstance(layer, Image) or is_ours(layer) or not layer.visible:
        return False
    if layer.opacity < _OPAQUE or str(layer.blending) not in _HIDES:
        return False
    finest = layer.data[0] if layer.multiscale else layer.data
    last = np.array(finest.shape[: layer.ndim]) - 0.5
    place = to_data(viewer, layer, position)
    return bool(((place >= -0.5) & (place <= last)).all())

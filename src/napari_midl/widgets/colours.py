"""Which colour of a picture shows the most, once it was split into its colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

# Of the middle of a picture, so many px a side, since the window waits; structures between these
# sizes count, px.
_SIDE, _FINE, _COARSE = 256, 1.0, 6.0


def of_most_contrast(layers: Sequence[Image]) -> Image:
    """The one of some layers, all in the same units, in which thin structures stand out most."""
    return max(layers, key=_contrast)


def _contrast(layer: Image) -> float:
    data = layer.data[0] if layer.multiscale else layer.data
    middle = tuple(n // 2 for n in data.shape[:-2])
    sides = tuple(slice(max(0, (n - _SIDE) // 2), (n + _SIDE) // 2) for n in data.shape[-2:])
    plane = np.nan_to_num(np.asarray(data[(*middle, *sides)], np.float32))
    fine, coarse = (ndimage.gaussian_filter(plane, size) for size in (_FINE, _COARSE))
    return float((fine - coarse).std())

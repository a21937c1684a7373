"""The channels of one mosaic, on the scale that an overview pass has fixed for all of it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.overview import overview
from napari_midl.volumes.scaling import Scaling, robust_scaling
from napari_midl.volumes.space import sizes_in_words
from napari_midl.volumes.units import factor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Index, Region
    from napari_midl.volumes.volume import Volume

TYPICAL = 0.5  # reflectance of typical tissue; eosin is then at half of its full density
DARKEST_TISSUE = 0.1
_SAME_SIZE = 0.01


class Mosaic:
    """Channels of the same size; a tile has the same intensities as the whole.

    Parameters
    ----------
    channels : sequence of Volume
        Each with axes ``Z Y X``.
    scalings : sequence of Scaling, optional
        Of each channel, where they are known already.

    Attributes
    ----------
    scalings : list of Scaling
        Robust percentiles of a sample of each channel: gain and offset of a microscope, and
        8 or 16 bits, make no difference.

    Raises
    ------
    InputError
        If the channels or their pixels differ in size, or one holds no intensities, only NaN, or is
        flat.
    """

    def __init__(
        self, channels: Sequence[Volume], scalings: Sequence[Scaling] | None = None
    ) -> None:
        self.channels = list(channels)
        first = self.channels[0]
        for other in self.channels[1:]:
            _check_pair(first, other)
        if scalings is None:
            *others, last = self.channels
            scalings = [*map(robust_scaling, others), robust_scaling(last, fills=True)]
        self.scalings = list(scalings)

    @property
    def shape(self) -> Index:
        """Pixels ``(z, y, x)``."""
        z, y, x = self.channels[0].shape
        return (z, y, x)

    @cached_property
    def exposure(self) -> float:
        """Factor that brings the last channel of typical tissue to `TYPICAL`.

        Percentiles alone do not do so: they depend on how much glass and how many bright spots
        a mosaic has.
        """
        scaled = [self.scalings[-1](block).ravel() for block in overview(self.channels[-1])]
        tissue = np.concatenate([block[block > DARKEST_TISSUE] for block in scaled])
        return TYPICAL / float(np.median(tissue)) if tissue.size else 1.0

    def read(self, region: Region) -> NDArray[Any]:
        """Intensities ``(C, z, y, x)`` of a region, as they are stored."""
        return np.stack([volume.read(region) for volume in self.channels])

    def scaled(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """The intensities that `read` gives, in [0, 1]."""
        pairs = zip(self.scalings, block, strict=True)
        return np.stack([scaling(channel) for scaling, channel in pairs])


def _check_pair(first: Volume, other: Volume) -> None:
    """Refuse two channels that are none of one mosaic."""
    way_out = "give two channels of the same mosaic"
    if other.shape != first.shape:
        raise InputError(
            f"{other.name} has {_size(other)} pixels but {first.name} has {_size(first)}; "
            f"{way_out}."
        )
    one, two = _pixel(other), _pixel(first)
    if one and two and not np.allclose(one, two, rtol=_SAME_SIZE, atol=0):
        raise InputError(
            f"{other.name} has pixels of {sizes_in_words(one, 'micrometer')} but {first.name} has "
            f"pixels of {sizes_in_words(two, 'micrometer')}; {way_out}, or correct the size that "
            "one of the files says."
        )


def _pixel(volume: Volume) -> tuple[float, float] | None:
    """Size ``(y, x)`` of a pixel in micrometres, where it is known."""
    _, y, x = volume.space.scale
    if volume.space.unit is None or y is None or x is None:
        return None
    ratio = factor(volume.space.unit, "micrometer")
    return (y * ratio, x * ratio)


def _size(volume: Volume) -> str:
    return " x ".join(map(str, volume.shape[volume.shape[0] == 1 :]))

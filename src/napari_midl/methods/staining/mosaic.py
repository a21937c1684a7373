"""The channels of one mosaic, on the scale that an overview pass has fixed for all of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.methods.staining.stains import FULL
from napari_midl.volumes.laying import laid_on
from napari_midl.volumes.overview import overview
from napari_midl.volumes.scaling import Scaling, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.tiles import Index
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

TYPICAL = 0.5  # reflectance of typical tissue; eosin is then at half of its full density
DARKEST_TISSUE = 0.1
STRONGEST = 2.0  # times that the fluorescence may be raised


class Mosaic:
    """Channels that lie on each other; a tile has the same intensities as the whole.

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
        If the channels lie elsewhere or differ in size, or one holds no intensities, only NaN, or
        is flat.
    """

    def __init__(
        self, channels: Sequence[Volume], scalings: Sequence[Scaling] | None = None
    ) -> None:
        first, *others = channels
        self.channels = [first, *(laid_on(other, first) for other in others)]
        if scalings is None:
            last = self.channels[-1]
            with ThreadPoolExecutor() as each:  # a second is long for whoever waits for a stain
                scalings = list(
                    each.map(lambda one: robust_scaling(one, fills=one is last), self.channels)
                )
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
        sample = self._sample(-1)
        tissue = sample[sample > DARKEST_TISSUE]
        return TYPICAL / float(np.median(tissue)) if tissue.size else 1.0

    @cached_property
    def nuclear_exposure(self) -> float:
        """Factor that brings the first channel to 1 where few pixels of the tissue exceed it.

        This is what counts as a slide's full hematoxylin; a few bright nuclei must not set it.
        Where there are hardly any nuclei, what lies between them is not brought up to be some.
        """
        tissue = float((self._sample(-1) > DARKEST_TISSUE).mean())
        dark = float(np.percentile(self._sample(0), 100 - (100 - FULL) * tissue))
        return min(1 / dark, STRONGEST) if dark > 0 else 1.0

    def _sample(self, channel: int) -> NDArray[np.float32]:
        scaling = self.scalings[channel]
        return np.concatenate([scaling(b).ravel() for b in overview(self.channels[channel])])

    def read(self, region: Box) -> NDArray[Any]:
        """Intensities ``(C, z, y, x)`` of a region, as they are stored."""
        return np.stack([volume.read(region) for volume in self.channels])

    def scaled(self, block: NDArray[Any]) -> NDArray[np.float32]:
        """The intensities that `read` gives, in [0, 1]."""
        pairs = zip(self.scalings, block, strict=True)
        return np.stack([scaling(channel) for scaling, channel in pairs])

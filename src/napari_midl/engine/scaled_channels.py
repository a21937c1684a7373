"""Channels to paint on, each scaled by what is around the paint."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.channels import Stacked, scaled
from napari_midl.volumes.scaling import scaling_around

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume


class ScaledChannels:
    """The channels of an image, each scaled by what is in some boxes, as one to paint on.

    Parameters
    ----------
    channels : sequence of Volume
        Each with axes ``Z Y X``.
    boxes : sequence of tuple of slice
        Around which intensities are looked at, ``(z, y, x)``.

    Raises
    ------
    InputError
        If they differ in shape.
    """

    def __init__(self, channels: Sequence[Volume], boxes: Sequence[Any]) -> None:
        self.shape, self._image = channels[0].shape, Stacked(channels)
        self._scale = partial(scaled, [scaling_around(channel, boxes) for channel in channels])

    def read(self, box: tuple[slice, ...]) -> NDArray[np.float32]:
        """Scaled intensities ``(C, z, y, x)`` of a box."""
        return self._scale(self._image[(slice(None), *box)])

    def painted(self, patches: Sequence[Patch], classes: Classes, **how: Any) -> PaintedVolume:
        """With what is painted on them, as a `PaintedVolume`."""
        return PaintedVolume(self._image, self._scale, patches, classes, channels=True, **how)

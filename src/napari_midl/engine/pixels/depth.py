"""How far apart the slices of an image are, in distances of its columns."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from napari_midl.engine.pixels.filters import smooth
from napari_midl.engine.pixels.levels import log_of
from napari_midl.volumes.scaling import FlatImage, robust_scaling

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.volumes.scaling import Scaling
    from napari_midl.volumes.volume import Volume

_LEAST, _MOST = 1.0, 10.0
_SIDE, _SLICES, _PLACES = 256, 16, 4
_HAZE, _FAR = 16, 32


class Readable(Protocol):
    """Scaled intensities ``(Z, Y, X)`` that are read a box at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels ``(z, y, x)``."""

    def read(self, box: tuple[slice, ...], /) -> NDArray[np.float32]:
        """Intensities of a box, in about [0, 1]."""


@dataclass(frozen=True)
class Scaled:
    """A volume by its scaling, read where it is asked for."""

    volume: Volume
    scaling: Scaling

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels ``(z, y, x)``."""
        return self.volume.shape

    def read(self, box: tuple[slice, ...]) -> NDArray[np.float32]:
        """Scaled intensities of a box."""
        return self.scaling(self.volume.read(box))


def depth_of(volume: Volume, image: Readable) -> float:
    """From the sizes of the voxels where they are known, else from what the image looks like.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    image : Readable
        The same, scaled.
    """
    if (known := known_depth(volume)) is not None:
        return known
    depths = [_likeness(block) for block in _blocks(image)]
    return float(np.median(depths)) if depths else 1.0


def depth_seen(volume: Volume, scaling: Scaling) -> float:
    """The same of an image that is not painted, by its scaling."""
    return depth_of(volume, Scaled(volume, scaling))


def distance_of_slices(volume: Volume) -> float | None:
    """The same of any image; None where it has one slice, or there is nothing to be seen in it."""
    if (known := known_depth(volume)) is not None or volume.shape[0] == 1:
        return known
    with suppress(FlatImage):
        return depth_seen(volume, robust_scaling(volume))
    return None


def known_depth(volume: Volume) -> float | None:
    """From the sizes of the voxels; None where they are not known."""
    if not volume.space.known:
        return None
    z, y, x = volume.voxel_size
    return float(z / (y * x) ** 0.5)


def _blocks(image: Readable) -> list[Tensor]:
    """Blocks along the diagonal of the image, in which something is to be seen."""
    found = []
    for place in np.linspace(0.5 / _PLACES, 1 - 0.5 / _PLACES, _PLACES):
        box = []
        for size, most in zip(image.shape, (_SLICES, _SIDE, _SIDE), strict=True):
            start = round(place * max(size - most, 0))
            box.append(slice(start, min(size, start + most)))
        block = torch.from_numpy(np.ascontiguousarray(image.read(tuple(box))))
        if float(block.std()) > 0:
            found.append(block)
    return found


def _likeness(image: Tensor) -> float:
    """How many columns away a voxel is as much like another as in the next slice."""
    log = smooth(log_of(image))
    coarse = F.avg_pool2d(log[:, None], _HAZE, ceil_mode=True, count_include_pad=False)
    shape = (log.shape[1], log.shape[2])
    log = log - F.interpolate(coarse, size=shape, mode="bilinear")[:, 0]
    slices = _correlation(log[1:], log[:-1])
    before = 1.0
    for lag in range(1, min(_FAR, *shape)):
        pairs = (log[:, lag:], log[:, :-lag]), (log[:, :, lag:], log[:, :, :-lag])
        here = sum(_correlation(a, b) for a, b in pairs) / 2
        if here < slices:
            return float(np.clip(lag - 1 + (before - slices) / (before - here), _LEAST, _MOST))
        before = here
    return _MOST


def _correlation(a: Tensor, b: Tensor) -> float:
    return float((a * b).mean() / ((a * a).mean() * (b * b).mean()).sqrt().clamp_min(1e-12))

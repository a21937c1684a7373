"""An image of several channels: which of them are looked at, and all of them as one array."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.ports import IN_MEMORY
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.volume import Volume

    Scale = Callable[[NDArray[Any]], NDArray[np.float32]]


@dataclass(frozen=True)
class ChannelsIn(ImageIn):
    """The image, with as many channels as the model looks at.

    Parameters
    ----------
    channels : tuple of int
        Channels to look at, counted from 0, in this order; by default all that it has.
    """

    channel: int = field(default=0, repr=False, metadata=IN_MEMORY)
    channels: tuple[int, ...] = ()

    @classmethod
    def of(cls, volume: Volume, channel: int = 0, time: int = 0, voxel_size: str = "") -> Self:
        """A volume that is open already, and which channel of its file at which time it is."""
        path, chosen = Path(volume.source) if volume.source else None, (channel,)
        return cls(path, time=time, voxel_size=voxel_size, volume=volume, channels=chosen)

    def open(self) -> Volume:
        """All of the file; what is chosen of it is so by `chosen`.

        Raises
        ------
        InputError
            If it came from no file, its file cannot be used, or there is no such channel.
        """
        whole: Volume = self.whole() if self.volume is None else self.volume
        self.chosen(whole)
        return whole

    def whole(self) -> Volume:
        """All that lies in its file; red, green and blue are channels, too."""
        if self.path is None:
            return super().whole()
        from napari_midl.volumes.open import open_volume

        return open_volume(self.path, self.axes, colours=True)

    def chosen(self, opened: Volume) -> list[Volume]:
        """The channels of an opened image, each with axes ``Z Y X``."""
        every = range(opened.shape[opened.axes.index("C")] if "C" in opened.axes else 1)
        if self.volume is not None:
            return [opened.spatial(channel) for channel in every]
        found = [opened.spatial(channel, self.time) for channel in self.channels or every]
        return [each.resized(self.voxel_size) for each in found] if self.voxel_size else found

    def identity(self, opened: Volume) -> dict[str, Any]:
        """The fingerprints of the channels, and the shape and the scale of each."""
        each = [channel.identity() for channel in self.chosen(opened)]
        prints = " ".join(one["fingerprint"] for one in each)
        source = str(self.path.resolve()) if self.path is not None else None
        return each[0] | {"fingerprint": prints, "source": source}


class Stacked:
    """The channels of an image as the first axis of one array, read where it is asked for.

    Parameters
    ----------
    channels : sequence of Volume
        Each with axes ``Z Y X``.

    Raises
    ------
    InputError
        If they differ in shape.
    """

    def __init__(self, channels: Sequence[Volume]) -> None:
        self.channels, self.shape = channels, (len(channels), *channels[0].shape)
        if odd := [each for each in channels if each.shape != channels[0].shape]:
            raise InputError(
                f"{odd[0].name} has another shape than {channels[0].name}; give channels of one "
                "image."
            )
        self.size = math.prod(self.shape)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """All channels in a box; the first of `key` is that of the channels."""
        return np.stack([np.asarray(channel.data[key[1:]]) for channel in self.channels])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All of it."""
        return np.stack([np.asarray(channel.data) for channel in self.channels])


def unknown(channels: Sequence[Volume], box: Region) -> NDArray[np.bool_]:
    """Where a channel of an image is no number, ``(z, y, x)``, so that nothing can be said there.

    Parameters
    ----------
    channels : sequence of Volume
        Each with axes ``Z Y X``; only those of floats are read.
    box : tuple of slice
        Of the image.
    """
    found = np.zeros(size_of(box), bool)
    for channel in channels:
        if channel.data.dtype.kind == "f":
            found |= ~np.isfinite(np.asarray(channel.data[box]))
    return found


def scaled(scales: Sequence[Scale], block: NDArray[Any]) -> NDArray[np.float32]:
    """Each channel of a block ``(C, ...)`` by its own scale."""
    return np.stack([scale(channel) for scale, channel in zip(scales, block, strict=True)])

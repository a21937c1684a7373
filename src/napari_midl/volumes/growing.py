"""An OME-Zarr that is read while it is still being written."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region


class GrowingImage:
    """The levels of an OME-Zarr, and what was written in it since it was opened.

    Parameters
    ----------
    path : Path
        The OME-Zarr, axes ``C Z Y X`` or ``C Y X``.
    what : str
        What it should be, such as ``prediction``.

    Attributes
    ----------
    levels : list of zarr.Array
        The finest first.
    attributes : dict
        Of the OME-Zarr.
    written : list
        Boxes of level 0 that were written since, in their order.

    Raises
    ------
    InputError
        If it is no OME-Zarr.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what
        self.written: list[Any] = []
        try:
            group = zarr.open_group(path, mode="r")
            self.attributes: dict[str, Any] = dict(group.attrs)
            names = [d["path"] for d in self.attributes["ome"]["multiscales"][0]["datasets"]]
            self.levels: list[Any] = [group[name] for name in names]
        except (OSError, KeyError, ValueError, IndexError, TypeError) as error:
            raise InputError(f"{path} is no {what}; choose one.") from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the finest level, channels first."""
        return tuple(self.levels[0].shape)

    def channel(self, index: int) -> list[Channel]:
        """One channel at all levels; what is written is read again."""
        return [Channel(level, index, self.written, self.shape[1:]) for level in self.levels]

    def note(self, boxes: Sequence[Any] | None) -> list[Any]:
        """Note that boxes ``Z Y X`` were written, or all of it; gives them in its own axes."""
        shape = self.shape[1:]
        whole = tuple(slice(0, n) for n in shape)
        # A box is (z, y, x), and a plane has no z.
        new = [whole] if boxes is None else [tuple(box)[-len(shape) :] for box in boxes]
        self.written += new
        return new


class Channel(Lazy):
    """One channel of a level of a stored image.

    The voxels read last are kept; of these only the boxes written since are read again.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X`` or ``C Y X``.
    index : int
        Which channel.
    written : list of Region, optional
        Boxes of level 0 that were written, in their order; whoever writes adds to it.
    finest : sequence of int, optional
        Shape of level 0 without its channels, if the array is another level.
    """

    def __init__(
        self,
        array: Any,
        index: int,
        written: list[Region] | None = None,
        finest: Sequence[int] | None = None,
    ) -> None:
        super().__init__(array.shape[1:], array.dtype, getattr(array, "chunks", array.shape)[1:])
        self._array, self._index = array, index
        self._written: list[Region] = written if written is not None else []
        self._factors = [
            math.ceil(n / m) for n, m in zip(finest or self.shape, self.shape, strict=True)
        ]
        self._kept: tuple[Region, NDArray[Any], int] | None = None

    def read(self, box: Region) -> NDArray[Any]:
        """The voxels of a box, from what was kept where that is what is stored."""
        # Counted before reading: what is written meanwhile, or while a slower thread reads the
        # same voxels, is read again next time.
        count, kept = len(self._written), self._kept
        if kept is None or kept[0] != box:
            voxels = np.asarray(self._array[(self._index, *box)])
        elif kept[2] >= count:
            return kept[1]
        else:
            voxels = self._read_again(kept[1], box, self._written[kept[2] : count])
        self._kept = (box, voxels, count)
        return voxels

    def _read_again(
        self, voxels: NDArray[Any], box: Region, written: Sequence[Region]
    ) -> NDArray[Any]:
        voxels = voxels.copy()
        for part in written:
            source = [
                slice(max(p.start // f, b.start), min(-(-p.stop // f), b.stop))
                for p, b, f in zip(part, box, self._factors, strict=True)
            ]
            if all(s.start < s.stop for s in source):
                target = [
                    slice(s.start - b.start, s.stop - b.start)
                    for s, b in zip(source, box, strict=True)
                ]
                voxels[tuple(target)] = self._array[(self._index, *source)]
        return voxels


class MostProbable(Lazy):
    """The class of each voxel, of the probabilities of all classes but the first, which is 0.

    Parameters
    ----------
    channels : sequence of Channel
        The probabilities; only what they read is read.
    """

    def __init__(self, channels: Sequence[Channel]) -> None:
        super().__init__(channels[0].shape, np.uint8, channels[0].chunks)
        self._channels = channels

    def read(self, box: Region) -> NDArray[Any]:
        """The number of the most probable class, as it is written too."""
        each = np.stack([channel.read(box) for channel in self._channels])
        first = 1 - each.sum(axis=0, keepdims=True)  # also of what is not computed yet
        called: NDArray[Any] = np.concatenate([first, each]).argmax(axis=0).astype(self.dtype)
        return called


class Thresholded(Lazy):
    """A channel as labels: 1 where it reaches a threshold; reads only what the channel reads.

    Parameters
    ----------
    channel : Channel
        The probability.
    threshold : float
        May be changed.
    """

    def __init__(self, channel: Channel, threshold: float) -> None:
        super().__init__(channel.shape, np.uint8, channel.chunks)
        self._channel, self.threshold = channel, threshold

    def read(self, box: Region) -> NDArray[Any]:
        """1 where the channel reaches the threshold, else 0."""
        return (self._channel.read(box) >= self.threshold).astype(self.dtype)

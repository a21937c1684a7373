"""Arrays that napari shows while the file behind them still grows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.volumes.boxes import Box


class Lazy:
    """An array that is read when it is indexed by a position, or turned into numpy's.

    Indexed by ranges alone it gives a `Part`, and nothing is read: of a pyramid napari takes
    the columns in view first, and the plane of them afterwards.
    """

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape: tuple[int, ...] = tuple(shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(dtype)
        # napari orders the levels of a pyramid by it.
        self.size = math.prod(self.shape)

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The voxels of an index."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        key = key if isinstance(key, tuple) else (key,)
        if all(isinstance(index, slice) and index.step in (None, 1) for index in key):
            return Part(self, key)
        return self.read(key)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.read((slice(None),) * self.ndim), dtype)


class Part(Lazy):
    """A box of a lazy array, read once a position in it is asked for.

    Parameters
    ----------
    array : Lazy
        The whole.
    key : tuple of slice
        The box, without steps.
    """

    def __init__(self, array: Lazy, key: tuple[slice, ...]) -> None:
        whole = [slice(None)] * (array.ndim - len(key))
        spans = [s.indices(n)[:2] for s, n in zip([*key, *whole], array.shape, strict=True)]
        super().__init__([max(stop - start, 0) for start, stop in spans], array.dtype)
        self._array, self._starts = array, [start for start, _ in spans]

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The voxels of an index, counted from the corner of the box."""
        if not all(map(_is_plain, key)):
            voxels: np.ndarray = np.asarray(self)[key]
            return voxels
        key = (*key, *[slice(None)] * (self.ndim - len(key)))
        shifted: list[Any] = []
        for index, start, length in zip(key, self._starts, self.shape, strict=True):
            if isinstance(index, slice):
                first, last, _ = index.indices(length)
                shifted.append(slice(start + first, start + max(first, last)))
            else:
                shifted.append(start + index)
        return self._array.read(tuple(shifted))


class Channel(Lazy):
    """One channel of a level of a stored image, read when it is indexed.

    The voxels indexed last are kept; of these only the boxes written since are read again.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Z Y X``.
    index : int
        Which channel.
    written : list of Box, optional
        Boxes of level 0 that were written, in their order; whoever writes adds to it.
    finest : sequence of int, optional
        Shape ``(z, y, x)`` of level 0, if the array is another level.
    """

    def __init__(
        self,
        array: Any,
        index: int,
        written: list[Box] | None = None,
        finest: Sequence[int] | None = None,
    ) -> None:
        super().__init__(array.shape[1:], array.dtype)
        self._array, self._index = array, index
        self._written: list[Box] = written if written is not None else []
        self._factors = [
            math.ceil(n / m) for n, m in zip(finest or self.shape, self.shape, strict=True)
        ]
        self._kept: tuple[str, np.ndarray, int] | None = None

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The voxels of an index, from what was kept where that is what is stored."""
        # Counted before reading: what is written meanwhile, or while a slower thread reads the
        # same voxels, is read again next time.
        count, kept = len(self._written), self._kept
        same = kept is not None and kept[0] == repr(key)
        if kept is not None and same and kept[2] >= count:
            return kept[1]
        if kept is not None and same and len(key) == self.ndim and all(map(_is_plain, key)):
            voxels = self._read_again(kept[1], key, self._written[kept[2] : count])
        else:
            voxels = np.asarray(self._array[(self._index, *key)])
        self._kept = (repr(key), voxels, count)
        return voxels

    def _read_again(self, voxels: np.ndarray, key: tuple[Any, ...], boxes: list[Box]) -> np.ndarray:
        voxels = voxels.copy()
        for box in boxes:
            source: list[Any] = []
            target: list[slice] = []
            axes = zip(key, box, self._factors, self.shape, strict=True)
            for wanted, part, factor, length in axes:
                first, last = part.start // factor, min(-(-part.stop // factor), length)
                if isinstance(wanted, slice):
                    start, stop, _ = wanted.indices(length)
                    source.append(slice(max(first, start), min(last, stop)))
                    target.append(slice(source[-1].start - start, source[-1].stop - start))
                    if source[-1].start >= source[-1].stop:
                        break
                elif first <= wanted < last:
                    source.append(wanted)
                else:
                    break
            else:
                voxels[tuple(target)] = self._array[(self._index, *source)]
        return voxels


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
        super().__init__(channel.shape, np.uint8)
        self._channel, self.threshold = channel, threshold

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """1 where the channel reaches the threshold, else 0."""
        labels: np.ndarray = (self._channel.read(key) >= self.threshold).astype(self.dtype)
        return labels


def _is_plain(index: Any) -> bool:
    """Whether an index is a position or a range without gaps."""
    if isinstance(index, slice):
        return index.step in (None, 1)
    return isinstance(index, int | np.integer) and bool(index >= 0)

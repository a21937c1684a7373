"""Arrays that napari shows while the file behind them still grows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.widgets.looking import Box


class Lazy:
    """What napari asks of an array, before it indexes it."""

    def __init__(self, shape: Sequence[int], dtype: Any) -> None:
        self.shape: tuple[int, ...] = tuple(shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(dtype)
        # napari orders the levels of a pyramid by it.
        self.size = math.prod(self.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[(slice(None),) * self.ndim], dtype)


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

    def __getitem__(self, key: Any) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
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

    def __getitem__(self, key: Any) -> np.ndarray:
        return (self._channel[key] >= self.threshold).astype(self.dtype)


def _is_plain(index: Any) -> bool:
    """Whether an index is a position or a range without gaps."""
    if isinstance(index, slice):
        return index.step in (None, 1)
    return isinstance(index, int | np.integer) and bool(index >= 0)

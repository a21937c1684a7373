"""Arrays that are indexed without being read, at a cost that does not depend on their size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region

MOST_AT_ONCE = 2**28  # bytes


class Lazy:
    """Voxels that are read once they are turned into a numpy array.

    Indexed by positions, ranges, ``...`` and None it gives a `View`, and nothing is read; only a
    single voxel is read at once. A subclass says in `read` where the voxels come from.

    Parameters
    ----------
    shape : sequence of int
        Voxels along each axis.
    dtype : dtype-like
        Type of a voxel.
    chunks : sequence of int, optional
        Voxels along each axis of what is read in one piece; all of them where not given.
    """

    def __init__(
        self, shape: Iterable[int], dtype: Any, chunks: Sequence[int] | None = None
    ) -> None:
        self.shape: tuple[int, ...] = tuple(int(n) for n in shape)
        self.ndim, self.dtype = len(self.shape), np.dtype(dtype)
        # napari orders the levels of a pyramid by it.
        self.size = math.prod(self.shape)
        self.chunks = tuple(
            max(1, min(int(c), n)) for c, n in zip(chunks or self.shape, self.shape, strict=True)
        )

    def read(self, box: Region) -> NDArray[Any]:
        """The voxels of a box: a range without step for each axis, inside the array."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        return self._whole()[key]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        read = self.read(tuple(slice(0, n) for n in self.shape))
        # What lies in memory is handed out as it is to whoever does not ask for a copy.
        return np.array(read, dtype) if copy else np.asarray(read, dtype)

    def transpose(self, axes: Sequence[int]) -> Lazy:
        """The same voxels with the axes in another order."""
        return self._whole().transpose(axes)

    def map(self, function: Callable[[NDArray[Any]], NDArray[Any]], dtype: Any) -> Lazy:
        """A function of each voxel alone, computed when it is read."""
        return Mapped(self, function, dtype)

    def _whole(self) -> Lazy:
        return View(self, [range(n) for n in self.shape], range(self.ndim))


class View(Lazy):
    """Part of a lazy array, with its axes in any order and direction.

    Parameters
    ----------
    array : Lazy
        What it is a part of.
    ranges : sequence of range
        Which voxels along each axis of `array`, and along axes of length one that are new.
    axes : sequence of int
        Which of these each of its own axes is. One that is not named has one voxel.
    """

    def __init__(self, array: Lazy, ranges: Sequence[range], axes: Sequence[int]) -> None:
        chunks = [*array.chunks, *[1] * (len(ranges) - array.ndim)]
        super().__init__(
            (len(ranges[axis]) for axis in axes), array.dtype, [chunks[axis] for axis in axes]
        )
        self._array, self._ranges, self._axes = array, tuple(ranges), tuple(axes)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if not all(index is None or index is ... or _is_basic(index) for index in keys):
            return np.asarray(self)[key]
        ranges, rest = list(self._ranges), list(self._axes)
        axes = []
        for index in _without_ellipsis(keys, self.ndim):
            if index is None:
                axes.append(len(ranges))
                ranges.append(range(1))
                continue
            axis = rest.pop(0)
            if isinstance(index, slice):
                ranges[axis] = ranges[axis][index]
                axes.append(axis)
            else:
                at = ranges[axis][int(index)]
                ranges[axis] = range(at, at + 1)
        view = View(self._array, ranges, [*axes, *rest])
        return view if view.ndim else np.asarray(view)[()]

    def read(self, box: Region) -> NDArray[Any]:
        """The voxels of a box of its own axes."""
        ranges = list(self._ranges)
        for part, axis in zip(box, self._axes, strict=True):
            ranges[axis] = ranges[axis][part]
        shape = [len(ranges[axis]) for axis in self._axes]
        if not all(shape):
            return np.empty(shape, self.dtype)
        stored = ranges[: self._array.ndim]
        source = tuple(slice(min(r), max(r) + 1) for r in stored)
        voxels = self._array.read(source)[tuple(slice(None, None, r.step) for r in stored)]
        kept = [axis for axis in self._axes if axis < voxels.ndim]
        dropped = [axis for axis in range(voxels.ndim) if axis not in kept]
        return voxels.transpose([*dropped, *kept]).reshape(shape)

    def transpose(self, axes: Sequence[int]) -> Lazy:
        """The same voxels with the axes in another order."""
        return View(self._array, self._ranges, [self._axes[axis] for axis in axes])

    def _whole(self) -> Lazy:
        return self


class Mapped(Lazy):
    """A function of each voxel of another array.

    Parameters
    ----------
    array : Lazy
        The other array.
    function : callable
        From voxels to as many voxels.
    dtype : dtype-like
        Of what the function gives.
    """

    def __init__(
        self, array: Lazy, function: Callable[[NDArray[Any]], NDArray[Any]], dtype: Any
    ) -> None:
        super().__init__(array.shape, dtype, array.chunks)
        self._array, self._function = array, function

    def read(self, box: Region) -> NDArray[Any]:
        """The function of the voxels of a box."""
        return np.asarray(self._function(self._array.read(box)), self.dtype)


def planes_of(array: Any) -> Iterator[NDArray[Any]]:
    """The voxels of an array ``Z Y X`` in their order, in blocks of whole planes.

    A block is as deep as what is stored in one piece, unless that is more than `MOST_AT_ONCE`.
    """
    depth, height, width = array.shape
    room = MOST_AT_ONCE // max(1, height * width * array.dtype.itemsize)
    chunks = getattr(array, "chunks", None) or (1,)
    step = max(1, min(chunks[0], room))
    for first in range(0, depth, step):
        yield np.asarray(array[first : min(first + step, depth)])


def _is_basic(index: Any) -> bool:
    return isinstance(index, slice | int | np.integer) and not isinstance(index, bool)


def _without_ellipsis(keys: tuple[Any, ...], ndim: int) -> list[Any]:
    """The index with ranges in the place of ``...``."""
    used = sum(index is not None and index is not ... for index in keys)
    if used > ndim:
        raise IndexError(f"{used} indices for an array of {ndim} axes")
    at = next((i for i, index in enumerate(keys) if index is ...), len(keys))
    return [*keys[:at], *[slice(None)] * (ndim - used), *keys[at + 1 :]]

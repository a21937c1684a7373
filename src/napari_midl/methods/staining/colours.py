"""Colour arrays that napari shows while the file behind them still grows, and a curtain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence


class Colours(Lazy):
    """Red, green and blue of one level of a stored stain, colours last.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Y X`` or ``C Z Y X``.
    """

    def __init__(self, array: Any) -> None:
        super().__init__((*array.shape[1:], 3), array.dtype)
        self._array = array

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The colours of an index."""
        colours = slice(None)
        if len(key) == self.ndim:
            *places, colours = key
            key = tuple(places)
        read: np.ndarray = np.moveaxis(self._array[(slice(0, 3), *key)], 0, -1)[..., colours]
        return read


class Curtain(Lazy):
    """A colour array that is opaque left of a column and transparent right of it.

    Parameters
    ----------
    array : array
        Colours last, red, green and blue.
    share : float
        Where the curtain ends, as a share of the width; may be changed.
    """

    def __init__(self, array: Any, share: float = 0.5) -> None:
        super().__init__((*array.shape[:-1], 4), array.dtype)
        self._array, self.share = array, share

    def read(self, key: tuple[Any, ...]) -> np.ndarray:
        """The colours and the opacity of an index."""
        places, rest = key[: self.ndim - 1], key[self.ndim - 1 :]
        colours = np.asarray(self._array[places])
        width = self.shape[-2]
        columns = np.arange(width)
        if len(places) == self.ndim - 1:
            columns = columns[places[-1]]
        seen = np.where(columns < self.share * width, 255, 0).astype(np.uint8)
        opacity = np.broadcast_to(seen, colours.shape[:-1])[..., None]
        return np.concatenate([colours, opacity], axis=-1)[(..., *rest)]


def curtains(levels: Sequence[Any], share: float) -> list[Curtain]:
    """A curtain before each level of a pyramid."""
    return [Curtain(level, share) for level in levels]

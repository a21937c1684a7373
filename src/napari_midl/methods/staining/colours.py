"""Colour arrays that napari shows while the file behind them still grows, and a curtain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region


class Colours(Lazy):
    """Red, green and blue of one level of a stored stain, colours last.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Y X`` or ``C Z Y X``.
    """

    def __init__(self, array: Any) -> None:
        super().__init__((*array.shape[1:], 3), array.dtype, (*array.chunks[1:], 3))
        self._array = array

    def read(self, box: Region) -> NDArray[Any]:
        """The colours of a box."""
        *places, colours = box
        read: NDArray[Any] = np.moveaxis(self._array[(colours, *places)], 0, -1)
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

    def read(self, box: Region) -> NDArray[Any]:
        """The colours and the opacity of a box."""
        *places, colours = box
        seen = np.asarray(self._array[tuple(places)])
        columns = np.arange(self.shape[-2])[places[-1]]
        opaque = np.where(columns < self.share * self.shape[-2], 255, 0).astype(np.uint8)
        opacity = np.broadcast_to(opaque, seen.shape[:-1])[..., None]
        return np.concatenate([seen, opacity], axis=-1)[..., colours]


def curtains(levels: Sequence[Any], share: float) -> list[Curtain]:
    """A curtain before each level of a pyramid."""
    return [Curtain(level, share) for level in levels]

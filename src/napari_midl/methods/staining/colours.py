"""Colour arrays that napari shows while the file behind them still grows, and a curtain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.methods.staining.stained import is_stained
from napari_midl.volumes.growing import Growing
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region


_EDGE = (20, 20, 20, 255)  # of the curtain: where a person takes hold of it
_WIDTH = 3  # columns of it: one is not drawn where fewer pixels than columns are shown


class Colours(Growing):
    """Red, green, blue and opacity of one level of a stored stain, last.

    It is transparent where nothing is stained yet.

    Parameters
    ----------
    array : zarr.Array
        Axes ``C Y X`` or ``C Z Y X``.
    written, finest
        As for `Growing`.
    """

    def __init__(
        self,
        array: Any,
        written: list[Region] | None = None,
        finest: Sequence[int] | None = None,
    ) -> None:
        super().__init__(array, written, finest, values=(4,))

    def load(self, box: Region) -> NDArray[Any]:
        """The colours and the opacity of a box."""
        *places, values = box
        colours = np.moveaxis(self._array[(slice(0, 3), *places)], 0, -1)
        opaque = np.where(is_stained(colours), 255, 0).astype(np.uint8)
        return np.concatenate([colours, opaque[..., None]], axis=-1)[..., values]


class Curtain(Lazy):
    """A colour array that is left of an edge, which is dark, and transparent right of it.

    Parameters
    ----------
    array : array
        Red, green and blue last, and opacity if there is one.
    share : float
        Where the curtain ends, as a share of the width; may be changed.
    """

    def __init__(self, array: Any, share: float = 0.5) -> None:
        super().__init__((*array.shape[:-1], 4), array.dtype)
        self._array, self.share = array, share

    def read(self, box: Region) -> NDArray[Any]:
        """The colours and the opacity of a box."""
        *places, values = box
        seen = np.asarray(self._array[tuple(places)])
        columns = np.arange(self.shape[-2])[places[-1]]
        edge = math.ceil(self.share * self.shape[-2])
        opaque = seen[..., 3] if seen.shape[-1] > 3 else np.full(seen.shape[:-1], 255, np.uint8)
        opaque = np.where(columns < edge, opaque, 0).astype(np.uint8)
        hung = np.concatenate([seen[..., :3], opaque[..., None]], axis=-1)
        hung[..., (edge - _WIDTH <= columns) & (columns < edge), :] = _EDGE
        return hung[..., values]


def curtains(levels: Sequence[Any], share: float) -> list[Curtain]:
    """A curtain before each level of a pyramid."""
    return [Curtain(level, share) for level in levels]

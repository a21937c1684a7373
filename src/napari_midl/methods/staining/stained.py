"""A stain as it lies on the disk: its colours, and what of it is there.

Black, no colour of a stain, stands in the file where nothing is stained yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_midl.engine.journal import COMPLETE, TILES, finished_tiles
from napari_midl.errors import InputError
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.multiscales import ABOUT
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.volume import Volume

COLOURS = ("red", "green", "blue")
GLASS = 255
_DARKEST = 1


def never_black(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bytes ``(C, z, y, x)`` whose first three, the colours, are none that says *not stained*."""
    kept = stored.copy()
    np.maximum(kept[: len(COLOURS)], _DARKEST, out=kept[: len(COLOURS)])
    return kept


def is_stained(colours: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where colours ``(..., 3)`` are of a stain."""
    return np.asarray(colours.any(-1))


@dataclass(frozen=True)
class Stained:
    """A stain that is open; no pixel is read.

    Parameters
    ----------
    path : Path
        The OME-Zarr.
    volume : Volume
        Its voxels, axes ``C Y X`` or ``C Z Y X``, and the size of a pixel.
    method : str
        Which stain it is.
    extent : str
        How much of the mosaic is stained; empty for all of it.
    """

    path: Path
    volume: Volume
    method: str
    extent: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Pixels ``(z, y, x)``."""
        z, y, x = (1, *self.volume.levels[0].shape[1:])[-3:]
        return z, y, x

    @property
    def about(self) -> str:
        """What a file made of it says of itself."""
        partial = (
            f" Only {self.extent} of the mosaic are stained; the rest shows nothing, and no tissue."
            if self.extent
            else ""
        )
        return f"{NOTICE.capitalize()}. Method: {self.method}.{partial}"

    def levels(self) -> list[Lazy]:
        """Colours last, ``Y X S`` or ``Z Y X S``, white where nothing is stained.

        The finest first; of a stack only those levels that keep its slices.
        """
        found: Sequence[Any] = self.volume.levels
        deep = [level for level in found if level.shape[1:-2] == found[0].shape[1:-2]]
        return [OnGlass(level, bool(self.extent)) for level in deep]


class OnGlass(Lazy):
    """Red, green and blue of a level, last; white where nothing is stained.

    Parameters
    ----------
    array : Lazy
        Axes ``C Y X`` or ``C Z Y X``.
    partial : bool
        Whether some of it is not stained.
    """

    def __init__(self, array: Any, partial: bool) -> None:
        count = len(COLOURS)
        super().__init__((*array.shape[1:], count), np.uint8, (*array.chunks[1:], count))
        self._array, self._partial = array, partial

    def read(self, box: Region) -> NDArray[Any]:
        """The colours of a box."""
        *places, colours = box
        read = np.moveaxis(np.asarray(self._array[(slice(0, len(COLOURS)), *places)]), 0, -1)
        if self._partial:
            read = np.where(is_stained(read)[..., None], read, np.uint8(GLASS))
        return read[..., colours]


def open_stained(path: Path) -> Stained:
    """Open what ``staining stain`` has written, also before it is whole.

    Raises
    ------
    InputError
        If it is no stain, or is unfinished and its journal is damaged.
    """
    volume = open_volume(path)
    try:
        about = _mapping(_mapping(zarr.open_group(path, mode="r").attrs.asdict()).get(ABOUT))
    except (OSError, ValueError):  # another kind of image, or a bare array
        about = {}
    if volume.channels[: len(COLOURS)] != COLOURS or "method" not in about:
        raise InputError(f"{path} is no stain; give the OME-Zarr that staining stain has written.")
    return Stained(path, volume, str(about["method"]), _extent(path, about))


def _extent(path: Path, about: dict[str, Any]) -> str:
    """How much of it is there; empty for all of it."""
    finished = finished_tiles(path)
    if finished is None:
        return "" if about.get(COMPLETE, True) else "some tiles"
    count = _mapping(about.get(TILES)).get("count", 0)
    return f"{len(finished):,} of {count:,} tiles" if count else f"{len(finished):,} tiles"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

"""A colour slide as OME-TIFF with a pyramid, as pathologists' viewers read it; tile by tile."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import tifffile

from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.tiff_out import place_said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.space import Space

    Tile = NDArray[np.uint8]

TILE = 512
_GLASS = 255
_CLASSIC = 2**32 - 2**25  # bytes that a file with 32-bit places has room for
_AT_ONCE = 2**26  # bytes of tiles that are compressed side by side
_JPEG_QUALITY = 90


def count_tiles(levels: Sequence[Lazy]) -> int:
    """How many tiles the slide has in all its levels."""
    return sum(_depth(level) * len(_corners(level)) for level in levels)


def write_slide(
    levels: Sequence[Lazy],
    space: Space,
    path: Path,
    *,
    name: str,
    about: str,
    compression: Literal["deflate", "jpeg"] = "deflate",
    counted: Callable[[Iterator[Tile]], Iterator[Tile]] = iter,
) -> None:
    """Write an 8-bit colour slide; the file appears once it is whole.

    Parameters
    ----------
    levels : sequence of Lazy
        The finest first, axes ``Y X S`` or ``Z Y X S``, red, green and blue last; all of one
        depth. The coarser ones become SubIFDs of the finest, as OME-TIFF wants it.
    space : Space
        Size and place of the finest pixels, where they are known.
    path : Path
        A ``.tif`` or ``.tiff`` file.
    name, about : str
        Name and description of the image in the file.
    compression : {"deflate", "jpeg"}
        Without loss, or several times smaller.
    counted : callable
        Given the tiles of a level, which are read as they are asked for, gives them on to the
        writer; what it raises ends the writing.

    Raises
    ------
    InputError
        If a pixel cannot be read, or the file cannot be written.
    """
    finest = levels[0]
    axes = "ZYXS"[-finest.ndim :]
    said: dict[str, Any] = {
        "axes": axes,
        **place_said(space, axes, finest.shape),
        "Name": name,
        "Description": about,
        # Of its words, since a slide that is written again is to be the same file.
        "UUID": str(uuid5(NAMESPACE_OID, f"{name} {about} {finest.shape}")),
    }
    jpeg = {"compression": "jpeg", "compressionargs": {"level": _JPEG_QUALITY}}
    how: dict[str, Any] = {
        "dtype": np.uint8,
        "photometric": "rgb",
        "tile": (TILE, TILE),
        **(jpeg if compression == "jpeg" else {"compression": "zlib", "predictor": True}),
    }
    large = sum(math.prod(level.shape) for level in levels) > _CLASSIC
    with (
        whole_file(path) as beside,
        tifffile.TiffWriter(beside, ome=True, bigtiff=large) as file,
    ):
        for step, level in enumerate(levels):
            file.write(
                counted(_tiles(level)),
                shape=level.shape,
                **how,
                buffersize=_AT_ONCE,
                **_printed(space, finest.shape[-2] / level.shape[-2]),
                **({"subfiletype": 1} if step else {"subifds": len(levels) - 1, "metadata": said}),
            )


def _tiles(level: Lazy) -> Iterator[Tile]:
    """The tiles of a level in the order of the file, glass beyond its edge."""
    for z, (y, x) in product(range(_depth(level)), _corners(level)):
        plane = level[z] if level.ndim == 4 else level
        read = np.asarray(plane[y : y + TILE, x : x + TILE])
        tile = np.full((TILE, TILE, 3), _GLASS, np.uint8)
        tile[: read.shape[0], : read.shape[1]] = read
        yield tile


def _printed(space: Space, factor: float) -> dict[str, Any]:
    """The resolution for who knows no OME."""
    if not space.known:
        return {}
    _, y, x = (1 / size / factor for size in space.sizes_in("centimeter"))
    return {"resolution": (x, y), "resolutionunit": "CENTIMETER"}


def _depth(level: Lazy) -> int:
    return level.shape[0] if level.ndim == 4 else 1


def _corners(level: Lazy) -> list[tuple[int, int]]:
    height, width = level.shape[-3:-1]
    return list(product(range(0, height, TILE), range(0, width, TILE)))

"""The voxels of a TIFF as arrays that read from the file."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from nibabel.fileslice import fileslice

from napari_midl.errors import InputError

if TYPE_CHECKING:
    import tifffile
    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region

# Pages above so many bytes are read by their strips, and no piece may have more than the other.
_LARGE, _LARGEST = 2**26, 2**29


def arrays_of(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> list[Any]:
    """The levels of an image as arrays that read from the file where they are indexed.

    Parameters
    ----------
    path : Path
        What to call the file.
    file : TiffFile
        The open file; it is closed with the last array.
    series : TiffPageSeries
        Its image.

    Raises
    ------
    InputError
        If it is stored in pieces that are too large.
    """
    if all(level.dataoffset is not None for level in series.levels):
        return [Contiguous.of(level) for level in series.levels]
    key = series.keyframe
    pages = [page for page in series if page is not None]
    kinds = {page.keyframe.hash for page in pages if page.keyframe is not None}
    # Of a whole page tifffile asks not whether it was written.
    in_parts = key.is_tiled or key.nbytes > _LARGE or not all(all(p.dataoffsets) for p in pages)
    # The files of a set may be cut into other pieces each.
    by_pieces = in_parts and len(kinds) == 1
    piece = key.chunks if by_pieces else key.shape
    if math.prod(piece) * series.dtype.itemsize > _LARGEST:
        raise InputError(
            f"{path} is stored in pieces of {' x '.join(map(str, piece))}, each of which has to "
            "be decoded to read any part of it; save it as OME-Zarr or TIFF in smaller tiles."
        )
    store = series.aszarr(chunkmode=None if by_pieces else "page")
    # The store opens the files again to read chunks.
    weakref.finalize(store, file.close)
    node = zarr.open(store, mode="r")
    if isinstance(node, zarr.Array):
        return [node]
    attributes: Any = node.attrs.asdict()
    # tifffile writes them as OME-Zarr 0.4 has them, or 0.5.
    about = attributes.get("ome", attributes)["multiscales"]
    return [node[dataset["path"]] for dataset in about[0]["datasets"]]


@dataclass(frozen=True)
class Contiguous:
    """Voxels that lie in a file one after the other.

    Parameters
    ----------
    path : str
        The file.
    shape : tuple of int
        Voxels along each axis, the last running fastest.
    stored, dtype : dtype
        Type of a voxel in the file, and in memory.
    offset : int
        Where in the file the first one is.
    chunks : tuple of int
        Voxels along each axis of what is best read at once.
    """

    path: str
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    offset: int
    chunks: tuple[int, ...]

    @classmethod
    def of(cls, level: tifffile.TiffPageSeries) -> Contiguous:
        """What is in one piece of a TIFF."""
        assert level.dataoffset is not None
        file, shape = level.keyframe.parent, level.shape
        chunks, size = [1] * len(shape), level.dtype.itemsize
        for axis in range(len(shape) - 1, len(shape) - 1 - level.keyframe.ndim, -1):
            chunks[axis] = min(shape[axis], max(1, _LARGE // size))
            size *= chunks[axis]
        stored = level.dtype.newbyteorder(file.byteorder)
        path = file.filehandle.path
        return cls(path, shape, stored, level.dtype, level.dataoffset, tuple(chunks))

    def __getitem__(self, box: Region) -> NDArray[Any]:
        with Path(self.path).open("rb") as file:
            found = fileslice(file, box, self.shape, self.stored, self.offset, order="C")
        return np.asarray(found, self.dtype)

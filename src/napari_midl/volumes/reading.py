"""Reading voxels: what cannot be decoded, or would not fit into memory, is a sentence."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import psutil

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_CHUNKS = 2**23  # dask looks at all of them for each region that is read
# A decoder holds its output and hands on a copy.
_COPIES = 2


class StoredArray:
    """An array of a file whose damaged voxels are a sentence, whoever reads them and when.

    Parameters
    ----------
    array : array-like
        Reads from the file when it is indexed.
    source : str or Path
        What to call the file.
    """

    def __init__(self, array: Any, source: str | Path) -> None:
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype, self.ndim = np.dtype(array.dtype), len(self.shape)
        self._array, self.source = array, source

    def __getitem__(self, region: Any) -> NDArray[Any]:
        with decoding(self.source):
            return np.asarray(self._array[region])


@contextmanager
def decoding(source: str | Path) -> Iterator[None]:
    """Turn what a decoder raises in this block into a sentence about `source`.

    Raises
    ------
    InputError
        If they are damaged, or do not fit into the memory.
    """
    try:
        yield
    except InputError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{source} is stored in pieces that do not fit into the memory; save it in smaller "
            "tiles or chunks."
        ) from error
    except Exception as error:  # each codec and store raises classes of its own
        fault = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(
            f"{source} holds voxels that cannot be read ({fault}); copy or export it again."
        ) from error


def check_room(source: str | Path, shape: Sequence[float], dtype: Any) -> None:
    """Refuse a piece of a file that can only be decoded whole, and has no room in memory.

    Parameters
    ----------
    source : str or Path
        What to call the file.
    shape, dtype
        Of the decoded piece.

    Raises
    ------
    InputError
        If it is larger than what is free.
    """
    needed = _COPIES * math.prod(shape) * np.dtype(dtype).itemsize
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"{source} is stored in pieces of {' x '.join(map(str, shape))}, which take "
            f"{needed / 2**30:.1f} GiB to read where {free / 2**30:.1f} GiB of memory are free; "
            "save it as OME-Zarr or TIFF in smaller tiles."
        )


def lazy(array: StoredArray, chunks: Any = "auto", **options: Any) -> da.Array:
    """A dask array of a stored one, in blocks of `chunks` voxels.

    Raises
    ------
    InputError
        If there are more blocks than can be looked after.
    """
    sizes = da.core.normalize_chunks(chunks, array.shape, dtype=array.dtype)
    pieces = math.prod(len(along) for along in sizes)
    if pieces > MOST_CHUNKS:
        raise InputError(
            f"{array.source} is stored in {pieces:.3g} pieces, which is more than {MOST_CHUNKS}; "
            "save it with larger chunks, or in parts."
        )
    # A name of its own: the same path may hold another image tomorrow.
    blocks: da.Array = da.from_array(array, chunks=sizes, name=False, **options)
    return blocks

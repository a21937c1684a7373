"""Arrays in files, read region by region; what cannot be decoded is a sentence."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MOST_CHUNKS = 2**23  # dask looks at all of them for each region that is read
LARGEST_CHUNK = 2**31  # bytes; all of a chunk is decoded for any part of it


class StoredArray:
    """An array in a file.

    Parameters
    ----------
    path : Path
        The file, for the sentence.
    array : object
        Has a shape, a dtype and reads by ``[]``.
    """

    def __init__(self, path: Path, array: Any) -> None:
        self.path = path
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim
        self._array = array

    def __getitem__(self, region: Any) -> NDArray[Any]:
        with reading(self.path):
            return np.asarray(self._array[region])


@contextmanager
def reading(name: object) -> Iterator[None]:
    """Say what is wrong with a file whose voxels cannot be read.

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
            f"{name} is stored in pieces that do not fit into the memory; save it in tiles or "
            "chunks."
        ) from error
    except Exception as error:  # each format's library raises classes of its own
        fault = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(
            f"{name} holds voxels that cannot be read ({fault}); copy or export it again."
        ) from error


def lazy(array: StoredArray, chunks: Sequence[int]) -> da.Array:
    """A dask array of a stored one; a block is what is stored in one piece.

    Raises
    ------
    InputError
        If there are more pieces than can be looked after, or one is too large.
    """
    largest = math.prod(map(min, zip(chunks, array.shape, strict=True))) * array.dtype.itemsize
    if largest > LARGEST_CHUNK:
        raise InputError(
            f"{array.path} is stored in pieces of {largest / 2**30:.0f} GiB, each of which has to "
            "fit into the memory several times; save it in smaller tiles or chunks."
        )
    pieces = math.prod(math.ceil(n / max(1, c)) for n, c in zip(array.shape, chunks, strict=True))
    if pieces > MOST_CHUNKS:
        raise InputError(
            f"{array.path} is stored in {pieces:.3g} pieces, which is more than {MOST_CHUNKS}; "
            "save it with larger chunks, or in parts."
        )
    # A name of its own: the same path may hold another image tomorrow.
    blocks: da.Array = da.from_array(array, chunks=tuple(chunks), name=False)
    return blocks

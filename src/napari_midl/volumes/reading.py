"""Reading voxels: what cannot be decoded, or would not fit into memory, is a sentence."""

from __future__ import annotations

import math
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region

# A decoder holds its output and hands on a copy.
_COPIES = 2


class StoredArray(Lazy):
    """An array of a file whose damaged voxels are a sentence, whoever reads them and when.

    Parameters
    ----------
    array : array-like
        Reads from the file when it is indexed; or a dask array, computed in the thread that reads.
    source : str or Path
        What to call the file.
    chunks : sequence of int, optional
        Voxels of what it reads in one piece; by default as the array itself says.
    """

    def __init__(self, array: Any, source: str | Path, chunks: Sequence[int] | None = None) -> None:
        pieces = chunks or getattr(array, "chunks", None) or array.shape
        # dask and xarray name each piece along an axis, the others the largest.
        largest = [max(n) if isinstance(n, tuple) else n for n in pieces]
        # In the byte order of this machine, whatever that of the file.
        super().__init__(array.shape, np.dtype(array.dtype).newbyteorder("="), largest)
        self._array, self.source = array, source

    def read(self, box: Region) -> NDArray[Any]:
        """The voxels of a box.

        Raises
        ------
        InputError
            If they cannot be decoded.
        """
        with decoding(self.source):
            found = self._array[box]
            if hasattr(found, "compute"):
                # A worker of a cluster would hand it to the cluster and wait for a thread.
                found = found.compute(scheduler="synchronous")
            return np.asarray(found, self.dtype)


class Decoded(Lazy):
    """An array that can only be decoded whole; it is so once, when it is first looked at.

    Parameters
    ----------
    decode : callable
        Gives the array.
    shape, dtype
        Of the array.
    source : str or Path
        What to call the file.
    """

    def __init__(
        self, decode: Callable[[], NDArray[Any]], shape: Sequence[int], dtype: Any, source: Any
    ) -> None:
        super().__init__(shape, np.dtype(dtype).newbyteorder("="))
        self._decode, self.source = decode, source
        self._turn = Lock()
        self._decoded: NDArray[Any] | None = None

    def read(self, box: Region) -> NDArray[Any]:
        """The voxels of a box.

        Raises
        ------
        InputError
            If they cannot be decoded.
        """
        with self._turn:  # whoever comes meanwhile waits instead of decoding it too
            if self._decoded is None:
                with decoding(self.source):
                    self._decoded = np.asarray(self._decode(), self.dtype).reshape(self.shape)
            return self._decoded[box]


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
        raise InputError(
            f"{source} holds voxels that cannot be decoded: it is damaged, or packed in a way "
            "that is not known here; copy or export it again."
        ) from error


def check_room(
    source: str | Path,
    shape: Sequence[float],
    dtype: Any,
    instead: str = "save it as OME-Zarr or TIFF in smaller tiles",
) -> None:
    """Refuse a piece of a file that can only be decoded whole, and has no room in memory.

    Parameters
    ----------
    source : str or Path
        What to call the file.
    shape, dtype
        Of the decoded piece.
    instead : str
        The way out.

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
            f"{instead}."
        )

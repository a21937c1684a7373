"""Writing a lazy array into one file: it tells how far it is, and can be cancelled."""

from __future__ import annotations

import hashlib
import math
from concurrent.futures import wait
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread
from napari_midl.volumes.export import write_image
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.space import Space

_EVERY = 0.2  # seconds


def export(
    array: Lazy,
    space: Space,
    path: Path,
    make: Callable[[Lazy], Lazy],
    message: str,
    about: str = "",
) -> Job[str]:
    """Write what is made of an array as NIfTI or OME-TIFF, a few planes at a time.

    Parameters
    ----------
    array : Lazy
        Axes ``Z Y X``.
    space : Space
        Where its voxels lie.
    path : Path
        As for `volumes.export.write_image`.
    make : callable
        Gives what to write of it, lazily.
    message : str
        What happens, for a person.
    about : str
        What the file is to say of itself.

    Returns
    -------
    str
        SHA-256 of the voxels in their order, returned by the generator.

    Raises
    ------
    InputError
        If the voxels cannot be read or the file cannot be written.
    """
    read = _Watched(array)
    written = in_thread(lambda: write_image(make(read), space, path, about))
    try:
        yield Progress(0, array.size, message)
        while not wait([written], timeout=_EVERY).done:
            yield Progress(read.count, array.size, message)
        written.result()
    finally:
        read.cancelled = True
        wait([written])
    return read.digest.hexdigest()


class _Watched(Lazy):
    """Counts and hashes the voxels that are read, and ends the reading once it is cancelled."""

    def __init__(self, array: Lazy) -> None:
        super().__init__(array.shape, array.dtype, array.chunks)
        self._array = array
        self.count, self.digest, self.cancelled = 0, hashlib.sha256(), False

    def read(self, box: Region) -> NDArray[Any]:
        if self.cancelled:
            raise InterruptedError("nobody waits for it")
        voxels = np.ascontiguousarray(self._array[box])
        self.count += math.prod(voxels.shape)
        self.digest.update(voxels.data)
        return voxels

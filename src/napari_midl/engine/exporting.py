"""Writing a lazy array into one file: it tells how far it is, and can be cancelled."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.pieces import Pieces
from napari_midl.volumes.export import write_image
from napari_midl.volumes.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.jobs import Job
    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.space import Space


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
    voxels = Pieces(array.size)
    read = _Hashed(array, voxels)
    yield from voxels.written_by(lambda: write_image(make(read), space, path, about), message)
    return read.digest.hexdigest()


class _Hashed(Lazy):
    """Counts and hashes the voxels that are read."""

    def __init__(self, array: Lazy, voxels: Pieces) -> None:
        super().__init__(array.shape, array.dtype, array.chunks)
        self._array, self._voxels, self.digest = array, voxels, hashlib.sha256()

    def read(self, box: Region) -> NDArray[Any]:
        block = np.ascontiguousarray(self._array[box])
        self._voxels.take(block.size)
        self.digest.update(block.data)
        return block

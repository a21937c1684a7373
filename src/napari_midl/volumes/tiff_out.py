"""OME-TIFF with the size of its voxels, plane by plane, as Fiji reads it; tifffile writes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.lazy import planes_of
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.space import Space

_STORED_AS = {"bool": "uint8", "float16": "float32"}
_CLASSIC = 2**32 - 2**25  # bytes that a file with 32-bit places has room for


def write_tiff(
    array: Any, space: Space, path: Path, channels: Sequence[str] = (), about: str = ""
) -> None:
    """Write voxels with their size, a few planes at a time; the file appears once it is whole.

    Parameters
    ----------
    array : Lazy, zarr.Array or ndarray
        Axes ``Z Y X`` or ``C Z Y X``; half floats are written as floats and booleans as bytes.
    space : Space
        Their size, where it is known. A TIFF says nothing of their place.
    path : Path
        A ``.tif`` or ``.tiff`` file.
    channels : sequence of str
        Names of the channels.
    about : str
        What the file is to say of itself, as the description of its image.

    Raises
    ------
    InputError
        If the voxels cannot be read, are integers of 64 bits, or the file cannot be written.
    """
    dtype = np.dtype(_STORED_AS.get(str(array.dtype), array.dtype)).newbyteorder("<")
    if dtype.kind in "iu" and dtype.itemsize > 4:
        raise InputError(f"{path} has no room for {array.dtype} values; write a .nii.gz instead.")
    said: dict[str, Any] = {"axes": "CZYX"[-array.ndim :]}
    if about:
        said["Description"] = about
    if channels:
        said["Channel"] = {"Name": list(channels)}
    printed: dict[str, Any] = {}
    if space.known:
        for axis, size in zip("ZYX", space.voxel_size, strict=True):
            said[f"PhysicalSize{axis}"] = size
            said[f"PhysicalSize{axis}Unit"] = symbol(space.unit)
        # Who knows no OME reads this.
        _, y, x = (1 / size for size in space.sizes_in("centimeter"))
        printed = {"resolution": (x, y), "resolutionunit": "CENTIMETER"}
    with (
        whole_file(path) as beside,
        tifffile.TiffWriter(
            beside, ome=True, bigtiff=math.prod(array.shape) * dtype.itemsize > _CLASSIC
        ) as file,
    ):
        file.write(
            _pages(array, dtype),
            shape=array.shape,
            dtype=dtype,
            photometric="minisblack",
            compression="zlib",
            predictor=dtype.kind in "iu",
            metadata=said,
            **printed,
        )


def _pages(array: Any, dtype: Any) -> Iterator[NDArray[Any]]:
    for stack in (array[n] for n in range(array.shape[0])) if array.ndim == 4 else [array]:
        for planes in planes_of(stack):
            yield from np.ascontiguousarray(planes, dtype)

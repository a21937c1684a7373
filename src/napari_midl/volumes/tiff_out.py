"""OME-TIFF with size and place of its voxels, plane by plane, for Fiji; tifffile writes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_midl import __version__
from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.lazy import planes_of
from napari_midl.volumes.tiff_calibration import OURS
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
    """Write voxels with size and place, a few planes at a time; the file appears once it is whole.

    Parameters
    ----------
    array : Lazy, zarr.Array or ndarray
        Axes ``Z Y X`` or ``C Z Y X``; half floats are written as floats and booleans as bytes.
    space : Space
        Their size and the place of the first one, where they are known. An OME-TIFF knows no
        direction, so that nothing is said of the place of an image which is turned.
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
    axes = "CZYX"[-array.ndim :]
    said = {"axes": axes, **place_said(space, axes, array.shape)}
    if about:
        said["Description"] = about
    if channels:
        said["Channel"] = {"Name": list(channels)}
    printed: dict[str, Any] = {}
    if space.known:
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


def place_said(space: Space, axes: str, shape: Sequence[int]) -> dict[str, Any]:
    """What an OME-TIFF is to say of size and place, as tifffile takes it.

    Parameters
    ----------
    space : Space
        Of the image; nothing is said of what it does not know.
    axes : str
        Its axes, such as ``CZYX``.
    shape : sequence of int
        Its shape.

    Returns
    -------
    dict
        Also its creator, by which we know again that a place is one.
    """
    said: dict[str, Any] = {"Creator": f"{OURS}{__version__}"}
    if not space.known:
        return said
    for axis, size in zip("ZYX", space.voxel_size, strict=True):
        if axis in axes:
            said[f"PhysicalSize{axis}"] = size
            said[f"PhysicalSize{axis}Unit"] = symbol(space.unit)
    if space.origin is None or not space.is_straight:
        return said
    along = dict(zip(axes, shape, strict=True))
    depth, channels = along.get("Z", 1), along.get("C", 1)
    # The middle of the first pixel of each plane.
    planes = [space.cut((z, 0, 0)).origin for z in range(depth)] * channels
    said["Plane"] = {}
    for axis, places in zip("XYZ", zip(*planes, strict=True), strict=True):
        said["Plane"][f"Position{axis}"] = list(places)
        said["Plane"][f"Position{axis}Unit"] = [symbol(space.unit)] * len(planes)
    return said


def _pages(array: Any, dtype: Any) -> Iterator[NDArray[Any]]:
    for stack in (array[n] for n in range(array.shape[0])) if array.ndim == 4 else [array]:
        for planes in planes_of(stack):
            yield from np.ascontiguousarray(planes, dtype)

"""Opening a volume of any format as a lazy, described array; no voxel is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.axes import AXES, SPATIAL, typed_axes
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.reading import Decoded, StoredArray, check_room
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

ZARR_PARTS = ("zarr.json", ".zgroup", ".zattrs", ".zarray", ".zmetadata")
ZIPPED = (".zip", ".ozx")
TIFF = (".tif", ".tiff", ".tf2", ".tf8", ".btf", ".companion.ome")
NIFTI = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
PICTURE = (".png", ".jpg", ".jpeg", ".bmp")
# Named one by one: a name that is made up could be taken by anybody.
_PLUGINS = {
    ".czi": "bioio-czi",
    ".dv": "bioio-dv",
    ".lif": "bioio-lif",
    ".nd2": "bioio-nd2",
    ".r3d": "bioio-dv",
    ".sldy": "bioio-sldy",
}


def open_volume(source: Any, axes: str = "", *, colours: bool = False) -> Volume:
    """Open an image of any size.

    Parameters
    ----------
    source : str, Path or object
        OME-Zarr 0.1 to 0.6 (also labels inside one, also zipped), zarr array, TIFF, OME-TIFF,
        NIfTI, npy, PNG, JPEG, or whatever an installed bioio plugin reads; or an object with the
        BioImage or AICSImage interface, or an array with at most five axes ``T C Z Y X``.
    axes : str
        What its axes are, such as ``ZYX`` where slices were saved as time points; by default as
        it says. In the order ``T C Z Y X``, or in that of a TIFF which does not name all.
    colours : bool
        Whether red, green and blue of a TIFF are channels, as those of a PNG always are.

    Returns
    -------
    Volume
        Axes in the order ``T C Z Y X``; T and C of length one are left out. Voxels are read
        when the arrays in ``levels`` are computed.

    Raises
    ------
    InputError
        If it is missing, no image, damaged, RGB, or cannot be decoded within the free memory.
    """
    if isinstance(source, Volume):
        return source
    if not isinstance(source, str | Path):
        return _from_object(source, axes)
    path = Path(source)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    name = path.name.lower()
    try:
        if path.is_dir() or name.endswith(ZIPPED):
            return _open_zarr(path, axes)
        if name in ZARR_PARTS:
            raise InputError(f"{path} is a part of a zarr; give its folder, {path.parent}.")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is an empty file; copy or export it again.")
        if name.endswith(TIFF):
            return _open_tiff(path, axes, colours)
        if name.endswith(NIFTI):
            return _open_nifti(path, axes)
        if name.endswith(PICTURE):
            return _open_picture(path, axes)
        if name.endswith(".npy"):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return _from_array(array, path.stem, path, axes)
        return _open_bioio(path, axes)
    except InputError:
        raise
    except Exception as error:  # each format's library raises classes of its own
        raise InputError(
            f"{path} is no image that can be read: it is damaged, cut short, or not what its name "
            "says; copy or export it again."
        ) from error


def _open_zarr(path: Path, called: str) -> Volume:
    from napari_midl.volumes.open_zarr import read_zarr

    found = read_zarr(path)
    volume = _describe(
        *(found.levels, found.axes, found.space, found.name, path, called),
        *(found.channels, found.notes),
    )
    return replace(volume, values=found.values)


def _open_tiff(path: Path, called: str, colours: bool) -> Volume:
    from napari_midl.volumes.tiff import read_tiff

    tiff = read_tiff(path, called, colours)
    called = called if tiff.says_axes else ""
    name = path.name.removesuffix(path.suffix).removesuffix(".ome").removesuffix(".companion")
    volume = _describe(
        *(tiff.levels, list(tiff.axes), tiff.space, name, path, called, tiff.channels, tiff.notes)
    )
    return replace(volume, inverted=tiff.inverted)


def _open_nifti(path: Path, called: str) -> Volume:
    from napari_midl.volumes.nifti import read_nifti

    array, axes, space, notes = read_nifti(path)
    name = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    return _describe([array], axes, space, name, path, called, notes=notes)


def _open_picture(path: Path, called: str) -> Volume:
    """A plane, or its colours as channels."""
    from imageio import v3 as imageio

    about = imageio.improps(path)
    check_room(path, about.shape, about.dtype)
    array: Lazy = Decoded(lambda: imageio.imread(path), about.shape, about.dtype, path)
    if about.shape[2:] == (2,):
        array = array[..., 0]  # the other says how opaque a pixel is
    if array.ndim == 2:
        return _describe([array], ["Y", "X"], Space(), path.stem, path, called)
    colours = array[..., :3].transpose((2, 0, 1))
    names = ("red", "green", "blue")[: colours.shape[0]]
    return _describe([colours], ["C", "Y", "X"], Space(), path.stem, path, called, names)


def _open_bioio(path: Path, called: str) -> Volume:
    try:
        from bioio import BioImage
        from bioio_base.exceptions import UnsupportedFileFormatError
    except ImportError:
        raise InputError(
            f"{path} needs bioio to be read; run: pip install 'napari-midl[bioio]', and the bioio "
            "plugin of its format."
        ) from None
    try:
        image = BioImage(path)
    except UnsupportedFileFormatError:
        plugin = _PLUGINS.get(path.suffix.lower())
        way = f"pip install {plugin}" if plugin else "save it as NIfTI, TIFF or OME-Zarr"
        raise InputError(f"{path} is no image that an installed reader knows; {way}.") from None
    return _from_bioimage(image, path.stem, path, called)


def _from_object(source: Any, called: str) -> Volume:
    if hasattr(source, "dims") and hasattr(source, "physical_pixel_sizes"):
        return _from_bioimage(source, "image", None, called)
    if not hasattr(source, "shape") or not hasattr(source, "dtype"):
        raise InputError(
            f"{type(source).__name__} is no image; give a path, an array or a BioImage."
        )
    return _from_array(source, "array", None, called)


def _from_array(array: Any, name: str, path: Path | None, called: str) -> Volume:
    """Take a bare array, whose last axes are Z Y X unless it names them."""
    ndim = len(array.shape)
    if not 2 <= ndim <= len(AXES):
        raise InputError(
            f"{path or name} of shape {tuple(array.shape)} is no image; give two to five axes, "
            "T C Z Y X."
        )
    axes = [str(a).upper() for a in getattr(array, "dims", ()) or _zarr_names(array)]
    if not {"Y", "X"} <= set(axes) <= set(AXES):
        axes = list(AXES[-ndim:])
    data = array if isinstance(array, Lazy) else StoredArray(array, path or name)
    return _describe([data], axes, Space(), name, path, called)


def _zarr_names(array: Any) -> Sequence[str | None]:
    return getattr(getattr(array, "metadata", None), "dimension_names", None) or ()


def _from_bioimage(image: Any, name: str, path: Path | None, called: str) -> Volume:
    """Take an object with the BioImage or AICSImage interface as it is."""
    order = str(image.dims.order)
    if "S" in order:
        raise InputError(f"{path or name} is colour (RGB); convert it to one channel first.")
    if hasattr(image, "get_image_dask_data"):
        order = "".join(axis for axis in AXES if axis in order)
        data = image.get_image_dask_data(order)
    else:
        data = image.dask_data
    sizes = [getattr(image.physical_pixel_sizes, axis, None) for axis in SPATIAL]
    return _describe(
        [StoredArray(data, path or name)],
        list(order),
        Space.of(sizes, "micrometer"),  # that of both libraries
        name,
        path,
        called,
        [str(channel) for channel in image.channel_names or []],
    )


def _describe(
    levels: Sequence[Lazy],
    axes: list[str],
    space: Space,
    name: str,
    path: Path | None,
    called: str = "",
    channels: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Volume:
    """Put the axes in order, leaving out T and C of length one, and call them as a person does."""
    finest = levels[0]
    if not {"Y", "X"} <= set(axes) or len(set(axes)) < len(axes) or set(axes) - set(AXES):
        raise InputError(
            f"{path or name} has axes {' '.join(axes)}; an image needs Y, X and at most T, C, Z."
        )
    if 0 in finest.shape:
        raise InputError(f"{path or name} is empty (shape {finest.shape}); export it again.")
    if finest.dtype.kind not in "buif":
        raise InputError(
            f"{path or name} holds {finest.dtype} values, no intensities; convert it to integers "
            "or floats of one channel."
        )
    keep = [
        axes.index(axis)
        for axis in AXES
        if axis in axes and (axis in SPATIAL or finest.shape[axes.index(axis)] > 1)
    ]
    take = tuple(slice(None) if i in keep else 0 for i in range(len(axes)))
    kept = sorted(keep)
    arranged = [level[take].transpose([kept.index(i) for i in keep]) for level in levels]
    for level in levels if path is not None else ():
        check_room(path or name, level.chunks, level.dtype)
    names = tuple(axes[i] for i in keep)
    if called:
        what = f"{path or name} with the axes {' '.join(names)}"
        typed = typed_axes(called, what, arranged[0].shape)
        if dict(zip(names, typed, strict=True)).get("C") != "C":
            channels = ()
        order = sorted(range(len(typed)), key=lambda n: AXES.index(typed[n]))
        arranged = [level.transpose(order) for level in arranged]
        names = tuple(typed[n] for n in order)
    return Volume(
        levels=tuple(arranged),
        axes=names,
        space=space.fitted(names, arranged[0].shape),
        name=name,
        source=str(path) if path else None,
        channels=tuple(channels),
        notes=tuple(notes),
    )

"""Opening a volume of any format as a lazy, described array; no voxel is read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.reading import StoredArray, check_room, lazy
from napari_midl.volumes.volume import AXES, SPATIAL, Volume, known_sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TIFF = (".tif", ".tiff")
NIFTI = (".nii", ".nii.gz")
PICTURE = (".png", ".jpg", ".jpeg", ".bmp")
_NIFTI_UNITS = {"mm": "millimeter", "micron": "micrometer", "meter": "meter"}


def open_volume(source: Any) -> Volume:
    """Open an image of any size.

    Parameters
    ----------
    source : str, Path or object
        OME-Zarr 0.4 or 0.5 (also labels inside one), zarr array, TIFF, OME-TIFF, NIfTI, npy, PNG,
        JPEG, or whatever an installed bioio plugin reads; or an object with the BioImage or
        AICSImage interface, or an array with at most five axes ``T C Z Y X``.

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
        return _from_object(source)
    path = Path(source)
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    name = path.name.lower()
    try:
        if path.is_dir():
            return _open_zarr(path)
        if path.stat().st_size == 0:
            raise InputError(f"{path} is an empty file; copy or export it again.")
        if name.endswith(TIFF):
            return _open_tiff(path)
        if name.endswith(NIFTI):
            return _open_nifti(path)
        if name.endswith(PICTURE):
            return _open_picture(path)
        if name.endswith(".npy"):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return _from_array(array, path.stem, path)
        return _open_bioio(path)
    except InputError:
        raise
    except Exception as error:  # each format's library raises classes of its own
        fault = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise InputError(
            f"{path} is no image that can be read ({fault}); copy or export it again."
        ) from error


def _open_zarr(path: Path) -> Volume:
    import zarr

    node = zarr.open(path, mode="r")
    name = path.name.removesuffix(".zarr").removesuffix(".ome")
    if isinstance(node, zarr.Array):
        return _from_array(node, name, path)
    attributes: dict[str, Any] = dict(node.attrs)
    about = attributes.get("ome", attributes)
    if "multiscales" not in about:
        raise InputError(f"{path} is a zarr group without an image; give the path of one in it.")
    multiscale = about["multiscales"][0]
    # Format 0.3 and earlier have only names.
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in multiscale["axes"]]
    datasets = multiscale["datasets"]
    scale = np.ones(len(axes))
    for transform in (
        *datasets[0].get("coordinateTransformations", []),
        *multiscale.get("coordinateTransformations", []),
    ):
        if transform["type"] == "scale":
            scale = scale * transform["scale"]
    return _describe(
        [_lazy(node[d["path"]], path) for d in datasets],
        [axis["name"].upper() for axis in axes],
        scale.tolist(),
        [axis.get("unit") for axis in axes],
        str(multiscale.get("name") or name).strip("/") or name,
        path,
        [str(c.get("label", "")) for c in about.get("omero", {}).get("channels", [])],
    )


def _open_tiff(path: Path) -> Volume:
    from napari_midl.volumes.tiff import read_tiff

    levels, axes, scale, units, channels = read_tiff(path)
    name = path.name.removesuffix(path.suffix).removesuffix(".ome")
    return _describe(levels, axes, scale, units, name, path, channels)


def _open_nifti(path: Path) -> Volume:
    import nibabel

    image: Any = nibabel.load(path)
    voxels, header = image.dataobj, image.header
    if path.suffix == ".nii":
        ends = voxels.offset + math.prod(voxels.shape) * voxels.dtype.itemsize
        if ends > path.stat().st_size:
            raise InputError(f"{path} is cut short; copy or export it again.")
    # Stored values with a slope are scaled on reading, which the proxy's dtype does not say.
    plain = (voxels.slope, voxels.inter) == (1, 0)
    dtype = voxels.dtype.newbyteorder("=") if plain else np.dtype(np.float32)
    whole_planes = (-1, -1, *("auto" if i == 0 else 1 for i in range(voxels.ndim - 2)))
    stored = lazy(StoredArray(voxels, path), whole_planes)
    read = da.map_blocks(partial(np.asarray, dtype=dtype), stored, dtype=dtype)
    # NIfTI counts x fastest and first, so that its transpose ends with Z Y X.
    data = read.T
    axes = ["C", "T", "Z", "Y", "X"][-data.ndim :]
    unit = _NIFTI_UNITS.get(header.get_xyzt_units()[0])
    return _describe(
        [data],
        axes,
        [float(z) for z in header.get_zooms()][::-1],
        [unit if axis in SPATIAL else None for axis in axes],
        path.name.split(".nii")[0],
        path,
    )


def _open_picture(path: Path) -> Volume:
    """A plane, or its colours as channels."""
    from imageio import v3 as imageio

    about = imageio.improps(path)
    check_room(path, about.shape, about.dtype)
    stored = StoredArray(_Picture(path, about.shape, about.dtype), path)
    # dask would read an empty part to see of what type it is.
    nothing = np.empty((0,) * stored.ndim, stored.dtype)
    array = lazy(stored, -1, meta=nothing)
    if array.ndim == 2:
        return Volume.from_array(array, "YX", name=path.stem, source=str(path))
    colours = da.moveaxis(array[..., :3], -1, 0)
    picture = Volume.from_array(colours, "CYX", name=path.stem, source=str(path))
    return replace(picture, channels=("red", "green", "blue")[: len(colours)])


@dataclass
class _Picture:
    """A picture that is decoded once, when it is first looked at."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, region: Any) -> Any:
        return self._decoded[region]

    @cached_property
    def _decoded(self) -> NDArray[Any]:
        from imageio import v3 as imageio

        return np.asarray(imageio.imread(self.path)).reshape(self.shape)


def _open_bioio(path: Path) -> Volume:
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
        raise InputError(
            f"{path} is no image that an installed reader knows; save it as TIFF or OME-Zarr or "
            f"pip install the bioio plugin of its format, such as bioio-{path.suffix[1:] or 'czi'}."
        ) from None
    return _from_bioimage(image, path.stem, path)


def _from_object(source: Any) -> Volume:
    if hasattr(source, "dims") and hasattr(source, "physical_pixel_sizes"):
        return _from_bioimage(source, "image", None)
    if not hasattr(source, "shape") or not hasattr(source, "dtype"):
        raise InputError(
            f"{type(source).__name__} is no image; give a path, an array or a BioImage."
        )
    return _from_array(source, "array", None)


def _from_array(array: Any, name: str, path: Path | None) -> Volume:
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
    data = array if isinstance(array, da.Array) else _lazy(array, path)
    return _describe([data], axes, [1.0] * ndim, [None] * ndim, name, path)


def _lazy(array: Any, path: Path | None) -> da.Array:
    """An array whose chunks are those of the file that it comes from, if any."""
    if path is None:
        return da.from_array(array, asarray=True)  # type: ignore[no-any-return]
    return lazy(StoredArray(array, path), getattr(array, "chunks", None) or "auto")


def _zarr_names(array: Any) -> Sequence[str | None]:
    return getattr(getattr(array, "metadata", None), "dimension_names", None) or ()


def _from_bioimage(image: Any, name: str, path: Path | None) -> Volume:
    """Take an object with the BioImage or AICSImage interface as it is."""
    order = str(image.dims.order)
    if "S" in order:
        raise InputError(f"{path or name} is colour (RGB); convert it to one channel first.")
    if hasattr(image, "get_image_dask_data"):
        order = "".join(axis for axis in AXES if axis in order)
        data = image.get_image_dask_data(order)
    else:
        data = image.dask_data
    sizes = {axis: getattr(image.physical_pixel_sizes, axis, None) for axis in SPATIAL}
    return _describe(
        [data],
        list(order),
        [float(sizes.get(axis) or 1.0) for axis in order],
        # Both libraries give micrometres.
        ["micrometer" if sizes.get(axis) else None for axis in order],
        name,
        path,
        [str(channel) for channel in image.channel_names or []],
    )


def _describe(
    levels: list[da.Array],
    axes: list[str],
    scale: Sequence[float],
    units: Sequence[str | None],
    name: str,
    path: Path | None,
    channels: Sequence[str] = (),
) -> Volume:
    """Put the axes in order, leaving out T and C of length one."""
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
    if path is not None:
        check_room(path, finest.chunksize, finest.dtype)
    sizes, units = known_sizes(scale, units)
    return Volume(
        levels=tuple(arranged),
        axes=tuple(axes[i] for i in keep),
        scale=tuple(sizes[i] for i in keep),
        units=tuple(units[i] for i in keep),
        name=name,
        source=str(path) if path else None,
        channels=tuple(channels),
    )

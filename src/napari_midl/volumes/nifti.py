"""NIfTI files: a lazy array in its place in the world from one, and into one; nibabel knows how."""

from __future__ import annotations

import gzip
import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.lazy import planes_of
from napari_midl.volumes.reading import Decoded, StoredArray
from napari_midl.volumes.space import STRAIGHT, Space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.lazy import Lazy

_AXES = ("C", "T", "Z", "Y", "X")
# NIfTI's world points to the right and to the front, ours to the left and to the back.
_TO_LPS = np.array([-1.0, -1.0, 1.0])
# Of a packed file each read unpacks all that comes before; so many bytes are kept unpacked.
_MOST_BYTES = 2**31
ENDINGS = (".nii", ".nii.gz")
_UNITS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}
_STORED_AS = {"bool": "uint8", "float16": "float32"}
_SCANNER = 1  # code of a place that the scanner gave


def read_nifti(path: Path) -> tuple[Lazy, list[str], Space]:
    """Describe a NIfTI image without reading its voxels.

    Returns
    -------
    array : Lazy
        Axes as named; stored values with a slope are scaled when they are read.
    axes : list of str
        The last of ``C T Z Y X``: NIfTI counts x fastest and first, and x is here its first axis,
        whatever direction that has in the world.
    space : Space
        From its sform, else its qform; without either its place is not known.

    Raises
    ------
    InputError
        If it is cut short, in colours, or its affine is none.
    """
    import nibabel

    image: Any = nibabel.load(path)
    voxels, header = image.dataobj, image.header
    if voxels.dtype.names or voxels.dtype.kind == "V":
        raise InputError(f"{path} is a colour (RGB) image; convert it to one intensity channel.")
    packed = path.suffix == ".gz"
    if not packed and path.suffix == ".nii":
        ends = voxels.offset + math.prod(voxels.shape) * voxels.dtype.itemsize
        if ends > path.stat().st_size:
            raise InputError(f"{path} is cut short; copy or export it again.")
    # Stored values with a slope are scaled on reading, which the proxy's dtype does not say.
    plain = (voxels.slope, voxels.inter) == (1, 0)
    dtype = voxels.dtype.newbyteorder("=") if plain else np.dtype(np.float32)
    planes = (*voxels.shape[:2], *(1 for _ in voxels.shape[2:]))
    small = math.prod(voxels.shape) * dtype.itemsize <= _MOST_BYTES
    stored: Lazy
    if packed and small:
        stored = Decoded(lambda: np.asarray(voxels, dtype), voxels.shape, dtype, path)
    else:
        stored = StoredArray(voxels, path, planes)
    array = stored.map(lambda read: read, dtype).transpose(range(stored.ndim)[::-1])
    return array, list(_AXES[-array.ndim :]), _space(path, header)


def _space(path: Path, header: Any) -> Space:
    unit = header.get_xyzt_units()[0]
    affine = None
    for read in (header.get_sform, header.get_qform):
        try:
            found, code = read(coded=True)
        except Exception:  # a quaternion or a code that is none
            continue
        if code and found is not None:
            affine = np.asarray(found, float)
            break
    if affine is None:
        steps = [abs(float(step)) for step in header["pixdim"][1:4]]
        return Space.of(steps[::-1], unit)
    linear = affine[:3, :3] * _TO_LPS[:, None]
    steps = np.linalg.norm(linear, axis=0).tolist()
    if not np.isfinite(affine).all() or abs(np.linalg.det(linear)) <= 1e-9 * math.prod(steps):
        raise InputError(
            f"{path} has an affine that is none (a row of zeros or NaN); write it again with the "
            "place of its voxels, or without one."
        )
    columns = linear / steps
    if not np.allclose(columns.T @ columns, np.eye(3), atol=1e-3):
        raise InputError(
            f"{path} is sheared by its affine; resample it on straight axes before you open it."
        )
    # Written as 32-bit floats, a straight direction is one only nearly.
    direction = STRAIGHT if np.allclose(columns, STRAIGHT, atol=1e-6) else columns
    return Space.of(steps[::-1], unit, affine[:3, 3] * _TO_LPS, direction)


def write_nifti(array: Any, space: Space, path: Path) -> None:
    """Write voxels in their place, a few planes at a time; the file appears once it is whole.

    Parameters
    ----------
    array : Lazy, zarr.Array or ndarray
        Axes ``Z Y X``; half floats are written as floats and booleans as bytes.
    space : Space
        Where they lie. A size that is not known is written as 1 without a unit, and a place that
        is not known as none.
    path : Path
        A ``.nii`` or ``.nii.gz`` file.

    Raises
    ------
    InputError
        If the voxels cannot be read or the file cannot be written.
    """
    dtype = np.dtype(_STORED_AS.get(str(array.dtype), array.dtype)).newbyteorder("<")
    header = _header(array.shape, dtype, space)
    with whole_file(path) as beside, beside.open("wb") as file:
        if path.name.endswith(".gz"):
            # The same voxels give the same file, whatever its name and the time.
            with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed:
                _write(packed, header, array, dtype)
        else:
            _write(file, header, array, dtype)


def _write(file: Any, header: Any, array: Any, dtype: Any) -> None:
    header.write_to(file)
    for planes in planes_of(array):
        file.write(np.ascontiguousarray(planes, dtype).data)


def _header(shape: Sequence[int], dtype: Any, space: Space) -> Any:
    nibabel: Any = import_module("nibabel")

    unit = space.known_unit
    if unit is not None and unit not in _UNITS:
        unit = "micrometer" if unit in ("nanometer", "angstrom") else "millimeter"
    # Voxels (x, y, z) into a world that points to the right and to the front.
    affine = space.matrix(unit)[:, [2, 1, 0, 3]]
    affine[:3] *= _TO_LPS[:, None]
    fits = max(shape) <= np.iinfo(np.int16).max and _is_exact(affine, shape)
    header: Any = nibabel.Nifti1Header() if fits else nibabel.Nifti2Header()
    header.set_data_dtype(dtype)
    header.set_data_shape(shape[::-1])
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.single_vox_offset
    header.set_xyzt_units(_UNITS.get(unit or "", "unknown"))
    header.set_zooms(np.linalg.norm(affine[:3, :3], axis=0))
    if space.origin is not None:
        header.set_sform(affine, _SCANNER)
        header.set_qform(affine, _SCANNER)
    return header


def _is_exact(affine: NDArray[np.float64], shape: Sequence[int]) -> bool:
    """Whether the 32-bit floats of NIfTI-1 move no voxel by a thousandth of one."""
    corners = np.array(
        [(x, y, z, 1) for z in (0, shape[0]) for y in (0, shape[1]) for x in (0, shape[2])]
    )
    moved = corners @ (affine.astype(np.float32) - affine).T
    return bool((np.abs(np.linalg.solve(affine, moved.T)) < 1e-3).all())

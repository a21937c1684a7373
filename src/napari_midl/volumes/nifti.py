"""What a NIfTI file holds, as a lazy array in its place in the world; nibabel reads it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.reading import Decoded, StoredArray
from napari_midl.volumes.space import STRAIGHT, Space

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.lazy import Lazy

_AXES = ("C", "T", "Z", "Y", "X")
# NIfTI's world points to the right and to the front, ours to the left and to the back.
_TO_LPS = np.array([-1.0, -1.0, 1.0])
# Of a packed file each read unpacks all that comes before; so many bytes are kept unpacked.
_MOST_BYTES = 2**31


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

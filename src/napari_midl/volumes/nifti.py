"""NIfTI files: a lazy array in its place in the world from one, and into one."""

from __future__ import annotations

import gzip
import math
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes import nifti_header
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.lazy import planes_of
from napari_midl.volumes.reading import Decoded, StoredArray, check_room

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.lazy import Lazy
    from napari_midl.volumes.space import Space

ENDINGS = (".nii", ".nii.gz")
# A header and its voxels in a file each.
PAIR = (".hdr", ".img", ".hdr.gz", ".img.gz")
_AXES = ("C", "T", "Z", "Y", "X")
_LONGEST_HEADER = 2**30  # bytes, with all that programs have put behind it
_PACKED = b"\x1f\x8b"


def read_nifti(path: Path) -> tuple[Lazy, list[str], Space, list[str]]:
    """Describe a NIfTI image without reading its voxels.

    Parameters
    ----------
    path : Path
        One of `ENDINGS`, or either file of a `PAIR`; whether it is packed is seen by its bytes.

    Returns
    -------
    array : Lazy
        Axes as named; stored values with a slope are scaled when they are read.
    axes : list of str
        The last of ``C T Z Y X``: NIfTI counts x fastest and first, and x is here its first axis,
        whatever direction that has in the world.
    space : Space
        From its sform, else its qform; without either its place is not known.
    notes : list of str
        Sentences on what was taken for granted.

    Raises
    ------
    InputError
        If it is cut short, damaged, in colours or complex, sheared, has more than five axes, or
        is packed and has no room in memory.
    """
    head, body = _files(path)
    header = nifti_header.parse(_beginning(head))
    if header is None:
        raise InputError(
            f"{head} does not begin like a NIfTI image; copy it again, or convert it to NIfTI, for "
            "example with 3D Slicer."
        )
    if head == body and header["magic"].item()[1:2] != b"+":
        raise InputError(
            f"{path} is a header whose voxels lie in a file of their own; name them .hdr and .img."
        )
    shape, dtype, offset = (
        _shape(path, header),
        _dtype(path, header),
        _offset(path, header, alone=head == body),
    )
    stored = _stored(path, body, shape, dtype, offset)
    slope, intercept, notes = _scaling(path, header)
    if (slope, intercept) != (1, 0):
        wide = np.result_type(dtype, np.float32)
        stored = stored.map(lambda read: read * slope + intercept, wide)
    space, unplaced = nifti_header.space_of(path, header)
    axes = list(_AXES[-stored.ndim :])
    return stored.transpose(range(stored.ndim)[::-1]), axes, space, notes + unplaced


def write_nifti(array: Any, space: Space, path: Path, about: str = "") -> None:
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
    about : str
        What the file is to say of itself: its beginning as the description, all of it as a
        comment.

    Raises
    ------
    InputError
        If the voxels cannot be read or the file cannot be written.
    """
    header = nifti_header.header_of(array.shape[::-1], array.dtype, space)
    if about:
        nifti_header.describe(header, about)
    with whole_file(path) as beside, beside.open("wb") as file:
        if path.name.endswith(".gz"):
            # The same voxels give the same file, whatever its name and the time.
            with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as packed:
                _write(packed, header, array)
        else:
            _write(file, header, array)


def _write(file: Any, header: Any, array: Any) -> None:
    header.write_to(file)
    for planes in planes_of(array):
        file.write(np.ascontiguousarray(planes, header.get_data_dtype()).data)


def files_of(path: Path) -> list[Path]:
    """The files that an image of any kind is read from: one, or both of a pair.

    Raises
    ------
    InputError
        If it is half of a pair, and the other half is gone.
    """
    is_file = not path.is_dir()
    return [path, *(file for file in _files(path) if file != path)] if is_file else [path]


def _files(path: Path) -> tuple[Path, Path]:
    """The file of the header and that of the voxels."""
    ending = next((end for end in PAIR if path.name.lower().endswith(end)), None)
    if ending is None:
        return path, path
    stem = path.name[: -len(ending)]
    found = []
    for kind in (".hdr", ".img"):
        names = (
            [path.name]
            if ending.startswith(kind)
            else [f"{stem}{kind}", f"{stem}{kind}.gz", f"{stem}{kind.upper()}"]
        )
        there = [path.with_name(name) for name in names if path.with_name(name).is_file()]
        if not there:
            raise InputError(
                f"{path} is half of an image and {stem}{kind} is not beside it; copy both files."
            )
        found.append(there[0])
    return found[0], found[1]


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _PACKED


def _beginning(path: Path) -> bytes:
    try:
        with gzip.open(path) if _is_packed(path) else path.open("rb") as file:
            return file.read(1024)
    except (EOFError, OSError, zlib.error):
        raise InputError(f"{path} is cut short or damaged; copy or export it again.") from None


def _shape(path: Path, header: Any) -> tuple[int, ...]:
    shape = nifti_header.shape_of(header)
    if shape is None:
        raise InputError(
            f"{path} gives lengths of its axes that cannot be (dim in its header); export it again."
        )
    if not 2 <= len(shape) <= len(_AXES):
        raise InputError(
            f"{path} has {len(shape)} axes; give an image with two to five, x y z t c."
        )
    return shape


def _dtype(path: Path, header: Any) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = header.get_data_dtype()
    except Exception:  # a code that is none
        dtype = np.dtype(np.void)
    if dtype.names:
        raise InputError(f"{path} is a colour (RGB) image; convert it to one intensity channel.")
    if dtype.kind not in "iuf":
        what = "complex numbers" if dtype.kind == "c" else "values of a type that is not known here"
        raise InputError(f"{path} holds {what}; convert it to integers or floats.")
    return dtype


def _offset(path: Path, header: Any, alone: bool) -> int:
    offset = float(header["vox_offset"])
    if math.isfinite(offset) and 0 <= offset < _LONGEST_HEADER:
        return max(int(offset), header.single_vox_offset if alone else 0)
    raise InputError(
        f"{path} gives a place of its voxels that cannot be (vox_offset in its header); export it "
        "again."
    )


def _scaling(path: Path, header: Any) -> tuple[float, float, list[str]]:
    """Slope and intercept of the stored values; those of the format for "none" are 1 and 0."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not math.isfinite(slope) or slope == 0:
        return 1, 0, []
    if not math.isfinite(intercept):
        return slope, 0, [f"{path} has an intercept that is no number; it is taken as 0."]
    return slope, intercept, []


def _stored(
    path: Path, body: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int
) -> Lazy:
    """Values as they are in the file, with axes as there, x first."""
    if _is_packed(body):
        check_room(body, shape, dtype, "unpack it (gunzip) and give the .nii")
        return Decoded(lambda: _unpack(body, shape, dtype, offset), shape, dtype, path)
    if offset + math.prod(shape) * dtype.itemsize > body.stat().st_size:
        raise InputError(f"{body} is cut short; copy or export it again.")
    planes = (*shape[:2], *(1 for _ in shape[2:]))
    return StoredArray(_Voxels(body, shape, dtype, offset), path, planes)


def _unpack(path: Path, shape: Sequence[int], dtype: np.dtype[Any], offset: int) -> NDArray[Any]:
    voxels = np.empty(shape, dtype, order="F")
    flat: Any = voxels.reshape(-1, order="F").view(np.uint8)
    room = memoryview(flat)
    try:
        with gzip.open(path) as file:
            file.seek(offset)
            while room:
                read = file.readinto(room[: 2**24])
                if not read:
                    raise EOFError
                room = room[read:]
            # At the end of the file what was read is compared with its checksum.
            file.read(2**20)
    except EOFError:
        raise InputError(f"{path} is cut short; copy or export it again.") from None
    return voxels


class _Voxels:
    """Reads boxes of the voxels in a file."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int
    ) -> None:
        self.path, self.shape, self.dtype, self.offset = path, shape, dtype, offset

    def __getitem__(self, box: Region) -> NDArray[Any]:
        parts: Any = import_module("nibabel.fileslice")
        with self.path.open("rb") as file:
            found = parts.fileslice(file, box, self.shape, self.dtype, self.offset, order="F")
        return np.asarray(found)

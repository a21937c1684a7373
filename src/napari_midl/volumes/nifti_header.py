"""Where the voxels lie, from the header of a NIfTI image and into it; nibabel knows its fields."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.space import STRAIGHT, Space

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# NIfTI's world points to the right and to the front, ours to the left and to the back.
_TO_LPS = np.array([-1.0, -1.0, 1.0])
_UNITS = {"micrometer": "micron", "millimeter": "mm", "meter": "meter"}
_STORED_AS = {"bool": "uint8", "float16": "float32"}
_SCANNER = 1  # code of a place that the scanner gave
# By how much of a voxel the 32-bit floats of the old format may move one.
_MOVED = 1e-3


def space_of(source: Path, header: Any) -> tuple[Space, list[str]]:
    """Size and place of the voxels of an image.

    Parameters
    ----------
    source : Path
        What to call the file.
    header : nibabel header
        May hold anything; its ``pixdim`` is made positive.

    Returns
    -------
    space : Space
        From its sform, else its qform; without either its place is not known.
    notes : list of str
        Sentences on a place that could not be read.

    Raises
    ------
    InputError
        If it is sheared.
    """
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:  # a code that is none
        unit = None
    sizes = header["pixdim"]
    sizes[0] = -1 if sizes[0] < 0 else 1
    sizes[1:4] = np.abs(sizes[1:4])
    notes: list[str] = []
    for name in ("sform", "qform"):
        if not header[f"{name}_code"] > 0:
            continue
        affine = _affine(header, name)
        if affine is not None:
            space = _placed(source, affine, unit)
            steps = np.linalg.norm(affine[:3, :3], axis=0)
            if not np.allclose(steps, sizes[1:4], rtol=0.01):
                notes.append(
                    f"{source} gives another voxel size in its pixdim than in its {name}, which is "
                    "taken."
                )
            return space, notes
        notes.append(f"{source} has no valid {name} (zeros or NaN in it); it is left out.")
    return Space.of(sizes[1:4].tolist()[::-1], unit), notes


def _affine(header: Any, name: str) -> NDArray[np.float64] | None:
    """The sform or qform; None if it is none."""
    try:
        affine = np.asarray(getattr(header, f"get_{name}")(), float)
    except Exception:  # a quaternion that is none, each fault with a class of its own
        return None
    linear = affine[:3, :3]
    with np.errstate(all="ignore"):
        steps = np.linalg.norm(linear, axis=0)
        flat = not np.isfinite(affine).all() or not abs(np.linalg.det(linear / steps)) > 1e-6
    return None if flat else affine


def _placed(source: Path, affine: NDArray[np.float64], unit: str | None) -> Space:
    linear = affine[:3, :3] * _TO_LPS[:, None]
    steps = np.linalg.norm(linear, axis=0)
    columns = linear / steps
    if not np.allclose(columns.T @ columns, np.eye(3), atol=1e-3):
        raise InputError(
            f"{source} is sheared by its affine; resample it on straight axes, for example with "
            "3D Slicer, before you open it."
        )
    # Written as 32-bit floats, a straight direction is one only nearly.
    direction = STRAIGHT if np.allclose(columns, STRAIGHT, atol=1e-6) else columns
    origin = affine[:3, 3] * _TO_LPS + 0.0
    return Space.of(steps.tolist()[::-1], unit, origin, direction, anatomical=True)


def header_of(shape: Sequence[int], dtype: Any, space: Space, exact: bool = False) -> Any:
    """The header of an image in its place.

    Parameters
    ----------
    shape : sequence of int
        Voxels along ``(x, y, z)``, and ``t`` and ``c`` if there are such axes.
    dtype : dtype-like
        Of the voxels; half floats are stored as floats and booleans as bytes.
    space : Space
        Where they lie. A size that is not known is written as 1 without a unit, and a place that
        is not known as none.
    exact : bool
        Use the newer format, which fewer programs read, for its 64-bit numbers.

    Returns
    -------
    nibabel header
        NIfTI-1, unless that has no room for the shape or the place.
    """
    nibabel: Any = import_module("nibabel")
    unit = space.known_unit
    if unit is not None and unit not in _UNITS:
        unit = "micrometer" if unit in ("nanometer", "angstrom") else "millimeter"
    # Voxels (x, y, z) into a world that points to the right and to the front.
    affine = space.matrix(unit)[:, [2, 1, 0, 3]]
    affine[:3] *= _TO_LPS[:, None]
    old = not exact and max(shape) <= np.iinfo(np.int16).max and _is_kept(affine, shape)
    header: Any = nibabel.Nifti1Header() if old else nibabel.Nifti2Header()
    header.set_data_dtype(np.dtype(_STORED_AS.get(str(dtype), dtype)).newbyteorder("<"))
    header.set_data_shape(shape)
    header["scl_slope"], header["scl_inter"] = 1, 0
    header["vox_offset"] = header.single_vox_offset
    header.set_xyzt_units(_UNITS.get(unit or "", "unknown"))
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    if space.origin is not None:
        header.set_sform(affine, _SCANNER)
        header.set_qform(affine, _SCANNER)
    return header


def describe(header: Any, text: str) -> None:
    """Put a text into a header: its beginning as the description, all of it as a comment."""
    nibabel: Any = import_module("nibabel")
    kept = text.encode("ascii", "replace")
    header["descrip"] = kept[: header["descrip"].dtype.itemsize - 1].replace(b"\n", b"; ")
    header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", text.encode()))
    header["vox_offset"] = header.single_vox_offset + header.extensions.get_sizeondisk()


def _is_kept(affine: NDArray[np.float64], shape: Sequence[int]) -> bool:
    """Whether 32-bit floats keep each voxel where it is."""
    moved = np.linalg.solve(affine, affine.astype(np.float32) - affine)[:3]
    return bool((np.abs(moved) @ [*shape[:3], 1] < _MOVED).all())


def parse(block: bytes) -> Any:
    """The header in the first bytes of a file; None if they are not those of a NIfTI image."""
    nibabel: Any = import_module("nibabel")
    for kind in (nibabel.Nifti1Header, nibabel.Nifti2Header):
        head = block[: kind.sizeof_hdr]
        for order in "<>":
            if int.from_bytes(head[:4], "little" if order == "<" else "big") != kind.sizeof_hdr:
                continue
            if len(head) == kind.sizeof_hdr:
                header = kind(head, endianness=order, check=False)
                # Its forerunner, Analyze, has the same length and no such word.
                return header if header["magic"].item()[:1] == b"n" else None
    return None


def shape_of(header: Any) -> tuple[int, ...] | None:
    """Voxels along each axis, without last axes of length one beyond five; None if impossible."""
    count = int(header["dim"][0])
    lengths = [int(n) for n in header["dim"][1 : count + 1]]
    # Some programs count axes beyond the third that they leave at zero.
    lengths[3:] = [n or 1 for n in lengths[3:]]
    while len(lengths) > 5 and lengths[-1] == 1:
        lengths.pop()
    fine = 1 <= count <= 7 and all(n > 0 for n in lengths)
    return tuple(lengths) if fine and math.prod(lengths) < 2**63 else None

"""What the metadata of an OME-Zarr say of an image: its axes, levels and place in the world.

Formats 0.1 to 0.6 are read. Up to 0.5 they know the scale and the translation of a level, but no
direction. That of an image which is turned against the world stands beside them in the header of
a NIfTI image, the array ``nifti``, as in the format NIfTI-Zarr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from napari_midl.errors import InputError
from napari_midl.volumes import nifti_header
from napari_midl.volumes.affine import matrix_of, space_of_matrix
from napari_midl.volumes.space import AXES as SPATIAL
from napari_midl.volumes.space import STRAIGHT, Space
from napari_midl.volumes.units import factor

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ABOUT = "napari-midl"  # key of what we ourselves say of an image
HOLES = "zeros_are_holes"  # said there of channels first whose zeros were never written
HEADER = "nifti"  # name of the array that holds a header
_LARGEST_HEADER = 2**20
_AXES = ("T", "C", *SPATIAL)
_BY_TYPE = {"time": "T", "channel": "C"}


def ome_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the attributes of a group say in the names of OME-Zarr."""
    about = attributes.get("ome", attributes)
    return dict(about) if isinstance(about, Mapping) else {}


def speaks_of_image(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a group describe an image, well or not."""
    return "multiscales" in ome_of(attributes)


class Axis(BaseModel):
    """One axis; only its name is sure to be there."""

    name: str
    type: Any = None
    unit: Any = None


class System(BaseModel):
    """A coordinate system of format 0.6."""

    name: str
    axes: list[Axis]


Transforms = Annotated[list[dict[str, Any]] | None, Field(alias="coordinateTransformations")]


class Dataset(BaseModel):
    """One level."""

    path: str
    transforms: Transforms = None


class Multiscale(BaseModel):
    """An image with its levels, as an element of ``multiscales``."""

    datasets: Annotated[list[Dataset], Field(min_length=1)]
    listed: Annotated[list[str | Axis] | None, Field(alias="axes")] = None
    systems: Annotated[list[System] | None, Field(alias="coordinateSystems")] = None
    transforms: Transforms = None
    name: Any = None

    @classmethod
    def of(cls, source: Path, attributes: Mapping[str, Any]) -> Self | None:
        """What the attributes of a group say of its image; None if they speak of none.

        Raises
        ------
        InputError
            If they do so in a way that is none.
        """
        if not speaks_of_image(attributes):
            return None
        listed = ome_of(attributes)["multiscales"]
        try:
            return cls.model_validate(listed[0] if isinstance(listed, list) and listed else listed)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "it"
            raise InputError(
                f"{source} has damaged metadata of its image (multiscales: {where}); copy or "
                "export it again."
            ) from error

    def axes(self, source: Path, array: Any) -> list[str]:
        """Names such as ``T C Z Y X`` of the axes of an array of this image.

        Raises
        ------
        InputError
            If they are not as many as the array has, or too few or too many for an image.
        """
        chain, _ = self._chain(0)
        if chain is None:
            return unnamed_axes(source, array)
        if len(chain) != array.ndim:
            raise InputError(
                f"{source} names {len(chain)} axes for voxels that have {array.ndim}; export it "
                "again."
            )
        return [_letter(axis) for axis in chain]

    def space(self, source: Path, level: int, axes: Sequence[str], header: Any = None) -> Space:
        """Where the voxels of a level lie.

        Parameters
        ----------
        source : Path
            What to call the image.
        level : int
            Position in `datasets`.
        axes : sequence of str
            Its axes.
        header : nibabel header, optional
            Of the same image in a NIfTI file; it knows its direction. It is left alone where it
            contradicts the transformations: who moves or scales the image with another program
            may know only these.

        Raises
        ------
        InputError
            If the voxels are placed by more than scales, translations and rotations.
        """
        chain, steps = self._chain(level)
        if not steps:
            return Space()
        matrix = matrix_of(source, steps, len(axes))
        units = [axis.unit for axis in chain] if chain is not None else [None] * len(axes)
        space = space_of_matrix(source, axes, units, matrix)
        return space if header is None else _turned(source, space, header)

    def _chain(self, level: int) -> tuple[list[Axis] | None, list[dict[str, Any]]]:
        """From the voxels of a level to the world: the axes of that and the transformations."""
        steps = list(self.datasets[level].transforms or [])
        if self.systems is None:
            named = [Axis(name=a) if isinstance(a, str) else a for a in self.listed or []]
            return named or None, steps + list(self.transforms or [])
        systems = {system.name: system.axes for system in self.systems}
        reached = _name(steps[-1].get("output")) if steps else None
        axes = systems.get(reached or "", next(iter(systems.values()), []))
        if axes and all(axis.type == "array" for axis in axes):
            # Still those of the voxels; the way to the world goes on from there.
            onward = [t for t in self.transforms or [] if _name(t.get("input")) == reached]
            if onward and _name(onward[0].get("output")) in systems:
                return systems[_name(onward[0]["output"])], [*steps, onward[0]]
        return axes, steps


def unnamed_axes(source: Path, array: Any) -> list[str]:
    """Names of the axes of a zarr array of which no image speaks, else the last of ``T C Z Y X``.

    Raises
    ------
    InputError
        If they are too few or too many for an image.
    """
    if not 2 <= array.ndim <= len(_AXES):
        raise InputError(
            f"{source} has {array.ndim} axes; give an image with two to five, T C Z Y X."
        )
    names = [str(n).upper() for n in getattr(array.metadata, "dimension_names", None) or ()]
    if {"Y", "X"} <= set(names) <= set(_AXES):
        return names
    return list(_AXES[-array.ndim :])  # as in the formats 0.1 and 0.2


def header_in(group: Any) -> Any:
    """The NIfTI header beside the levels of an image; None if there is none."""
    try:
        array = group[HEADER]
        if array.ndim != 1 or array.dtype != np.uint8 or array.size > _LARGEST_HEADER:
            return None
        return nifti_header.parse(np.asarray(array[:]).tobytes())
    except Exception:  # whatever else lies there; the image is complete without it
        return None


def transformations(
    axes: Sequence[str], space: Space, factors: Sequence[float]
) -> list[dict[str, Any]]:
    """The ``coordinateTransformations`` of a level.

    Parameters
    ----------
    axes : sequence of str
        A subset of ``T C Z Y X``.
    space : Space
        Of the finest level.
    factors : sequence of float
        How many voxels of the finest level one of this level merges along each of `axes`.

    Returns
    -------
    list of dict
        The scale, and the translation to the middle of the first voxel where it is known or
        differs from that of the finest level.
    """
    merged = dict(zip(axes, factors, strict=True))
    # Who reads these knows no direction, and would lay a level that is turned beside the others.
    straight = replace(space, direction=STRAIGHT)
    level = straight.coarser([merged.get(axis, 1) for axis in SPATIAL])
    scale = dict(zip(SPATIAL, level.voxel_size, strict=True))
    made: list[dict[str, Any]] = [
        {"type": "scale", "scale": [scale.get(axis, 1.0) for axis in axes]}
    ]
    if level.origin is not None:
        origin = dict(zip(reversed(SPATIAL), level.origin, strict=True))
        made.append({"type": "translation", "translation": [origin.get(a, 0.0) for a in axes]})
    return made


def header_for(axes: Sequence[str], shape: Sequence[int], dtype: Any, space: Space) -> bytes | None:
    """The NIfTI header that says how an image lies in a patient; None if it is in none.

    Parameters
    ----------
    axes, shape, dtype
        Of the finest level.
    space : Space
        Where its voxels lie.
    """
    if space.origin is None or (space.is_straight and not space.anatomical):
        return None
    lengths = dict(zip(axes, shape, strict=True))
    counted = [lengths.get(axis, 1) for axis in "XYZTC"]
    while len(counted) > len(SPATIAL) and counted[-1] == 1:
        counted.pop()
    header = nifti_header.header_of(counted, dtype, space, exact=True)
    return bytes(header.binaryblock)


def _turned(source: Path, space: Space, header: Any) -> Space:
    """The space with place and direction of a header, if it is that of the same voxels."""
    try:
        other, _ = nifti_header.space_of(source, header)
    except InputError:  # sheared
        return space
    if other.origin is None or (other.known != space.known):
        return space
    known = space.known and space.unit is not None and other.unit is not None
    ratio = factor(other.unit or "", space.unit or "") if known else 1.0
    sizes = np.multiply(other.voxel_size, ratio)
    origin = np.multiply(other.origin, ratio)
    moved = np.abs(np.subtract(space.origin or 0.0, origin))
    same = np.allclose(sizes, space.voxel_size, rtol=1e-4)
    # NIfTI-Zarr itself counts from the first voxel.
    if same and (not any(space.origin or ()) or (moved < 1e-3 * min(sizes)).all()):
        x, y, z = origin.tolist()
        return replace(space, origin=(x, y, z), direction=other.direction, anatomical=True)
    return space


def _letter(axis: Axis) -> str:
    name = axis.name.strip().upper()
    return name if name in _AXES else _BY_TYPE.get(str(axis.type), name)


def _name(system: Any) -> str:
    """Name of a coordinate system, which stands alone or in an object."""
    name = system.get("name") if isinstance(system, dict) else system
    return name if isinstance(name, str) else ""

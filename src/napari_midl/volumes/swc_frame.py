"""From where the lengths of an SWC file count: the format itself says nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.space import Space

MICROMETER = "micrometer"
_WORLD = "of the world"
_PATIENT = "of the world (RAS)"
_FIRST = "from the middle of the first voxel"
_MOST_BYTES = 2**16


def swc_size(space: Space) -> tuple[float, float, float]:
    """Size ``(z, y, x)`` of a voxel in the lengths of an SWC file: micrometres, if known."""
    return space.sizes_in(MICROMETER) if space.known else space.voxel_size


def to_swc(voxels: ArrayLike, space: Space) -> NDArray[np.float64]:
    """Points ``(..., 3)`` of voxels ``(z, y, x)`` as ``(x, y, z)`` of an SWC file.

    Micrometres of the world: of a NIfTI image as its affine has it, x to the right and y to the
    front; of an image that does not say where it lies, from its first voxel.
    """
    return space.to_world(voxels, MICROMETER if space.known else None) * _signs(space)


def from_swc(points: ArrayLike, space: Space) -> NDArray[np.float64]:
    """The inverse of `to_swc`."""
    unit = MICROMETER if space.known else None
    return space.to_voxel(np.asarray(points, float) * _signs(space), unit)


def swc_frame(space: Space) -> str:
    """What the comment of an SWC file says of where its lengths count from."""
    if space.origin is None:
        return _FIRST
    return _PATIENT if space.anatomical else _WORLD


def _signs(space: Space) -> tuple[float, float, float]:
    """From our world (LPS) to that of the image's own format."""
    return (-1.0, -1.0, 1.0) if space.anatomical and space.origin is not None else (1.0, 1.0, 1.0)


def counts_in_world(path: Path) -> bool:
    """Whether an SWC file says that its lengths are those of the world."""
    with path.open("rb") as file:
        return _WORLD.encode() in file.read(_MOST_BYTES)

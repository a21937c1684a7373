"""From where the lengths of an SWC file count: the format itself says nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from napari_midl.volumes.space import Space

MICROMETER = "micrometer"
_WORLD = "of the world (LPS)"
_FIRST = "from the middle of the first voxel"
_MOST_BYTES = 2**16


def swc_size(space: Space) -> tuple[float, float, float]:
    """Size ``(z, y, x)`` of a voxel in the lengths of an SWC file: micrometres, if known."""
    return space.sizes_in(MICROMETER) if space.known else space.voxel_size


def to_swc(voxels: ArrayLike, space: Space) -> NDArray[np.float64]:
    """Points ``(..., 3)`` of voxels ``(z, y, x)`` as ``(x, y, z)`` of an SWC file.

    Micrometres of the world; of an image that does not say where it lies, from its first voxel.
    """
    return space.to_world(voxels, MICROMETER if space.known else None)


def from_swc(points: ArrayLike, space: Space) -> NDArray[np.float64]:
    """The inverse of `to_swc`."""
    return space.to_voxel(points, MICROMETER if space.known else None)


def swc_frame(space: Space) -> str:
    """What the comment of an SWC file says of where its lengths count from."""
    return _FIRST if space.origin is None else _WORLD


def counts_in_world(path: Path) -> bool:
    """Whether an SWC file says that its lengths are those of the world."""
    with path.open("rb") as file:
        return _WORLD.encode() in file.read(_MOST_BYTES)

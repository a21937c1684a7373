"""What a record and a command say of the unit of lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume

IN_VOXELS, WHY = "voxel", "lengths in voxels"


def unit_of(volume: Volume) -> dict[str, str]:
    """The unit of lengths in a volume, and why they are in voxels, for the results of a run."""
    why = {WHY: volume.why_voxels} if volume.why_voxels else {}
    return {"unit": volume.unit or IN_VOXELS, **why}


def why_voxels(results: dict[str, Any]) -> list[str]:
    """Why the lengths of a run are in voxels, as a line of its summary; none where they are not."""
    return [results[WHY]] if WHY in results else []

"""What tells a file, a folder or an image from another."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hash_path(path: Path) -> str:
    """SHA-256 of a file, or over names and contents of all files of a folder."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for each in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(each.relative_to(path).as_posix().encode())
        digest.update(hash_path(each).encode())
    return digest.hexdigest()


def hash_voxels(path: Path, box: str = "") -> str:
    """SHA-256 over the voxels of an image's finest level, however they are packed.

    Only over those of a box, if one is given as `boxes.box_in` takes it.
    """
    from napari_midl.volumes.axes import along
    from napari_midl.volumes.boxes import box_in
    from napari_midl.volumes.open import open_volume
    from napari_midl.volumes.volume import hash_volume

    volume = open_volume(path)
    if box:
        shape = [n or 1 for n in along(volume.axes, volume.shape)]
        volume = volume.cut(box_in(box, shape, volume.name))
    return hash_volume(volume)

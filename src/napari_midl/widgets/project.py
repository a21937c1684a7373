"""Where what belongs to an image is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_midl.volumes.atomic import not_written

if TYPE_CHECKING:
    from napari_midl.volumes.volume import Volume

MODELS, RESULTS = "models", "results"
PATCHES = "patches"


def default_folder(volume: Volume) -> Path:
    """A folder beside the image, or in the user's data folder if that cannot be written.

    Beside the image it has the file's whole name: scan.1.tif and scan.2.tif are two images.
    """
    stem = volume.name
    if volume.source is not None:
        source = Path(volume.source)
        if source.exists() and os.access(source.parent, os.W_OK):
            return source.parent / f"{source.name}.midl"
    safe = "".join(c if c.isalnum() or c in "-_ " else "_" for c in stem).strip() or "image"
    size = "x".join(str(n) for n in volume.shape)
    return user_data_path("napari-midl", appauthor=False) / f"{safe} {size}"


def patches_folder(folder: Path, channel: int, time: int) -> Path:
    """Where the patches of one channel at one time are kept in a project folder."""
    return folder / (PATCHES if (channel, time) == (0, 0) else f"{PATCHES} c{channel} t{time}")


def free_name(folder: Path, stem: str, suffix: str) -> Path:
    """The first of ``stem-1``, ``stem-2``... that is not taken in a folder."""
    number = 1
    while (path := folder / f"{stem}-{number}{suffix}").exists():
        number += 1
    return path


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, so that it is not written over.

    Raises
    ------
    InputError
        If it cannot be moved.
    """
    aside = free_name(path.parent, f"{path.stem}-unreadable", path.suffix)
    try:
        path.rename(aside)
    except OSError as error:
        raise not_written(aside, error) from error
    return aside

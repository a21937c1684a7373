"""Colour pictures of slides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.reading import check_room

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
# Of the luma Y in YUV, as the paper takes it.
LUMA = (0.299, 0.587, 0.114)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a slide as an array of shape (Y, X, 3).

    Raises
    ------
    InputError
        If it is missing, damaged, no 8-bit colour picture, or larger than the free memory.
    """
    from imageio import v3 as imageio

    if not path.is_file():
        raise InputError(f"{path} does not exist; give an H&E picture as PNG, JPEG or TIFF.")
    try:
        about = imageio.improps(path)
        check_room(path, about.shape, about.dtype)
        picture: NDArray[Any] = np.asarray(imageio.imread(path))
    except InputError:
        raise
    except Exception as error:  # each format's library raises classes of its own
        raise InputError(
            f"{path} is no picture that can be read; copy or export it again."
        ) from error
    if picture.ndim != 3 or picture.shape[-1] not in (3, 4) or picture.dtype != np.uint8:
        raise InputError(
            f"{path} is no 8-bit colour picture (shape {picture.shape}, {picture.dtype}); give an "
            "H&E slide as PNG, JPEG or TIFF."
        )
    return picture[..., :3]


def read_pictures(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """All pictures of a folder by name.

    Raises
    ------
    InputError
        If there are none, or one cannot be read.
    """
    paths = sorted(p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES)
    if not paths:
        raise InputError(f"{folder} holds no pictures; give a folder of H&E slides (PNG, JPEG).")
    return {path.name: read_picture(path) for path in paths}


def inverted_luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """``1 - Y`` of YUV in [0, 1]: tissue is bright, as in reflectance (section 3.1)."""
    return np.asarray(1 - picture @ np.array(LUMA) / 255, np.float32)

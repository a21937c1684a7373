"""Colour pictures of slides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.errors import InputError
from napari_midl.volumes.reading import check_room

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TIFF = (".tif", ".tiff")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", *TIFF)
# Modes of Pillow without colours.
_GREY = ("1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
# Of the luma Y in YUV, as the paper takes it.
LUMA = (0.299, 0.587, 0.114)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a slide as an array of shape (Y, X, 3).

    What is transparent shows white glass; palettes and CMYK become RGB, and 16 bits become 8.

    Raises
    ------
    InputError
        If it is missing, damaged, no colour picture, or larger than the free memory.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; give an H&E picture as PNG, JPEG or TIFF.")
    read = _read_tiff if path.suffix.lower() in TIFF else _read_picture
    try:
        return read(path)
    except InputError:
        raise
    except Exception as error:  # each format's library raises classes of its own
        raise InputError(
            f"{path} is no picture that can be read; copy or export it again."
        ) from error


def _read_picture(path: Path) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        picture = Image.open(path)
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path} has too many pixels to be decoded at once; give a part of the slide."
        ) from error
    with picture:
        check_room(path, (picture.height, picture.width, len(picture.getbands())), np.uint8)
        if picture.mode in _GREY:
            raise _no_colour(path)
        has_alpha = "transparency" in picture.info or picture.mode.endswith(("A", "a"))
        return _on_white(np.asarray(picture.convert("RGBA" if has_alpha else "RGB")))


def _read_tiff(path: Path) -> NDArray[np.uint8]:
    import tifffile
    from PIL import Image

    with tifffile.TiffFile(path) as file:
        series, page = file.series[0], file.series[0].keyframe
        check_room(path, series.shape, series.dtype)
        stored, colormap = np.asarray(series.asarray()).squeeze(), page.colormap
    axes = "".join(a for a, n in zip(series.axes, series.shape, strict=True) if n > 1)
    kinds, extras = tifffile.PHOTOMETRIC, tifffile.EXTRASAMPLE
    kind = kinds(page.photometric).name
    if "LAB" in kind or "LOG" in kind:
        raise InputError(f"{path} keeps its colours as {kind}; save it in RGB as PNG or TIFF.")
    if page.photometric == kinds.PALETTE and axes == "YX":
        return _bytes(path, np.moveaxis(np.asarray(colormap)[:, stored], 0, -1))
    if sorted(axes) != ["S", "X", "Y"]:
        raise _no_colour(path)
    samples = _bytes(path, np.moveaxis(stored, axes.index("S"), -1))
    count = 4 if page.photometric == kinds.SEPARATED else 3
    if samples.shape[-1] < count:
        raise _no_colour(path)
    colours, alpha = samples[..., :count], samples[..., count : count + 1]
    if count == 4:
        colours = np.asarray(Image.fromarray(np.ascontiguousarray(colours), "CMYK").convert("RGB"))
    if extras.ASSOCALPHA in page.extrasamples[:1]:
        return np.asarray(np.minimum(colours + (255.0 - alpha), 255), np.uint8)
    if extras.UNASSALPHA in page.extrasamples[:1]:
        return _on_white(np.concatenate([colours, alpha], -1))
    return colours


def _on_white(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Red, green and blue, laid on white where a fourth says how opaque they are."""
    if picture.shape[-1] == 3:
        return picture
    opaque = picture[..., 3:].astype(np.float32) / 255
    laid = picture[..., :3] * opaque + 255 * (1 - opaque)
    return np.asarray(np.rint(laid), np.uint8)


def _bytes(path: Path, samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Samples of any depth as bytes; 10, 12 or 14 bits do not fill the 16 they are stored in."""
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.uint16:
        bits = max(8, -(-int(samples.max()).bit_length() // 2) * 2)
        return np.asarray(np.rint(samples * (255 / (2**bits - 1))), np.uint8)
    raise InputError(
        f"{path} holds colours of the type {samples.dtype}; save it with 8 or 16 bits a colour."
    )


def _no_colour(path: Path) -> InputError:
    return InputError(
        f"{path} is no colour picture; give an H&E slide in colours as PNG, JPEG or TIFF."
    )


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

"""A field of a stain as PNG, with a scale bar and the words that belong to it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from napari_midl.errors import InputError
from napari_midl.methods.staining.stained import is_stained
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.boxes import box_in
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.methods.staining.stained import Stained
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.space import Space

MOST = 10**8  # pixels of a picture
# Pillow's own font lacks the sign for micro.
_FONT = f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"
_BAR = 0.25  # share of the width that the bar takes at most


def field_of(stained: Stained, box: str) -> Box:
    """The field that a text means; all of the stain where it is empty.

    Raises
    ------
    InputError
        If it is no box of one slice, or too large for a picture.
    """
    z, y, x = box_in(box or ":,:,:", stained.shape, stained.path.name)
    if z.stop - z.start > 1:
        middle = (z.start + z.stop) // 2
        raise InputError(
            f"{stained.path} has {stained.shape[0]} slices, of which a picture shows one; give a "
            f"box of one slice, such as --box {middle}:{middle + 1},:,:."
        )
    if (y.stop - y.start) * (x.stop - x.start) > MOST:
        raise InputError(
            f"a picture of {y.stop - y.start:,} x {x.stop - x.start:,} pixels is too large for a "
            "PNG; give a smaller field as --box, or export the whole as .ome.tif."
        )
    return z, y, x


def read_field(stained: Stained, box: Box) -> NDArray[np.uint8]:
    """Colours and opacity ``(y, x, 4)`` of a field; transparent where nothing is stained."""
    finest = stained.volume.levels[0]
    z, y, x = box
    place = (z.start, y, x) if finest.ndim == 4 else (y, x)
    colours = np.moveaxis(np.asarray(finest[(slice(0, 3), *place)]), 0, -1)
    opaque = is_stained(colours) | (not stained.extent)
    return np.concatenate([colours, np.where(opaque, 255, 0).astype(np.uint8)[..., None]], -1)


def write_field(picture: NDArray[np.uint8], space: Space, about: str, path: Path) -> None:
    """Write a field with its scale bar as PNG, whole or not at all.

    Parameters
    ----------
    picture : ndarray of uint8, shape (Y, X, 4)
        Colours and opacity.
    space : Space
        Size of a pixel; the bar is in pixels where it is not known.
    about : str
        Its description, in the file.
    path : Path
        The ``.png``.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    image = Image.fromarray(picture)
    _draw_bar(image, space)
    words = PngInfo()
    words.add_text("Description", about)
    words.add_text("Disclaimer", NOTICE)
    printed = {}
    if space.known:
        _, y, x = space.sizes_in("inch")
        printed["dpi"] = (1 / x, 1 / y)
    with whole_file(path) as beside:
        image.save(beside, format="PNG", pnginfo=words, **printed)


def bar_length(width: float) -> float:
    """The longest of 1, 2 or 5 times a power of ten that takes a quarter of a width or less."""
    most = _BAR * width
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)


def _draw_bar(image: Image.Image, space: Space) -> None:
    """Black on a white plate, low on the right."""
    size, unit = (space.voxel_size[2], space.unit) if space.known else (1.0, None)
    length = bar_length(image.width * size)
    pixels = max(1, round(length / size))
    text = length_in_words(length, unit) if unit else f"{length:g} pixels"
    font = ImageFont.truetype(_FONT, size=max(9, min(image.size) // 32))
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    edge, thick = max(3, round(bottom - top) // 2), max(2, round(bottom - top) // 4)
    wide = max(pixels, round(right - left)) + 2 * edge
    high = round(bottom - top) + thick + 3 * edge
    x, y = image.width - wide - edge, image.height - high - edge
    pen.rectangle((x, y, x + wide - 1, y + high - 1), fill=(255, 255, 255, 255))
    middle, black = x + wide / 2, (0, 0, 0, 255)
    pen.text((middle - (left + right) / 2, y + edge - top), text, fill=black, font=font)
    start = round(middle - pixels / 2)
    under = y + high - edge - thick
    pen.rectangle((start, under, start + pixels - 1, under + thick - 1), fill=black)

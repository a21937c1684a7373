"""The words that belong to every virtual stain."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.volumes.boxes import Box

NOTICE = "virtual stain, not for diagnosis"
PERIOD = 1024  # pixels between two repetitions, down and across
_SIZE, _INK = 28, 0.55


def watermarked(block: NDArray[np.uint8], region: Box) -> NDArray[np.uint8]:
    """Write the notice over a tile, where it belongs in the whole mosaic.

    Parameters
    ----------
    block : ndarray of uint8, shape (C, z, y, x)
        Colours first; channels after the third are left as they are.
    region : tuple of slice
        Where the tile lies in the mosaic.
    """
    rows, columns = (np.arange(s.start, s.stop) % PERIOD for s in region[1:])
    ink = _pattern()[np.ix_(rows, columns)]
    marked = block.copy()
    marked[:3] = np.rint(block[:3] * (1 - _INK * ink))
    return marked


@lru_cache(maxsize=1)
def _pattern() -> NDArray[np.float32]:
    """One period: 1 under the letters, 0 elsewhere."""
    picture = Image.new("L", (PERIOD, PERIOD), 0)
    font = ImageFont.load_default(size=_SIZE)
    for y, x in ((PERIOD // 4, 40), (3 * PERIOD // 4, PERIOD // 2 + 20)):
        ImageDraw.Draw(picture).text((x, y), NOTICE, fill=255, font=font)
    return np.asarray(picture, np.float32) / np.float32(255)

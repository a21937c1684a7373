"""Pictures that the staining's shipped weights are trained on.

The despeckler learns from what scikit-image brings along free of restrictions (public domain, CC0,
or no known copyright restrictions) and from synthetic tissue; the H&E tile of the table is not
among it. A scanner's picture of a section is far sharper than a photograph, so both are shrunk and
sharpened until they are alike. The stains learn from two H&E sections, whose colours the tables
compare too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from skimage import color, transform
from skimage import data as samples

from napari_midl.methods.staining.pictures import read_picture
from napari_midl.methods.staining.stains import BeerLambert, Stains
from napari_midl.methods.staining.synthetic import synthetic_mosaic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

PHOTOGRAPHS = (
    *("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel"),
    *("hubble_deep_field", "rocket"),
)
HISTOLOGY = ("immunohistochemistry", "skin")
SIZES = (1, 0.5, 0.33)  # of a photograph; of a section the first two and what lies between
SMALLEST = 128  # pixels
SYNTHETIC, SYNTHETIC_EDGE = 12, 1400
SHARPENED = (0.0, 0.5, 1.0)  # by how much, in turn
# Full densities of hematoxylin and eosin, from a pale slide to a dark one.
FULL = ((1.0, 0.3), (1.5, 0.5), (1.5, 0.8), (2.2, 1.0))


def textures(data: Path, histology: bool = True) -> dict[str, NDArray[np.uint8]]:
    """Photographs, sections and synthetic tissue, by name.

    Parameters
    ----------
    data : Path
        The shared folder, where the skin section lies.
    histology : bool
        Whether with the sections; without them, a training shows what these are good for.
    """
    found = {}
    for name in PHOTOGRAPHS:
        picture = color.gray2rgb(shown) if (shown := getattr(samples, name)()).ndim == 2 else shown
        for size, amount in zip(SIZES, SHARPENED, strict=True):
            if min(picture.shape[:2]) * size >= SMALLEST:
                found[f"{name} {size}"] = _shrunk(picture[..., :3], size, amount)
    if histology:
        sections = samples.immunohistochemistry(), read_picture(data / "he_skin_reference.png")
        for name, section in zip(HISTOLOGY, sections, strict=True):
            for size in (1, 0.7, 0.5):
                found[f"{name} {size}"] = _shrunk(section, size, 0.5 * (size < 1))
    for index in range(SYNTHETIC):
        drawn = synthetic_mosaic((SYNTHETIC_EDGE,) * 2, np.random.default_rng((17, index)))
        channels = torch.from_numpy(np.stack([drawn.fluorescence, drawn.clean])[None])
        colours = BeerLambert(Stains(full=FULL[index % len(FULL)]))(channels)[0]
        drawn_in = np.rint(np.moveaxis(colours.numpy(), 0, -1) * 255).astype(np.uint8)
        found[f"synthetic {index}"] = _shrunk(drawn_in, 0.5, SHARPENED[index % len(SHARPENED)])
    return found


def sections(data: Path) -> dict[str, NDArray[np.uint8]]:
    """The H&E sections of a folder, by name."""
    return {path.stem: read_picture(path) for path in sorted(data.glob("he_*.png"))}


def _shrunk(picture: NDArray[np.uint8], size: float, amount: float) -> NDArray[np.uint8]:
    """A smaller picture, whose edges are raised by an unsharp mask."""
    smaller = transform.rescale(picture, size, anti_aliasing=size < 1, channel_axis=-1)
    sharp = smaller + amount * (smaller - ndimage.gaussian_filter(smaller, 1, axes=(0, 1)))
    return np.rint(sharp.clip(0, 1) * 255).astype(np.uint8)

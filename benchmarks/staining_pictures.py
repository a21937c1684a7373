"""Pictures that the staining's shipped weights are trained on.

The despeckler learns from what scikit-image brings along free of restrictions (public domain, CC0,
or no known copyright restrictions) and from synthetic tissue in the colours of published stains;
the H&E tile of the table is not among it. The stains learn from the left three quarters of two H&E
sections, whose colours their table compares too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from skimage import color
from skimage import data as samples

from napari_midl.methods.staining.pictures import read_picture
from napari_midl.methods.staining.stains import RUIFROK, BeerLambert, Stains
from napari_midl.methods.staining.synthetic import synthetic_mosaic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TRAINED = 0.75  # share of an H&E section's width that the stains are trained on
# Full of edges or texture.
NAMES = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins")
NAMES += ("grass", "gravel", "retina", "rocket")
LONGEST = 1000  # pixels of a photograph's edge, so that a section is drawn about as often
SYNTHETIC, SYNTHETIC_EDGE = 4, 400
# Full densities of hematoxylin and eosin, from a pale slide to a dark one.
FULL = ((1.0, 0.3), (1.5, 0.5), (1.5, 0.8), (2.2, 1.0))


def textures(data: Path) -> dict[str, NDArray[np.uint8]]:
    """The left of two sections, photographs and synthetic tissue, by name."""
    found = {name: _left(picture) for name, picture in two_sections(data).items()}
    for name in NAMES:
        picture = color.gray2rgb(shown) if (shown := getattr(samples, name)()).ndim == 2 else shown
        found[name] = picture[:LONGEST, :LONGEST, :3]
    for index in range(SYNTHETIC):
        drawn = synthetic_mosaic((SYNTHETIC_EDGE,) * 2, np.random.default_rng((17, index)))
        channels = torch.from_numpy(np.stack([drawn.fluorescence, drawn.clean])[None])
        colours = BeerLambert(Stains(RUIFROK, FULL[index % len(FULL)]))(channels)[0]
        found[f"synthetic {index}"] = _bytes(np.moveaxis(colours.numpy(), 0, -1))
    return found


def two_sections(data: Path) -> dict[str, NDArray[np.uint8]]:
    """A skin in hematoxylin and eosin and an immunohistochemistry, whole, by name."""
    skin = read_picture(data / "he_skin_reference.png")
    return {"ihc": samples.immunohistochemistry(), "skin": skin}


def sections(data: Path) -> dict[str, NDArray[np.uint8]]:
    """The left of each H&E section of a folder, by name."""
    pictures = {path.stem: read_picture(path) for path in sorted(data.glob("he_*.png"))}
    return {name: _left(picture) for name, picture in pictures.items()}


def _left(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture[:, : round(picture.shape[1] * TRAINED)]


def _bytes(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)

"""Random crops of pictures and mosaics to train on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from napari_midl.errors import InputError
from napari_midl.methods.staining.mosaic import DARKEST_TISSUE
from napari_midl.methods.staining.speckle import speckled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.staining.settings import TrainDespecklerSettings

BRIGHTNESS = (0.25, 0.7)  # root of the mean square of what a despeckler is trained on
SMALLEST = 3.0  # how many times a picture is shrunk at most
SHARPEST, RADIUS = 1.5, 1.0  # strength of the unsharp mask, and its blur in pixels
COARSEST = 1.5  # standard deviation in pixels of the widest grain that is drawn
FINE, CUT = 0.4, 0.3  # shares of the crops whose grain is one pixel, and that a camera saturates


def random_crop(
    images: Sequence[NDArray[np.float32]], edge: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A square crop of one of the images, flipped at random.

    Parameters
    ----------
    images : sequence of ndarray, shape (C, Y, X)
        Larger ones are drawn more often.
    edge : int
        Pixels; at most the smallest image's.
    rng : numpy.random.Generator
        Where it is drawn from.
    """
    areas = np.array([image.shape[1] * image.shape[2] for image in images], float)
    image = images[rng.choice(len(images), p=areas / areas.sum())]
    y, x = (int(rng.integers(0, n - edge + 1)) for n in image.shape[1:])
    crop = image[:, y : y + edge, x : x + edge]
    flips = tuple(axis for axis in (1, 2) if rng.random() < 0.5)
    crop = np.flip(crop, flips)
    return np.ascontiguousarray(np.swapaxes(crop, 1, 2) if rng.random() < 0.5 else crop)


def check_sizes(images: Mapping[str, NDArray[np.float32]], edge: int) -> None:
    """Refuse images that are smaller than a crop.

    Raises
    ------
    InputError
        If there is one.
    """
    for name, image in images.items():
        if min(image.shape[1:]) < edge:
            size = " x ".join(map(str, image.shape[1:]))
            raise InputError(
                f"{name} has {size} pixels, less than a crop of {edge}; leave it out or choose a "
                "smaller --crop."
            )


def speckled_batch(
    images: Sequence[NDArray[np.float32]],
    settings: TrainDespecklerSettings,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Noisy and clean crops ``(N, 1, Y, X)`` of inverted-luma histology.

    The brightness varies, since percentiles do not put every mosaic at the same. So do the
    magnification and the sharpness: tissue at a third of its size has nuclei of a few pixels.
    """
    highest = max(settings.deviation, settings.deviation_up_to)
    clean, noisy = [], []
    for _ in range(settings.batch):
        crop = _seen_otherwise(images, settings.crop, rng) * np.float32(rng.uniform(*BRIGHTNESS))
        deviation = rng.uniform(settings.deviation, highest)
        clean.append(crop)
        if settings.speckle == "any":
            noisy.append(_any_speckle(crop, deviation, rng))
        else:
            noisy.append(speckled(crop, deviation, settings.speckle, rng))
    return torch.from_numpy(np.stack(noisy)), torch.from_numpy(np.stack(clean))


def evened(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture with a mean square of 1: a bright photograph counts no more than a pale slide."""
    return np.asarray(image / np.sqrt(np.mean(image**2)), np.float32)


def _seen_otherwise(
    images: Sequence[NDArray[np.float32]], edge: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A crop, shrunk and sharpened at random, as by another objective and another scanner."""
    shortest = min(min(image.shape[1:]) for image in images)
    wide = int(edge * rng.uniform(1, min(SMALLEST, shortest / edge)))
    # Of two crops the one with more in it: glass has nothing to teach.
    fuller = max((random_crop(images, wide, rng) for _ in range(2)), key=np.var)
    crop = torch.from_numpy(fuller)[None]
    if wide > edge:
        crop = F.interpolate(crop, (edge, edge), mode="bicubic", antialias=True)
    shrunk = crop[0].numpy()
    blurred = ndimage.gaussian_filter(shrunk, RADIUS, axes=(-2, -1))
    sharp = shrunk + np.float32(rng.uniform(0, SHARPEST)) * (shrunk - blurred)
    return np.asarray(np.maximum(sharp, 0), np.float32)


def _any_speckle(
    crop: NDArray[np.float32], deviation: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Fine or coarse, symmetric or not, and cut off where a camera would be saturated."""
    grain = 0.0 if rng.random() < FINE else rng.uniform(0.3, COARSEST)
    kind = "gaussian" if rng.random() < 0.5 else "gamma"
    noisy = speckled(crop, deviation, kind, rng, grain)
    return noisy.clip(max=1) if rng.random() < CUT else noisy


def unpaired_batch(
    mosaics: Sequence[NDArray[np.float32]],
    slides: Sequence[NDArray[np.float32]],
    edge: int,
    count: int,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Crops ``(N, 2, Y, X)`` of mosaics and ``(N, 3, Y, X)`` of slides, both with tissue."""
    pairs = [
        (_with_tissue(mosaics, edge, rng, bright=True), _with_tissue(slides, edge, rng))
        for _ in range(count)
    ]
    a, b = zip(*pairs, strict=True)
    return torch.from_numpy(np.stack(a)), torch.from_numpy(np.stack(b))


def _with_tissue(
    images: Sequence[NDArray[np.float32]],
    edge: int,
    rng: np.random.Generator,
    bright: bool = False,
) -> NDArray[np.float32]:
    """A crop that is not glass alone, if one is found in a few tries."""
    for _ in range(8):
        crop = random_crop(images, edge, rng)
        tissue = crop[-1] > DARKEST_TISSUE if bright else crop.min(0) < 1 - 2 * DARKEST_TISSUE
        if tissue.mean() > 0.3:
            break
    return crop

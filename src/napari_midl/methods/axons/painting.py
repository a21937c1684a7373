"""Painting of synthetic microscope images: fibres, spots, clouds, rims, and the sensor's noise."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING = 0.5


def profile(
    lines: list[NDArray[np.float64]],
    brightness: list[NDArray[np.float64]],
    width: float,
    size: int,
) -> NDArray[np.float64]:
    """Lines drawn with a Gaussian profile whose ridge is as high as `brightness` says."""
    drawn = np.zeros((size + 1, size + 1))
    for line, bright in zip(lines, brightness, strict=True):
        inside = np.all((line >= 0) & (line < size - 1), axis=1)
        points, weights = line[inside], bright[inside] * SPACING
        corner = np.floor(points).astype(int)
        part = points - corner
        for dy in (0, 1):
            for dx in (0, 1):
                share = np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1])
                np.add.at(drawn, (corner[:, 0] + dy, corner[:, 1] + dx), share * weights)
    ridge = ndimage.gaussian_filter(drawn[:size, :size], width)
    return np.asarray(ridge * width * np.sqrt(2 * np.pi))


def fibre(
    line: NDArray[np.float64], width: float, rng: np.random.Generator, size: int
) -> NDArray[np.float64]:
    """A fibre whose brightness wanders, with boutons on it and gaps in it."""
    count = len(line)
    wander = ndimage.gaussian_filter1d(rng.normal(0, 1, count), rng.uniform(5, 25), mode="nearest")
    bright = 1 + rng.uniform(0, 0.4) * wander / max(float(wander.std()), 1e-6)
    for _ in range(rng.poisson(0.6)):
        length = int(rng.uniform(3, 12) / SPACING)
        begin = rng.integers(0, max(1, count - length))
        bright[begin : begin + length] *= rng.uniform(0.0, 0.4)
    bright = np.clip(ndimage.gaussian_filter1d(bright, 2, mode="nearest"), 0, 2)
    drawn = profile([line], [bright], width, size)
    boutons = line[rng.integers(0, count, rng.poisson(count * SPACING / rng.uniform(15, 80)))]
    boutons = boutons + rng.normal(0, 0.5 * width, boutons.shape)
    for bouton in boutons:
        _add_spot(drawn, bouton, width * rng.uniform(1.0, 1.8), rng.uniform(0.3, 1.2))
    return drawn


def blobs(
    rng: np.random.Generator, size: int, count: int, widths: tuple[float, float]
) -> NDArray[np.float64]:
    """Round spots of random brightness at random places."""
    drawn = np.zeros((size, size))
    for _ in range(count):
        centre, width = rng.uniform(0, size, 2), rng.uniform(*widths)
        _add_spot(drawn, centre, width, float(np.exp(rng.uniform(-1.2, 1.2))))
    return drawn


def _add_spot(
    drawn: NDArray[np.float64], centre: NDArray[np.float64], width: float, high: float
) -> None:
    reach = int(3 * width) + 1
    y, x = np.rint(centre).astype(int).tolist()
    rows = slice(max(0, y - reach), max(0, min(drawn.shape[0], y + reach + 1)))
    columns = slice(max(0, x - reach), max(0, min(drawn.shape[1], x + reach + 1)))
    yy, xx = np.ogrid[rows, columns]
    distance = (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2
    drawn[rows, columns] += high * np.exp(-distance / (2 * width**2))


def cloud(rng: np.random.Generator, size: int, grain: float) -> NDArray[np.float64]:
    """Uneven ground in [0, 1], whose unevenness is about so many px wide."""
    coarse = rng.normal(0, 1, (int(size / grain) + 4,) * 2)
    smooth = ndimage.zoom(coarse, size / (coarse.shape[0] - 3), order=3)[:size, :size]
    lowest = smooth.min()
    return np.asarray((smooth - lowest) / (smooth.max() - lowest))


def vignette(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """How much darker it gets away from a random place, in [0, 1]."""
    centre = rng.uniform(0.2, 0.8, 2) * size
    yy, xx = np.ogrid[:size, :size]
    distance = (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2
    return np.asarray(np.clip(distance / size**2, 0, 1))


def rim(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """1 where an image shows something and 0 on its rim: sides, a corner, or all but a disc."""
    yy, xx = np.mgrid[:size, :size]
    kind = rng.integers(3)
    if kind == 0:
        wide = rng.uniform(4, 0.2 * size, 4) * (rng.random(4) < 0.5)
        rows = (yy >= wide[0]) & (yy < size - wide[1])
        inside = rows & (xx >= wide[2]) & (xx < size - wide[3])
    elif kind == 1:
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.45) * size
        inside = (yy - size / 2) * np.sin(angle) + (xx - size / 2) * np.cos(angle) < away
    else:
        y, x = rng.uniform(0.3, 0.7, 2) * size
        inside = np.hypot(yy - y, xx - x) < rng.uniform(0.35, 0.6) * size
    return np.asarray(ndimage.gaussian_filter(inside.astype(float), rng.uniform(0, 1.5)))


def sensor(
    image: NDArray[np.float64], contrast: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Photon noise, read noise, grain of a denoiser or a resampling, 8 bits, JPEG."""
    image = np.clip(image, 0, None)
    photons = np.exp(rng.uniform(np.log(15), np.log(300)))
    noisy = rng.poisson(image * photons) / photons
    noisy += rng.normal(0, rng.uniform(0.0, 0.35) * contrast, image.shape)
    if rng.random() < 0.6:
        noisy = ndimage.gaussian_filter(noisy, rng.uniform(0.4, 1.0))
    noisy = np.clip(noisy / max(np.percentile(noisy, 99.8), 1e-6), 0, 1)
    if rng.random() < 0.7:
        eight = (255 * noisy).astype(np.uint8)
        if rng.random() < 0.5:
            file = io.BytesIO()
            Image.fromarray(eight).save(file, "JPEG", quality=int(rng.integers(50, 96)))
            eight = np.asarray(Image.open(file))
        noisy = eight / 255
    return np.asarray(noisy, np.float32)

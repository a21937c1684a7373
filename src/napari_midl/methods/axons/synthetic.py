"""Synthetic fibres with known centrelines, drawn as a microscope would see them.

Dai et al., *Deep Reinforcement Learning for Subpixel Neural Tracking*, MIDL 2019, section
4.1: polynomial splines through constrained random walks over a noisy background, in five
conditions (figure 3). ``rich`` adds what real two-photon images have and theirs lack.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

Condition = Literal["SI", "SI-RC", "SI-W", "SI-EN", "SI-SN", "rich", "crowded"]
CROWDED = 0.4
WIDTHS = (0.8, 4.0)
SPACING = 0.5
SIZE = 224


@dataclass(frozen=True)
class Look:
    """How a condition of the paper's table 1 is drawn.

    Parameters
    ----------
    contrast : float
        Brightness of the fibre over the background.
    width : float
        Standard deviation of its profile, px.
    noise : float
        Standard deviation of the added Gaussian noise.
    structured : bool
        Photon (Poisson) noise, blurred to grains, instead.
    """

    contrast: float = 0.6
    width: float = 1.2
    noise: float = 0.1
    structured: bool = False


LOOKS: dict[Condition, Look] = {
    "SI": Look(),
    "SI-RC": Look(contrast=0.35),
    "SI-W": Look(width=2.5),
    "SI-EN": Look(noise=0.2),
    "SI-SN": Look(structured=True),
}


def synthetic_image(
    condition: Condition, rng: np.random.Generator, size: int = SIZE
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """One image and the centreline of its main fibre.

    Parameters
    ----------
    condition : str
        One of the paper's five (`LOOKS`); ``crowded``, a net of crossing fibres as bright as
        each other; or ``rich``, of which two in five are crowded.
    rng : numpy.random.Generator
        Source of the randomness.
    size : int
        Edge of the square image, px.

    Returns
    -------
    image : ndarray of float32, shape (size, size)
        Intensities in [0, 1].
    centreline : ndarray, shape (n, 2)
        Points ``(y, x)`` every half pixel from one end to the other.
    """
    if condition in ("rich", "crowded"):
        return _rich(rng, size, crowded=condition == "crowded" or rng.random() < CROWDED)
    look = LOOKS[condition]
    line = _centreline(rng, size, bend=0.25)
    clean = 0.1 + look.contrast * _profile([line], [np.ones(len(line))], look.width, size)
    if look.structured:
        grains = rng.poisson(12, (size, size)) / 12 - 1
        image = clean * (1 + ndimage.gaussian_filter(grains, 0.8))
        image += 0.3 * ndimage.gaussian_filter(rng.poisson(1.0, (size, size)) - 1.0, 1.0)
    else:
        image = clean + rng.normal(0, look.noise, clean.shape)
    return np.clip(image, 0, 1).astype(np.float32), line


def _centreline(
    rng: np.random.Generator,
    size: int,
    bend: float,
    through: tuple[NDArray[np.float64], float] | None = None,
) -> NDArray[np.float64]:
    """A cubic spline through a random walk whose heading drifts; cut where it leaves.

    It goes through a random place in a random way, unless they are given.
    """
    step = rng.uniform(10, 18)
    start, heading = through or (rng.uniform(0.15, 0.85, 2) * size, rng.uniform(0, 2 * np.pi))
    turns = rng.normal(0, bend, 2 * int(size / step) + 2)
    turns = ndimage.gaussian_filter1d(turns, 0.7) * 1.5
    headings = heading + np.cumsum(turns)
    headings -= headings[len(headings) // 2] - heading
    moves = step * np.stack([np.sin(headings), np.cos(headings)], 1)
    points = np.cumsum(moves, 0)
    points += start - points[len(points) // 2]
    smooth = make_interp_spline(np.arange(len(points)), points)(
        np.linspace(0, len(points) - 1, len(points) * int(4 * step))
    )
    line = resample(smooth, SPACING)
    inside = np.all((line > 1) & (line < size - 2), axis=1)
    middle = np.argmin(np.linalg.norm(line - start, axis=1))
    outside = np.flatnonzero(~inside)
    first = outside[outside < middle].max(initial=-1) + 1
    last = outside[outside > middle].min(initial=len(line))
    line = line[first:last]
    if rng.random() < 0.35:
        cut = rng.integers(0, len(line) // 3 + 1)
        line = line[cut:] if rng.random() < 0.5 else line[: len(line) - cut]
    if len(line) < 60 or _meets_itself(line):
        return _centreline(rng, size, bend)  # A given place may be too near the border.
    return line


def _meets_itself(line: NDArray[np.float64], near: float = 8.0) -> bool:
    sparse = line[::8]
    distances = np.linalg.norm(sparse[:, None] - sparse[None], axis=-1)
    apart = np.abs(np.subtract.outer(np.arange(len(sparse)), np.arange(len(sparse)))) > 5
    return bool((distances[apart] < near).any())


def _profile(
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


def _rich(
    rng: np.random.Generator, size: int, crowded: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A fibre with boutons, gaps and neighbours, in the noise of a real microscope."""
    straight = (0.04, 0.2) if crowded else (0.08, 0.4)
    line = _centreline(rng, size, bend=rng.uniform(*straight))
    width = np.exp(rng.uniform(*np.log(WIDTHS)))
    contrast = np.exp(rng.uniform(np.log(0.18), np.log(0.8)))
    image = contrast * _fibre(line, width, rng, size)
    area = (size / SIZE) ** 2
    for _ in range(int(area * (rng.integers(8, 25) if crowded else rng.integers(0, 10)))):
        # Crossing, passing, or out of focus. Where they are as bright as the fibre, only its
        # way tells which one is to be followed.
        through = _crossing(line, rng) if rng.random() < 0.3 else None
        other = _centreline(rng, size, rng.uniform(*straight), through)
        blur = width * rng.uniform(0.6, 1.3) if rng.random() < 0.8 else rng.uniform(3, 6)
        bright = rng.uniform(0.3, 1.3) if crowded else rng.uniform(0.1, 1.1)
        drawn = contrast * bright * _fibre(other, blur, rng, size)
        # A projection of a stack keeps the brighter of two, a thick slice shows their sum.
        image = np.maximum(image, drawn) if rng.random() < 0.6 else image + drawn
    if rng.random() < 0.4:
        dim = contrast * rng.uniform(0.4, 0.9)
        image = np.maximum(image, dim * _branch(line, width, rng, size))
    count = int(area * rng.integers(0, 24 if crowded else 12))
    image = image + contrast * _blobs(rng, size, count, (1.5, 5.0))
    image += rng.uniform(0.02, 0.15) * _cloud(rng, size, rng.uniform(10, 40))
    image += rng.uniform(0.0, 0.12)
    if rng.random() < 0.5:
        image *= 1 - rng.uniform(0, 0.6) * _vignette(rng, size)
    return _sensor(image, contrast, rng), line


def _fibre(
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
    drawn = _profile([line], [bright], width, size)
    boutons = line[rng.integers(0, count, rng.poisson(count * SPACING / rng.uniform(15, 80)))]
    boutons = boutons + rng.normal(0, 0.5 * width, boutons.shape)
    for bouton in boutons:
        _add_spot(drawn, bouton, width * rng.uniform(1.0, 1.8), rng.uniform(0.3, 1.2))
    return drawn


def _crossing(
    line: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """A place on a line, and a way through it at any angle but along it."""
    k = int(rng.integers(6, len(line) - 6))
    dy, dx = line[k + 6] - line[k - 6]
    return line[k], float(np.arctan2(dy, dx) + rng.choice([-1, 1]) * rng.uniform(0.25, np.pi / 2))


def _branch(
    line: NDArray[np.float64], width: float, rng: np.random.Generator, size: int
) -> NDArray[np.float64]:
    root = int(rng.integers(len(line) // 4, 3 * len(line) // 4))
    along = line[min(root + 6, len(line) - 1)] - line[root]
    angle = np.arctan2(along[0], along[1]) + rng.choice([-1, 1]) * rng.uniform(0.5, 1.6)
    headings = angle + np.cumsum(rng.normal(0, 0.12, 30))
    points = line[root] + np.cumsum(
        np.stack([np.sin(headings), np.cos(headings)], 1) * rng.uniform(1.5, 4), 0
    )
    twig = resample(np.vstack([line[root], points]), SPACING)
    return _fibre(twig, width * rng.uniform(0.6, 1.0), rng, size)


def _blobs(
    rng: np.random.Generator, size: int, count: int, widths: tuple[float, float]
) -> NDArray[np.float64]:
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


def _cloud(rng: np.random.Generator, size: int, grain: float) -> NDArray[np.float64]:
    coarse = rng.normal(0, 1, (int(size / grain) + 4,) * 2)
    cloud = ndimage.zoom(coarse, size / (coarse.shape[0] - 3), order=3)[:size, :size]
    lowest = cloud.min()
    return np.asarray((cloud - lowest) / (cloud.max() - lowest))


def _vignette(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    centre = rng.uniform(0.2, 0.8, 2) * size
    yy, xx = np.ogrid[:size, :size]
    distance = (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2
    return np.asarray(np.clip(distance / size**2, 0, 1))


def _sensor(
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

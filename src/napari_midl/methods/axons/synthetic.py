"""Synthetic fibres with known centrelines, drawn as a microscope would see them.

Dai et al., *Deep Reinforcement Learning for Subpixel Neural Tracking*, MIDL 2019, section
4.1: polynomial splines through constrained random walks over a noisy background, in five
conditions (figure 3). ``rich`` adds what real two-photon images have and theirs lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from napari_midl.methods.axons.painting import (
    SPACING,
    blobs,
    cloud,
    fibre,
    profile,
    rim,
    sensor,
    vignette,
)
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

Condition = Literal["SI", "SI-RC", "SI-W", "SI-EN", "SI-SN", "rich", "crowded"]
CROWDED = 0.4
WIDTHS = (0.8, 4.0)
SIZE = 224
# How far a fibre to learn from goes on beyond the image, and how near any fibre what lies there
# is not called empty, in px; of the images to learn from, how many have a rim, and how uneven
# their ground is at most, of the contrast of the fibre.
BEYOND, CLEAR, RIMS, GRAIN = 12, 4.0, 0.35, 1.0
# Of those that are not crowded, how many have a fibre that bends sharply, and how much it does.
SHARP, _SHARPLY = 0.3, (0.4, 0.8)
_SHORTEST, _SEEN = 60, 0.05


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


@dataclass(frozen=True)
class Scene:
    """An image to learn from, with all that is true of it.

    Parameters
    ----------
    image : ndarray of float32, shape (size, size)
        Intensities in [0, 1].
    line : ndarray, shape (n, 2)
        Points ``(y, x)`` every half pixel along the fibre to follow. Where it leaves the image,
        it goes on beyond.
    empty : ndarray of bool, shape (size, size)
        Where there is surely no fibre at all.
    """

    image: NDArray[np.float32]
    line: NDArray[np.float64]
    empty: NDArray[np.bool_]


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
    scene = _plain(condition, rng, size) if condition in LOOKS else _net(condition, rng, size)
    return scene.image, scene.line


def synthetic_scene(condition: Condition, rng: np.random.Generator) -> Scene:
    """One image to learn from, with what is empty in it.

    As `synthetic_image`, but fibres of ``rich`` and ``crowded`` images end more often, leave the
    image, or lie in empty ground, and some images have a dark or a bright rim.
    """
    if condition in LOOKS:
        return _plain(condition, rng, SIZE)
    return _net(condition, rng, SIZE, ends=True)


def _plain(condition: Condition, rng: np.random.Generator, size: int) -> Scene:
    look = LOOKS[condition]
    line = _centreline(rng, size, bend=0.25)
    drawn = profile([line], [np.ones(len(line))], look.width, size)
    clean = 0.1 + look.contrast * drawn
    if look.structured:
        grains = rng.poisson(12, (size, size)) / 12 - 1
        image = clean * (1 + ndimage.gaussian_filter(grains, 0.8))
        image += 0.3 * ndimage.gaussian_filter(rng.poisson(1.0, (size, size)) - 1.0, 1.0)
    else:
        image = clean + rng.normal(0, look.noise, clean.shape)
    return Scene(np.clip(image, 0, 1).astype(np.float32), line, _empty([line], drawn))


def _empty(lines: list[NDArray[np.float64]], drawn: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where neither a line is near, seen or in a gap, nor anything of what was drawn is seen."""
    size = len(drawn)
    away = np.ones(drawn.shape, bool)
    for line in lines:
        y, x = np.rint(line).astype(int).T
        inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
        away[y[inside], x[inside]] = False
    return np.asarray((ndimage.distance_transform_edt(away) > CLEAR) & (drawn < _SEEN))


def _centreline(
    rng: np.random.Generator,
    size: int,
    bend: float,
    through: tuple[NDArray[np.float64], float] | None = None,
    beyond: int = -1,
) -> NDArray[np.float64]:
    """A cubic spline through a random walk whose heading drifts; cut where it leaves.

    It goes through a random place in a random way, unless they are given, and so many px beyond
    the image.
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
    inside = np.all((line > -beyond) & (line < size - 1 + beyond), axis=1)
    line = _run(line, inside, int(np.argmin(np.linalg.norm(line - start, axis=1))))
    if rng.random() < 0.35:
        cut = rng.integers(0, len(line) // 3 + 1)
        line = line[cut:] if rng.random() < 0.5 else line[: len(line) - cut]
    if len(line) < _SHORTEST or _meets_itself(line):
        # A given place may be too near the border.
        return _centreline(rng, size, bend, beyond=beyond)
    return line


def _run(line: NDArray[np.float64], inside: NDArray[np.bool_], middle: int) -> NDArray[np.float64]:
    """The part of a line about a point of it that is inside without a break."""
    outside = np.flatnonzero(~inside)
    first = outside[outside < middle].max(initial=-1) + 1
    return line[first : outside[outside > middle].min(initial=len(line))]


def _meets_itself(line: NDArray[np.float64]) -> bool:
    sparse = line[::8]
    distances = np.linalg.norm(sparse[:, None] - sparse[None], axis=-1)
    apart = np.abs(np.subtract.outer(np.arange(len(sparse)), np.arange(len(sparse)))) > 5
    return bool((distances[apart] < 8).any())


def _net(condition: Condition, rng: np.random.Generator, size: int, ends: bool = False) -> Scene:
    """A fibre with boutons, gaps and neighbours, in the noise of a real microscope."""
    crowded = condition == "crowded" or rng.random() < CROWDED
    beyond = BEYOND if ends else -1
    straight = (0.04, 0.2) if crowded else (0.08, 0.4)
    sharp = ends and not crowded and rng.random() < SHARP
    bend = rng.uniform(*(_SHARPLY if sharp else straight))
    line = _centreline(rng, size, bend, beyond=beyond)
    if ends:
        line = _shortened(line, rng)
        while not ((line > 0) & (line < size - 1)).all(axis=1).any():
            line = _shortened(_centreline(rng, size, bend, beyond=beyond), rng)
    width = np.exp(rng.uniform(*np.log(WIDTHS)))
    contrast = np.exp(rng.uniform(np.log(0.18), np.log(0.8)))
    image = contrast * fibre(line, width, rng, size)
    area = (size / SIZE) ** 2
    alone = ends and not crowded and rng.random() < 0.3
    count = int(area * (rng.integers(8, 25) if crowded else rng.integers(0, 10)))
    lines = [line]
    for _ in range(0 if alone else count):
        # Crossing, passing, or out of focus. Where they are as bright as the fibre, only its
        # way tells which one is to be followed.
        through = _crossing(line, rng) if rng.random() < 0.3 else None
        other = _centreline(rng, size, rng.uniform(*straight), through, beyond)
        lines.append(other)
        blur = width * rng.uniform(0.6, 1.3) if rng.random() < 0.8 else rng.uniform(3, 6)
        bright = rng.uniform(0.3, 1.3) if crowded else rng.uniform(0.1, 1.1)
        drawn = contrast * bright * fibre(other, blur, rng, size)
        # A projection of a stack keeps the brighter of two, a thick slice shows their sum.
        image = np.maximum(image, drawn) if rng.random() < 0.6 else image + drawn
    if rng.random() < 0.4:
        dim = contrast * rng.uniform(0.4, 0.9)
        twig = _branch(line, rng)
        lines.append(twig)
        width *= rng.uniform(0.6, 1.0)
        image = np.maximum(image, dim * fibre(twig, width, rng, size))
    seen = image / contrast
    count = int(area * rng.integers(0, 24 if crowded else 12))
    image = image + contrast * blobs(rng, size, count, (1.5, 5.0))
    image += rng.uniform(0.02, 0.15) * cloud(rng, size, rng.uniform(10, 40))
    if ends:
        # Grained ground, as tissue has, lest every unevenness is taken for the end of a fibre.
        image += rng.uniform(0, GRAIN) * contrast * cloud(rng, size, rng.uniform(3, 12))
    image += rng.uniform(0.0, 0.12)
    if rng.random() < 0.5:
        image *= 1 - rng.uniform(0, 0.6) * vignette(rng, size)
    if not ends or rng.random() > RIMS:
        return Scene(sensor(image, contrast, rng), line, _empty(lines, seen))
    return _rimmed(image, line, lines, seen, contrast, rng)


def _shortened(line: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A line, or half the time a piece of it."""
    if rng.random() < 0.5:
        return line
    length = int(rng.integers(min(_SHORTEST, len(line) - 1), len(line)))
    begin = int(rng.integers(len(line) - length + 1))
    return line[begin : begin + length]


def _rimmed(
    image: NDArray[np.float64],
    line: NDArray[np.float64],
    lines: list[NDArray[np.float64]],
    seen: NDArray[np.float64],
    contrast: float,
    rng: np.random.Generator,
) -> Scene:
    """A scene with a rim, noisy as the rest or of one value, behind which nothing is seen."""
    within = rim(rng, len(image))
    inside = _look_up(within, line) > 0.5
    # What goes on beyond the image is as the rim next to it, but there must be some in the image.
    seen_at = np.flatnonzero(inside & ((line > 0) & (line < len(image) - 1)).all(axis=1))
    shown = _run(line, inside, int(seen_at[len(seen_at) // 2])) if len(seen_at) else line[:0]
    if len(shown) < _SHORTEST:
        return Scene(sensor(image, contrast, rng), line, _empty(lines, seen))
    value = float(rng.choice([0.0, rng.uniform(0, 1.3), 1.0], p=[0.6, 0.2, 0.2]))
    if rng.random() < 0.5:
        image = within * image + (1 - within) * contrast * value
        taken = sensor(image, contrast, rng)
    else:
        taken = sensor(image, contrast, rng)
        taken = (within * taken + (1 - within) * min(value, 1.0)).astype(np.float32)
    lines = [shown, *(other[_look_up(within, other) > 0.5] for other in lines)]
    return Scene(taken, shown, _empty(lines, seen * within))


def _look_up(field: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A field at the pixels of a line, that of the border beyond it."""
    y, x = np.rint(line).astype(int).T.clip(0, len(field) - 1)
    return np.asarray(field[y, x])


def _crossing(
    line: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """A place on a line, and a way through it at any angle but along it."""
    k = int(rng.integers(6, len(line) - 6))
    dy, dx = line[k + 6] - line[k - 6]
    return line[k], float(np.arctan2(dy, dx) + rng.choice([-1, 1]) * rng.uniform(0.25, np.pi / 2))


def _branch(line: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A twig that leaves a line somewhere on its middle half."""
    root = int(rng.integers(len(line) // 4, 3 * len(line) // 4))
    along = line[min(root + 6, len(line) - 1)] - line[root]
    angle = np.arctan2(along[0], along[1]) + rng.choice([-1, 1]) * rng.uniform(0.5, 1.6)
    headings = angle + np.cumsum(rng.normal(0, 0.12, 30))
    points = line[root] + np.cumsum(
        np.stack([np.sin(headings), np.cos(headings)], 1) * rng.uniform(1.5, 4), 0
    )
    return resample(np.vstack([line[root], points]), SPACING)

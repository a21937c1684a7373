"""Synthetic confocal mosaics: nuclei in fluorescence, fibres in reflectance, with the truth.

They stand in for mosaics where there are none, and are no model of any microscope beyond what
is written here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.special import expit

from napari_midl.methods.staining.speckle import speckled

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 9  # half axis of the largest nucleus, in pixels


class SyntheticMosaic(NamedTuple):
    """Channels in [0, 1], float32, shape (Y, X), and what is true.

    Parameters
    ----------
    fluorescence, reflectance : ndarray of float32
        What the microscope shows; the reflectance with speckle.
    clean : ndarray of float32
        The reflectance without it.
    centres : ndarray, shape (N, 2)
        Pixels ``(y, x)`` of the nuclei.
    """

    fluorescence: NDArray[np.float32]
    reflectance: NDArray[np.float32]
    clean: NDArray[np.float32]
    centres: NDArray[np.int64]


def synthetic_mosaic(
    shape: tuple[int, int], rng: np.random.Generator, deviation: float = 0.2
) -> SyntheticMosaic:
    """Draw a mosaic: stroma with fibres, nests of cells, gaps, and glass around it all.

    Parameters
    ----------
    shape : (int, int)
        Pixels ``(y, x)``.
    rng : numpy.random.Generator
        Where it is drawn from.
    deviation : float
        Standard deviation of the Gaussian speckle of the reflectance.
    """
    tissue = _smooth(shape, 60, rng) > rng.uniform(-1.2, -0.6)
    tissue = ndimage.gaussian_filter(tissue.astype(np.float32), 1.5)
    nests = _step(_smooth(shape, 30, rng) - rng.uniform(0.5, 1.2), 0.15) * tissue
    fibres = _fibres(shape, rng)
    nuclei, centres = _nuclei(shape, tissue, nests, rng)
    light = np.exp(0.25 * _smooth(shape, 120, rng)), np.exp(0.25 * _smooth(shape, 120, rng))
    cells = 0.55 + 0.08 * _smooth(shape, 3, rng)
    clean = tissue * (nests * cells + (1 - nests) * (0.35 + 0.45 * fibres))
    clean = np.clip(clean * (1 - 0.55 * np.minimum(nuclei, 1)) * light[1], 0, None)
    haze = ndimage.gaussian_filter(nuclei, 12)
    fluorescence = nuclei + 0.15 * haze + 0.03 * tissue * (0.5 + fibres)
    fluorescence = ndimage.gaussian_filter(fluorescence, 0.7) * light[0]
    fluorescence += rng.normal(0, 0.01, shape)
    clean = np.asarray(clean / np.percentile(clean, 99.8), np.float32).clip(0, 1)
    fluorescence = fluorescence / np.percentile(fluorescence, 99.8)
    return SyntheticMosaic(
        np.asarray(fluorescence.clip(0, 1), np.float32),
        speckled(clean, deviation, "gaussian", rng).clip(0, 1),
        clean,
        centres,
    )


def _smooth(shape: tuple[int, int], scale: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of mean 0 and deviation 1 that varies over `scale` pixels; drawn coarsely."""
    step = max(1, int(scale // 4))
    coarse = [n // step + 8 for n in shape]
    field = ndimage.gaussian_filter(rng.standard_normal(coarse).astype(np.float32), scale / step)
    fine = ndimage.zoom(field, step, order=1)[: shape[0], : shape[1]] if step > 1 else field
    fine = fine[: shape[0], : shape[1]]
    return np.asarray((fine - fine.mean()) / fine.std(), np.float32)


def _step(field: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    return np.asarray(expit(field / width), np.float32)


def _fibres(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Wavy bundles in [0, 1]: the level lines of a field that is stretched and bent."""
    y, x = np.indices(shape, dtype=np.float32)
    turn = rng.uniform(0, np.pi)
    bend = 25 * _smooth(shape, 70, rng) + 4 * _smooth(shape, 15, rng)
    across = (np.cos(turn) * y + np.sin(turn) * x + bend).astype(np.float32)
    profile = ndimage.gaussian_filter1d(rng.standard_normal(4096), 1.2)
    profile /= profile.std()
    lines = np.interp(across % 4096, np.arange(4096), profile)
    return _step(np.asarray(lines + 0.5 * _smooth(shape, 2, rng), np.float32), 0.6)


def _nuclei(
    shape: tuple[int, int],
    tissue: NDArray[np.float32],
    nests: NDArray[np.float32],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Ellipses that do not overlap, dense in nests and sparse in stroma."""
    spread = rng.uniform(0.6, 1.0)
    tries = int(shape[0] * shape[1] / 90)
    points = np.column_stack([rng.integers(0, n, tries) for n in shape])
    chance = tissue * (0.12 + 0.88 * nests)
    points = points[rng.random(tries) < chance[points[:, 0], points[:, 1]]]
    taken = np.zeros(shape, bool)
    painted = np.zeros(shape, np.float32)
    texture = 1 + 0.25 * _smooth(shape, 1.5, rng)
    grid = np.mgrid[-LONGEST : LONGEST + 1, -LONGEST : LONGEST + 1]
    centres = []
    for y, x in points:
        nest = nests[y, x] > 0.5
        long = rng.uniform(4.5, 6.5) if nest else rng.uniform(5, LONGEST - 1)
        short = long * (rng.uniform(0.7, 1) if nest else rng.uniform(0.25, 0.5))
        turn = rng.uniform(0, np.pi)
        along = np.cos(turn) * grid[0] + np.sin(turn) * grid[1]
        aside = -np.sin(turn) * grid[0] + np.cos(turn) * grid[1]
        ellipse = _step(np.asarray(1 - np.hypot(along / long, aside / short), np.float32), 0.08)
        inside = [
            slice(max(0, LONGEST - c), LONGEST + min(LONGEST + 1, n - c))
            for c, n in zip((y, x), shape, strict=True)
        ]
        place = tuple(
            slice(max(0, c - LONGEST), min(n, c + LONGEST + 1))
            for c, n in zip((y, x), shape, strict=True)
        )
        ellipse = ellipse[tuple(inside)]
        body = ellipse > 0.3
        if taken[place][body].any():
            continue
        taken[place] |= ndimage.binary_dilation(body)
        bright = float(np.exp(spread * 0.5 * rng.standard_normal()))
        painted[place] += ellipse * bright * texture[place]
        centres.append((y, x))
    return painted, np.array(centres, np.int64).reshape(-1, 2)

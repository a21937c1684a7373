"""How good a stain and a despeckling are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, spatial
from skimage import color, feature, metrics

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUCLEUS = 2.0  # standard deviation in pixels of the smallest nuclei that are counted
CLOSEST = 4  # pixels between two nuclei
CONTRAST = 0.3  # natural logarithm of a nucleus over its surroundings
DARK = 0.05  # of the brightest; below it there is no contrast to speak of
COLOURLESS = 5.0  # chroma below which a colour has no hue to speak of


def psnr(image: NDArray[np.floating], clean: NDArray[np.floating]) -> float:
    """Peak signal-to-noise ratio in dB, of images whose peak is 1."""
    return float(-10 * np.log10(np.mean((np.asarray(image, float) - clean) ** 2)))


def ssim(
    image: NDArray[np.floating], clean: NDArray[np.floating], channel_axis: int | None = None
) -> float:
    """Structural similarity (Wang et al., 2004) of images whose range is 1."""
    return float(
        metrics.structural_similarity(image, clean, data_range=1.0, channel_axis=channel_axis)
    )


def ciede2000(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean colour difference of two pictures (Y, X, 3), pixel by pixel."""
    return float(color.deltaE_ciede2000(color.rgb2lab(a), color.rgb2lab(b)).mean())


def palette_distance(a: NDArray[np.uint8], b: NDArray[np.uint8], seed: int = 0) -> float:
    """Colour difference of two pictures that show different tissue.

    The sliced Wasserstein distance between their tissues' colours in CIELAB: the mean distance
    between equal quantiles over 64 random directions, times the dimension's square root, so that
    a shift of all colours by d gives about d.
    """
    rng = np.random.default_rng(seed)
    first, second = (_tissue(color.rgb2lab(p).reshape(-1, 3), p) for p in (a, b))
    directions = rng.standard_normal((64, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    levels = np.linspace(0.5, 99.5, 100)
    apart = [
        np.abs(np.percentile(first @ d, levels) - np.percentile(second @ d, levels)).mean()
        for d in directions
    ]
    return float(np.mean(apart) * 3**0.5)


def hue_distance(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Angle in degrees between the mean hues of two pictures' tissues in CIELAB."""
    hues = []
    for picture in (a, b):
        lab = _tissue(color.rgb2lab(picture).reshape(-1, 3), picture)
        coloured = lab[np.hypot(lab[:, 1], lab[:, 2]) > COLOURLESS]
        mean = (coloured if len(coloured) else lab)[:, 1:].mean(0)
        hues.append(np.degrees(np.arctan2(mean[1], mean[0])))
    return float(abs((hues[0] - hues[1] + 180) % 360 - 180))


def correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Pearson's correlation of two images, pixel by pixel."""
    return float(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


def nuclei(image: NDArray[np.floating]) -> NDArray[np.int64]:
    """Centres ``(y, x)`` of bright blobs.

    A blob is a maximum of the difference of two Gaussians, one as wide as a nucleus and one
    three times as wide, of the logarithm of the image: it is `CONTRAST` brighter than what is
    around it, whether it is a dim nucleus or a bright one.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Not negative.
    """
    image = np.asarray(image, float)
    top = float(np.percentile(image, 99.8))
    contrast = np.log(image.clip(0) / max(top, 1e-9) + DARK)
    blobs = ndimage.gaussian_filter(contrast, NUCLEUS)
    blobs -= ndimage.gaussian_filter(contrast, 3 * NUCLEUS)
    peaks = feature.peak_local_max(blobs, min_distance=CLOSEST, threshold_abs=CONTRAST)
    return np.asarray(peaks, np.int64)


def matched(
    found: NDArray[np.int64], true: NDArray[np.int64], within: float = CLOSEST
) -> dict[str, float]:
    """Nuclei that two images share.

    Returns
    -------
    dict
        ``invented``, the share of those found that have no true one within so many pixels, and
        ``lost``, the share of the true ones that were not found; each is used once.
    """
    if not len(found) or not len(true):
        return {"invented": float(len(found) > 0), "lost": float(len(true) > 0)}
    near = spatial.cKDTree(true).query(found, distance_upper_bound=within)
    hits, taken = 0, set()
    for distance, index in sorted(zip(*near, strict=True)):
        if np.isfinite(distance) and index not in taken:
            taken.add(index)
            hits += 1
    return {"invented": 1 - hits / len(found), "lost": 1 - hits / len(true)}


def _tissue(colours: NDArray[np.floating], picture: NDArray[np.uint8]) -> NDArray[np.floating]:
    """Colours of what is not glass."""
    stained = picture.reshape(-1, 3).min(1) < 220
    return colours[stained] if stained.any() else colours

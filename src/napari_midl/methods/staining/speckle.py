"""Artificial speckle: ``Y = X (1 + F)`` with F of mean 0 (Combalia et al., 2019, section 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAIN = 0.7  # standard deviation in pixels of the blur that correlates neighbours


def speckled(
    clean: NDArray[np.float32],
    deviation: float,
    kind: str,
    rng: np.random.Generator,
    grain: float = 0.0,
) -> NDArray[np.float32]:
    """Multiply an image by speckle.

    Parameters
    ----------
    clean : ndarray of float32, shape (..., Y, X)
        Reflectance, not negative.
    deviation : float
        Standard deviation of the factor, whose mean is 1.
    kind : {"gaussian", "gamma", "correlated"}
        ``gaussian`` is the paper's. ``gamma`` is that of ``1 / deviation**2`` averaged laser
        looks. ``correlated`` is Gaussian, blurred over neighbouring pixels.
    rng : numpy.random.Generator
        Where it is drawn from.
    grain : float
        Standard deviation in pixels of the blur; 0 for independent pixels, or the `GRAIN` of
        correlated ones.

    Returns
    -------
    ndarray of float32
        Not negative, and not cut above.

    Raises
    ------
    InputError
        If there is no such kind.
    """
    if kind not in ("gaussian", "gamma", "correlated"):
        raise InputError(f"{kind!r} is no speckle; choose one of gaussian, gamma, correlated.")
    field = rng.standard_normal(clean.shape, np.float32)
    grain = grain or (GRAIN if kind == "correlated" else 0.0)
    if grain:
        field = ndimage.gaussian_filter(field, grain, mode="wrap", axes=(-2, -1))
        field /= field.std()
    if kind == "gamma":
        # Wilson and Hilferty, PNAS 17, 684 (1931): the cube root of gamma is normal, nearly.
        part = deviation**2 / 9
        factor = np.maximum(1 - part + part**0.5 * field, 0) ** 3
    else:
        factor = 1 + deviation * field
    return np.asarray(np.maximum(clean * factor, 0), np.float32)


def speckle_to(
    clean: NDArray[np.float32], decibel: float, kind: str, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Raise the speckle until the peak signal-to-noise ratio against `clean` is `decibel`."""
    seed = int(rng.integers(2**31))
    low, high = 0.01, 3.0
    noisy = clean
    for _ in range(24):
        deviation = (low * high) ** 0.5
        noisy = speckled(clean, deviation, kind, np.random.default_rng(seed))
        error = float(np.mean((noisy - clean) ** 2))
        low, high = (deviation, high) if -10 * np.log10(error) > decibel else (low, deviation)
    return noisy

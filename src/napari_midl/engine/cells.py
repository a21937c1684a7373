"""Cells that are drawn: nuclei in cytoplasm on uneven ground, with the class of each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZE = 256


def cells(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A picture of cells, and of each pixel 0 ground, 1 nucleus or 2 cytoplasm."""
    rng, (y, x) = np.random.default_rng(seed), np.indices((SIZE, SIZE))
    truth = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(36):
        cy, cx = rng.uniform(0, SIZE, 2)
        far = np.hypot((y - cy) * rng.uniform(0.75, 1.3), (x - cx) * rng.uniform(0.75, 1.3))
        radius = rng.uniform(8, 14)
        truth[far < radius] = 2
        truth[far < 0.5 * radius] = 1
    light = ndimage.gaussian_filter(np.array([50.0, 130.0, 95.0])[truth], 1)
    ground = ndimage.gaussian_filter(rng.normal(size=truth.shape), 30)
    light += 25 * ground / np.abs(ground).max() + rng.normal(0, 14, truth.shape)
    return light.clip(0, 255).astype(np.uint8), truth

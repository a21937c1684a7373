"""What vessels are compared with: the best threshold, and a random forest on the same labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

from napari_midl.methods.vessels.score import dice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


def oracle(
    image: NDArray[Any], mask: NDArray[np.bool_], scored: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The lightly smoothed image above the one threshold whose Dice is best; it knows the truth."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), (0.5, 1, 1))
    levels = np.percentile(smooth, np.arange(1, 100))
    best = max(levels, key=lambda level: dice(smooth[scored] > level, mask[scored]))
    above: NDArray[np.bool_] = smooth > best
    return above


def features(image: Floats) -> Floats:
    """Intensity, edge, blob and ridge filters at six scales, a voxel a row of the last axis."""
    maps = [image]
    for sigma in (0.7, 1.0, 1.6, 3.5, 5.0, 10.0):
        scale = (sigma / 3, sigma, sigma)
        maps.append(ndimage.gaussian_filter(image, scale))
        maps.append(ndimage.gaussian_gradient_magnitude(image, scale))
        maps.append(ndimage.gaussian_laplace(image, scale))
        yy, xx, xy = (
            ndimage.gaussian_filter(image, scale, order=order)
            for order in ((0, 2, 0), (0, 0, 2), (0, 1, 1))
        )
        spread = np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
        maps += [(yy + xx) / 2 + spread, (yy + xx) / 2 - spread]
    return np.stack(maps, -1)


def random_forest(table: Floats, labels: NDArray[np.uint8]) -> RandomForestClassifier:
    """A forest trained on the labelled rows of a table of features."""
    chosen = labels > 0
    forest = RandomForestClassifier(
        100,
        min_samples_leaf=4,
        max_samples=min(30_000, int(chosen.sum())),
        n_jobs=2,
        random_state=0,
    )
    return forest.fit(table[chosen], labels[chosen] == 2)


def forest_probability(forest: RandomForestClassifier, table: Floats) -> Floats:
    """Probability of vessel ``(Z, Y, X)``."""
    planes = [forest.predict_proba(plane.reshape(-1, table.shape[-1]))[:, 1] for plane in table]
    return np.stack(planes).reshape(table.shape[:-1]).astype(np.float32)

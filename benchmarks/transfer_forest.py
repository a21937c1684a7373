"""A random forest on multiscale features of single voxels: what interactive tools learn with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.transfer_data import Sample


def _features(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensity, edges and texture at five scales, ``(voxels, features)``; slices are pictures."""
    flat = image.shape[1] == 1
    of_each = [
        multiscale_basic_features(channel[0] if flat else channel, sigma_max=8, workers=1)
        for channel in image
    ]
    return np.concatenate([f.reshape(-1, f.shape[-1]) for f in of_each], axis=1)


def forest_dice(
    learnt: Sample, scored: Sample, names: Sequence[str], seed: int
) -> dict[str, float]:
    """Dice of each class but the first, learnt from what is labelled of a sample."""
    assert learnt.labels is not None
    labels = learnt.labels.ravel()
    forest = RandomForestClassifier(
        100,
        min_samples_leaf=2,
        max_samples=min(0.999, 20_000 / (labels > 0).sum()),
        class_weight="balanced_subsample",
        random_state=seed,
        n_jobs=1,
    )
    forest.fit(_features(learnt.image)[labels > 0], labels[labels > 0])
    called = forest.predict(_features(scored.image)) - 1
    true = scored.truth.ravel()
    return {
        name: float(
            2
            * ((called == k) & (true == k)).sum()
            / max((called == k).sum() + (true == k).sum(), 1)
        )
        for k, name in enumerate(names)
        if k
    }

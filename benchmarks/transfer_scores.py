"""How well networks score, and the forest on features of voxels that they are held against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from benchmarks.transfer_data import Sample


# Intensity, edges, texture; from which to which scale, how many; threads, whose name has changed.
_FEATURES = (True, True, True, 0.5, 8, None, 1)


def dice(network: Any, samples: Sequence[Sample], names: Sequence[str]) -> dict[str, float]:
    """Dice of each class but the first over all voxels of some samples together."""
    from napari_midl.engine.devices import pick_device
    from napari_midl.engine.semantic.predictor import probability

    network = network.to(pick_device())
    hits, sizes = np.zeros(len(names)), np.zeros(len(names))
    for sample in samples:
        called = probability(network, len(names), sample.image[None])[0].argmax(0)
        for index in range(len(names)):
            found, true = called == index, sample.truth == index
            hits[index] += 2 * (found & true).sum()
            sizes[index] += found.sum() + true.sum()
    return {n: float(hits[k] / max(sizes[k], 1)) for k, n in enumerate(names) if k}


def mean_dice(scores: dict[str, float]) -> float:
    return float(np.mean(list(scores.values())))


def _features(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensity, edges and texture at five scales, ``(voxels, features)``; slices are pictures."""
    flat = image.shape[1] == 1
    of_each = [
        multiscale_basic_features(channel[0] if flat else channel, *_FEATURES) for channel in image
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
    return overlap(called, scored.truth.ravel(), names)


def overlap(
    called: NDArray[np.integer], true: NDArray[np.integer], names: Sequence[str]
) -> dict[str, float]:
    """Dice of each class but the first, of indices of the same shape."""
    sizes = {k: (called == k).sum() + (true == k).sum() for k in range(1, len(names))}
    return {
        names[k]: float(2 * ((called == k) & (true == k)).sum() / max(size, 1))
        for k, size in sizes.items()
    }

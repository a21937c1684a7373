"""Scores of a segmentation, each class by itself, over the voxels whose label tells."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.volumes.boxes import size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.holding_out import Block
    from napari_midl.volumes.classes import Classes

    Probability = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class ClassScore:
    """How well one class was found.

    Parameters
    ----------
    dice : float
        Twice the voxels that were rightly called the class over all called and all true ones.
    precision : float
        Share of the voxels called the class that are; 0 where none is called so.
    recall : float
        Share of the voxels of the class that are called so.
    voxels : int
        Voxels of the class, on which the score rests.
    """

    dice: float
    precision: float
    recall: float
    voxels: int


def most_probable(probability: NDArray[np.floating], axis: int = 0) -> NDArray[np.intp]:
    """Index of the most probable class; of equals the later one, so that 0.5 calls a vessel."""
    last = probability.shape[axis] - 1
    called: NDArray[np.intp] = last - np.argmax(np.flip(probability, axis), axis)
    return called


def class_scores(
    called: NDArray[Any], labels: NDArray[Any], classes: Classes
) -> dict[str, ClassScore]:
    """Score each class by itself.

    A voxel counts for a class if its label says whether it is one: not where it is unlabelled, nor
    where the class is one of several that it may be.

    Parameters
    ----------
    called : ndarray of int, shape (...)
        Index of the predicted class, 0 the first.
    labels : ndarray of int, shape (...)
        Values of `classes`.
    classes : Classes
        What the labels mean.

    Returns
    -------
    dict of str to ClassScore
        By name; a class without a voxel that is surely of it has none.
    """
    allowed = classes.allowed(labels)
    scores = {}
    for index, name in enumerate(classes.names):
        true = labels == classes.value(name)
        if not true.any():
            continue
        predicted = (called == index) & (true | ~allowed[..., index])
        hits, size = int((predicted & true).sum()), int(predicted.sum())
        voxels = int(true.sum())
        scores[name] = ClassScore(
            2 * hits / (size + voxels), hits / max(size, 1), hits / voxels, voxels
        )
    return scores


def dice_of(
    probability: NDArray[np.floating], labels: NDArray[Any], classes: Classes
) -> tuple[dict[str, float], dict[str, int]]:
    """``dice`` of the classes but the first, ``dice of`` each, and ``voxels of`` each behind it.

    Parameters
    ----------
    probability : ndarray of float, shape (M, K)
        Of the classes at labelled voxels; where there are none, nothing is told.
    labels : ndarray of int, shape (M,)
        Values of `classes`.
    classes : Classes
        What the labels mean.
    """
    if not len(probability):
        return {}, {}
    each = class_scores(most_probable(probability, axis=1), labels, classes)
    structures = [score.dice for name, score in each.items() if name != classes.names[0]]
    mean = {"dice": float(np.mean(structures))} if structures else {}
    dice = {f"dice of {name}": score.dice for name, score in each.items()}
    return mean | dice, {f"voxels of {name}": score.voxels for name, score in each.items()}


def at_blocks(
    probability: Probability, painted: PaintedVolume, blocks: Sequence[Block]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The probabilities of all painted voxels of some blocks, and their labels.

    Parameters
    ----------
    probability : callable
        Of intensities ``(N, ...)`` as `PaintedVolume.read` gives them, a batch of boxes of one
        shape, the probabilities ``(N, K, ...)`` of the classes.
    painted : PaintedVolume
        What was painted.
    blocks : sequence of tuple of int
        Places of the blocks, such as `HeldOut.scoring`.

    Returns
    -------
    probability : ndarray of float32, shape (M, K)
    labels : ndarray of uint8, shape (M,)
    """
    by_shape = defaultdict(list)
    for region, inner in painted.regions(blocks):
        by_shape[size_of(region)].append((region, inner))
    found, labels = [np.zeros((0, len(painted.classes)), np.float32)], [np.zeros(0, np.uint8)]
    for alike in by_shape.values():
        # Together: torch is several times slower for a single small block.
        scored = probability(np.stack([painted.read(region) for region, _ in alike]))
        for (region, inner), block in zip(alike, scored, strict=True):
            label = painted.labels(region, held_out=None)[inner]
            found.append(block[(slice(None), *inner)][:, label > 0].T)
            labels.append(label[label > 0])
    return np.concatenate(found), np.concatenate(labels)

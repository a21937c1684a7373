"""The field's scores of a vessel segmentation, with their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize
from sklearn.metrics import average_precision_score, roc_auc_score

if TYPE_CHECKING:
    from numpy.typing import NDArray


def dice(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Twice the overlap over the sum of the sizes; 1 where both are empty."""
    size = int(predicted.sum()) + int(true.sum())
    return 2 * int((predicted & true).sum()) / size if size else 1.0


def precision_recall(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the predicted voxels that are true, and of the true ones that are predicted."""
    overlap = int((predicted & true).sum())
    precision = overlap / int(predicted.sum()) if predicted.any() else 1.0
    recall = overlap / int(true.sum()) if true.any() else 1.0
    return precision, recall


def cl_dice(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Centreline Dice (Shit et al., CVPR 2021, equations 1 and 2), of binary 3D masks.

    The harmonic mean of how much of the predicted skeleton lies in the true mask and
    how much of the true skeleton lies in the predicted mask: it punishes breaks.
    """
    skeleton_predicted, skeleton_true = skeletonize(predicted), skeletonize(true)
    if not skeleton_predicted.any() or not skeleton_true.any():
        return float(skeleton_predicted.any() == skeleton_true.any())
    precision = float(true[skeleton_predicted].mean())
    sensitivity = float(predicted[skeleton_true].mean())
    total = precision + sensitivity
    return 2 * precision * sensitivity / total if total else 0.0


def boundary_distance(
    predicted: NDArray[np.bool_],
    true: NDArray[np.bool_],
    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> tuple[float, float]:
    """Mean and 95th percentile of the distances between the two surfaces, both ways.

    Parameters
    ----------
    predicted, true : ndarray of bool, shape (Z, Y, X)
        The masks.
    voxel_size : tuple of float
        Size ``(z, y, x)`` of a voxel; the distances are in its unit.

    Returns
    -------
    mean, p95 : float
        Infinite where only one of the masks is empty, 0 where both are.
    """
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (predicted, true)]
    if not surfaces[0].any() or not surfaces[1].any():
        distance = 0.0 if surfaces[0].any() == surfaces[1].any() else float("inf")
        return distance, distance
    to_surface = [ndimage.distance_transform_edt(~s, sampling=voxel_size) for s in surfaces]
    distances = np.concatenate([to_surface[1][surfaces[0]], to_surface[0][surfaces[1]]])
    return float(distances.mean()), float(np.percentile(distances, 95))


def score(
    probability: NDArray[np.float32],
    true: NDArray[np.bool_],
    voxel_size: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> dict[str, float]:
    """All scores of a probability map, cut at one half, against a true mask.

    Parameters
    ----------
    probability : ndarray of float, shape (Z, Y, X)
        Probability of vessel.
    true : ndarray of bool, shape (Z, Y, X)
        True vessels; both classes must occur.
    voxel_size : tuple of float
        Size ``(z, y, x)`` of a voxel.

    Returns
    -------
    dict of str to float
        ``dice``, ``cldice``, ``auroc``, ``average_precision``, ``precision``, ``recall``,
        ``boundary_mean`` and ``boundary_p95`` (in the unit of `voxel_size`).
    """
    predicted = probability >= 0.5
    precision, recall = precision_recall(predicted, true)
    mean, p95 = boundary_distance(predicted, true, voxel_size)
    return {
        "dice": dice(predicted, true),
        "cldice": cl_dice(predicted, true),
        "auroc": float(roc_auc_score(true.ravel(), probability.ravel())),
        "average_precision": float(average_precision_score(true.ravel(), probability.ravel())),
        "precision": precision,
        "recall": recall,
        "boundary_mean": mean,
        "boundary_p95": p95,
    }

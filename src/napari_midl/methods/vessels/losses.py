"""Losses over painted voxels only: unlabelled ones neither reward nor punish.

All take logits ``(N, 1, Z, Y, X)`` and labels ``(N, 1, Z, Y, X)`` of `CLASSES`, and return a
scalar. Where nothing is labelled they are 0.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.methods.vessels.classes import CLASSES, VESSEL

LossFunction = Callable[[Tensor, Tensor], Tensor]


def _split(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which voxels are labelled, and which of them are vessel, as floats."""
    return (labels > 0).float(), (labels == CLASSES.value(VESSEL)).float()


def _cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


def dice_bce(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """Dice loss plus binary cross-entropy (tUbe net, section 2.4)."""
    labelled, vessel = _split(labels)
    probability = torch.sigmoid(logits) * labelled
    overlap = 2 * (probability * vessel).sum() + smooth
    dice = 1 - overlap / (probability.sum() + vessel.sum() + smooth)
    cross_entropy = (_cross_entropy(logits, vessel) * labelled).sum() / labelled.sum().clamp(min=1)
    return dice + cross_entropy


def weighted_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with weights inverse to each class's size (tUbe net, section 2.4).

    With the weights scaled so that both classes together weigh one, this is the mean
    over the classes of the mean over each class's voxels.
    """
    labelled, vessel = _split(labels)
    background = labelled - vessel
    entropy = _cross_entropy(logits, vessel)
    means = [(entropy * c).sum() / c.sum().clamp(min=1) for c in (background, vessel)]
    return 0.5 * (means[0] + means[1])


def focal(logits: Tensor, labels: Tensor, gamma: float = 2.0) -> Tensor:
    """Focal loss, cross-entropy scaled by ``(1 - p) ** gamma`` (tUbe net, section 2.4)."""
    labelled, vessel = _split(labels)
    entropy = _cross_entropy(logits, vessel)
    p_true = torch.exp(-entropy)
    scaled: Tensor = ((1 - p_true) ** gamma * entropy * labelled).sum()
    return scaled / labelled.sum().clamp(min=1)


def soft_skeleton(probability: Tensor, iterations: int = 3) -> Tensor:
    """Soft morphological skeleton of Shit et al., *clDice*, CVPR 2021, algorithm 1."""

    def erode(x: Tensor) -> Tensor:
        axes = [(3, 1, 1), (1, 3, 1), (1, 1, 3)]
        pads = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        eroded = [-F.max_pool3d(-x, k, 1, p) for k, p in zip(axes, pads, strict=True)]
        return torch.minimum(torch.minimum(eroded[0], eroded[1]), eroded[2])

    def opened(x: Tensor) -> Tensor:
        return F.max_pool3d(erode(x), 3, 1, 1)

    skeleton = F.relu(probability - opened(probability))
    for _ in range(iterations):
        probability = erode(probability)
        ridge = F.relu(probability - opened(probability))
        skeleton = skeleton + F.relu(ridge - skeleton * ridge)
    return skeleton


def cl_dice(logits: Tensor, labels: Tensor, smooth: float = 1.0) -> Tensor:
    """One minus the soft centreline Dice of Shit et al., CVPR 2021, equation 4."""
    labelled, vessel = _split(labels)
    probability = torch.sigmoid(logits) * labelled
    predicted, true = soft_skeleton(probability), soft_skeleton(vessel)
    precision = ((predicted * vessel).sum() + smooth) / (predicted.sum() + smooth)
    sensitivity = ((true * probability).sum() + smooth) / (true.sum() + smooth)
    return 1 - 2 * precision * sensitivity / (precision + sensitivity)


def dice_bce_cl_dice(logits: Tensor, labels: Tensor) -> Tensor:
    """`dice_bce` with half a `cl_dice` beside it, which punishes breaks."""
    return dice_bce(logits, labels) + 0.5 * cl_dice(logits, labels)


LOSSES: dict[str, LossFunction] = {
    "dice-bce": dice_bce,
    "weighted-cross-entropy": weighted_cross_entropy,
    "focal": focal,
    "dice-bce-cldice": dice_bce_cl_dice,
}

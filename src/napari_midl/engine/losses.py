"""Losses over labels that say of some voxels only, or only in part, what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from napari_midl.volumes.classes import Classes


def partial_cross_entropy(logits: Tensor, labels: Tensor, classes: Classes) -> Tensor:
    """Cross-entropy of sets: minus the logarithm of the probability of all allowed classes.

    The marginal likelihood of partial labels (Cour, Sapp and Taskar, *Learning from partial
    labels*, JMLR 2011; for organs that only some scans have labelled Shi et al., *Marginal loss and
    exclusion loss for partially supervised multi-organ segmentation*, Medical Image Analysis 2021,
    equation 3). Of a voxel of one known class it is the cross-entropy. Unlabelled voxels neither
    reward nor punish.

    Parameters
    ----------
    logits : Tensor
        Scores of the K classes before the softmax, ``(N, K, ...)``.
    labels : Tensor
        Values of `classes`, ``(N, 1, ...)`` of any integer type.
    classes : Classes
        What the labels mean.

    Returns
    -------
    Tensor
        The mean over the labelled voxels, a scalar; 0 where there are none.

    Raises
    ------
    InputError
        If a label is unknown.
    """
    table = torch.tensor(classes.table, device=logits.device)
    allowed = table[labels[:, 0].to(logits.device, torch.long)].movedim(-1, 1)
    if not allowed.any(dim=1).all():
        raise InputError(f"the labels hold an unknown value; use {classes.legend}.")
    labelled = ~allowed.all(dim=1)
    log_probability = F.log_softmax(logits, dim=1).masked_fill(~allowed, -torch.inf)
    surprise = -torch.logsumexp(log_probability, dim=1)
    # Of an unlabelled voxel it is 0 but for rounding, and so is its gradient.
    return torch.where(labelled, surprise, 0.0).sum() / labelled.sum().clamp(min=1)

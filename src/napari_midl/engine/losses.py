"""Losses over labels that say of some voxels only, or only in part, what they are.

All have one interface: logits ``(N, K, ...)`` of the K classes before the softmax, labels
``(N, 1, ...)`` of any integer type, and a table ``(256, K)`` that says which classes each value of
a label allows, such as `Classes.table`. A value that allows all is unlabelled: such voxels neither
reward nor punish, and where nothing is labelled a loss is 0. Voxels of one value are a *group*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn import functional as F

from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    Table = NDArray[np.bool_]


class Loss(Protocol):
    """A loss over sets of classes; `step` is that of the training, counted from 0."""

    def __call__(self, logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
        """The loss, a scalar."""


@dataclass
class _Voxels:
    """The labelled voxels of a batch.

    Parameters
    ----------
    values : Tensor of int64, shape (M,)
        Their labels.
    allowed : Tensor of bool, shape (M, K)
        The classes that each may be.
    logs : Tensor, shape (M, K)
        Logarithms of the probabilities.
    """

    values: Tensor
    allowed: Tensor
    logs: Tensor

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, table: Table) -> _Voxels:
        """Those of a batch, or an `InputError` where a label is unknown."""
        values = labels.to(logits.device, torch.long).flatten()
        allowed = torch.tensor(table, device=logits.device)[values]
        if not allowed.any(dim=1).all():
            raise InputError("the labels hold a value that stands for no class; paint it over.")
        chosen = ~allowed.all(dim=1)
        logs = F.log_softmax(logits.movedim(1, -1).flatten(0, -2)[chosen], dim=1)
        return cls(values[chosen], allowed[chosen], logs)

    @property
    def surprise(self) -> Tensor:
        """Minus the logarithm of the probability of all allowed classes, of each voxel."""
        return -torch.logsumexp(self.logs.masked_fill(~self.allowed, -torch.inf), dim=1)

    def means(self, of: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The means of a quantity over each group, their sizes, and each voxel's group."""
        _, group, sizes = self.values.unique(return_inverse=True, return_counts=True)
        sums = torch.zeros(len(sizes), device=of.device, dtype=of.dtype)
        return sums.index_add(0, group, of) / sizes, sizes, group


def partial_cross_entropy(logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
    """Cross-entropy of sets: minus the logarithm of the probability of all allowed classes.

    The marginal likelihood of partial labels (Cour, Sapp and Taskar, *Learning from partial
    labels*, JMLR 2011; for organs that only some scans have labelled Shi et al., *Marginal loss and
    exclusion loss for partially supervised multi-organ segmentation*, Medical Image Analysis 2021,
    equation 3). Of a voxel of one known class it is the cross-entropy.

    Returns
    -------
    Tensor
        The mean over the labelled voxels.
    """
    surprise = _Voxels.of(logits, labels, table).surprise
    return surprise.sum() / max(len(surprise), 1)


def balanced_cross_entropy(logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
    """The same, averaged within each group first, so that rare classes count as much as others."""
    voxels = _Voxels.of(logits, labels, table)
    means, _, _ = voxels.means(voxels.surprise)
    return means.sum() / max(len(means), 1)


def corrected_cross_entropy(logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
    """Class-balanced cross-entropy with false-positive correction (DeepVesselNet).

    Tetteh et al., *DeepVesselNet*, Frontiers in Neuroscience 2020: beside the mean of each class
    stands the sum over the voxels that are wrongly called another, over the size of that other,
    times ``0.5 +`` how far their probability lies from a half on the mean. For two classes it is
    the paper's ``L1 + L2``; of more, the other is all that is labelled otherwise, and a voxel is
    wrong where the classes that it may not be are together the likelier.
    """
    voxels = _Voxels.of(logits, labels, table)
    surprise = voxels.surprise
    means, sizes, group = voxels.means(surprise)
    right = torch.exp(-surprise)
    wrong = right < 0.5
    zeros = torch.zeros(len(sizes), device=surprise.device, dtype=surprise.dtype)
    count = zeros.index_add(0, group[wrong], torch.ones_like(surprise[wrong])).clamp(min=1)
    strength = 0.5 + zeros.index_add(0, group[wrong], 0.5 - right[wrong]) / count
    errors = zeros.index_add(0, group[wrong], surprise[wrong])
    others = (sizes.sum() - sizes).clamp(min=1)
    return means.sum() + (strength * errors / others).sum()


@dataclass(frozen=True)
class DecayingCrossEntropy:
    """Weighted cross-entropy whose weights decay to 1 over the epochs.

    Kaur et al., *Improving pathological structure segmentation via transfer learning across
    diseases*, 2019, section 3.2: the weight of a class is that of all voxels over its own, and
    comes nearer to 1 with every epoch.

    Parameters
    ----------
    counts : mapping of int to int
        Voxels of each value in the training set.
    rate : float
        By which what a weight has above 1 is multiplied in an epoch.
    epoch : int
        Steps of one.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    rate: float = 0.9
    epoch: int = 40

    def weights(self, step: int) -> dict[int, float]:
        """The weight of each value at a step."""
        whole, left = sum(self.counts.values()), self.rate ** (step // self.epoch)
        return {value: 1 + (whole / n - 1) * left for value, n in self.counts.items() if n}

    def __call__(self, logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
        """The mean over the labelled voxels, each with its weight."""
        voxels = _Voxels.of(logits, labels, table)
        by_value = torch.ones(256, device=logits.device, dtype=logits.dtype)
        for value, weight in self.weights(step).items():
            by_value[value] = weight
        each = by_value[voxels.values]
        loss: Tensor = (each * voxels.surprise).sum() / each.sum().clamp(min=1)
        return loss


def loss_named(name: str, counts: Callable[[], Mapping[int, int]]) -> Loss:
    """The loss of a name; `counts` counts the voxels of each label, where it needs them."""
    losses: dict[str, Loss] = {
        "balanced": balanced_cross_entropy,
        "corrected": corrected_cross_entropy,
        "plain": partial_cross_entropy,
    }
    return losses[name] if name in losses else DecayingCrossEntropy(counts())


@dataclass(frozen=True)
class JointLoss:
    """The loss of a network with two decoders (MO-Net): half of what each of them costs.

    Dai et al., *Transfer learning from partial annotations for whole brain segmentation*, 2019,
    equation 2.

    Parameters
    ----------
    loss : Loss
        Of each decoder.
    partial : ndarray of bool, shape (256, P)
        The table of the second decoder's P classes; its logits follow those of the first.
    share : float
        Of the second decoder.
    """

    loss: Loss
    partial: Table
    share: float = 0.5

    def __call__(self, logits: Tensor, labels: Tensor, table: Table, step: int = 0) -> Tensor:
        """The loss of both; an image without labels for one of them trains the other."""
        full, part = logits[:, : table.shape[1]], logits[:, table.shape[1] :]
        return (1 - self.share) * self.loss(full, labels, table, step) + self.share * self.loss(
            part, labels, self.partial, step
        )

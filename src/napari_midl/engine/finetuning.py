"""What every fine-tuning of a network does alike."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

N = TypeVar("N", bound=nn.Module)


def trainable(network: N, known: bool) -> N:
    """A copy of a network in training mode; a trained one keeps its normalisation.

    A batch comes from one volume: its own statistics would hide how it differs from others,
    and a few patches are too few to measure new ones.

    Parameters
    ----------
    network : torch.nn.Module
        It is left as it is.
    known : bool
        Whether it is trained.
    """
    copied = copy.deepcopy(network).train().requires_grad_(True)
    if known:
        for module in copied.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eval()
    return copied

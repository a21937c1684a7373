"""What every fine-tuning of a network does alike."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, TypeVar

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def freeze_all_but(layers: Sequence[nn.Module], network: nn.Module) -> None:
    """Let only some layers of a network in training mode learn; the rest stays as it is."""
    network.requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d) and list(layers) != [network]:
            module.eval()
    for layer in layers:
        layer.requires_grad_(True)

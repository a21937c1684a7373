"""Normalisation with frozen statistics, so that a tile cannot show.

Group and instance normalisation look at the whole tile, and neighbouring tiles then
disagree at their seam. Measured once on samples of the volume and frozen, they become a
constant scale and shift for each channel.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable


class FrozenNorm(nn.Module):
    """A constant scale and shift for each channel of ``(N, C, ...)`` maps."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the scaled and shifted maps."""
        to_channels = (-1, *(1,) * (maps.ndim - 2))
        scale, shift = self.get_buffer("scale"), self.get_buffer("shift")
        return maps * scale.view(to_channels) + shift.view(to_channels)


def freeze_group_norm(network: nn.Module, samples: Iterable[Tensor]) -> nn.Module:
    """A copy of a network whose group normalisations use the statistics of `samples`.

    Parameters
    ----------
    network : torch.nn.Module
        Network in evaluation mode; returned as it is if it has no group normalisation.
    samples : iterable of Tensor
        Inputs ``(1, C, ...)`` spread over the volume.

    Returns
    -------
    torch.nn.Module
        Network with a `FrozenNorm` in the place of each `torch.nn.GroupNorm` that the samples
        pass through.
    """
    norms = {n: m for n, m in network.named_modules() if isinstance(m, nn.GroupNorm)}
    if not norms:
        return network
    moments: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in norms}

    def record(name: str) -> object:
        def hook(module: nn.GroupNorm, inputs: tuple[Tensor]) -> None:
            groups = inputs[0].reshape(module.num_groups, -1).float()
            moments[name].append((groups.mean(1), groups.square().mean(1)))

        return norms[name].register_forward_pre_hook(hook)

    hooks = [record(name) for name in norms]
    with torch.inference_mode():
        for sample in samples:
            network(sample)
    for hook in hooks:
        hook.remove()  # type: ignore[attr-defined]
    frozen = copy.deepcopy(network)
    for name, norm in norms.items():
        if not moments[name]:
            continue
        mean = torch.stack([m for m, _ in moments[name]]).mean(0)
        variance = torch.stack([s for _, s in moments[name]]).mean(0) - mean.square()
        repeat = norm.num_channels // norm.num_groups
        deviation = (variance.clamp(min=0) + norm.eps).sqrt().repeat_interleave(repeat)
        scale = norm.weight.detach() / deviation
        shift = norm.bias.detach() - mean.repeat_interleave(repeat) * scale
        parent, _, child = name.rpartition(".")
        setattr(frozen.get_submodule(parent), child, FrozenNorm(scale.clone(), shift.clone()))
    return frozen

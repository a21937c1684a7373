"""A small network over the features of a voxel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN = (96, 48)


class Perceptron(nn.Module):
    """From standardised features ``(N, features)`` to logits.

    Parameters
    ----------
    features : int
        How many it sees.
    outputs : int
        Logits of a voxel: ``(N,)`` are given for one, else ``(N, outputs)``.
    """

    def __init__(self, features: int, outputs: int = 1) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.first = nn.Linear(features, wide)
        self.rest = nn.Sequential(nn.Linear(wide, narrow), nn.ReLU(), nn.Linear(narrow, outputs))

    def forward(self, standardised: Tensor) -> Tensor:
        """Logits."""
        return self.logits(torch.relu(self.first(standardised)))

    def logits(self, hidden: Tensor) -> Tensor:
        """What becomes of the first layer."""
        found: Tensor = self.rest(hidden)
        return found.squeeze(1)

"""A small network over the features of a voxel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HIDDEN = (96, 48)


class Perceptron(nn.Module):
    """From standardised features ``(N, features)`` to the logit ``(N,)`` of "inside a vessel"."""

    def __init__(self, features: int) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.first = nn.Linear(features, wide)
        self.rest = nn.Sequential(nn.Linear(wide, narrow), nn.ReLU(), nn.Linear(narrow, 1))

    def forward(self, standardised: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.rest(torch.relu(self.first(standardised)))[:, 0]
        return logits

"""Learning by imitation: what a perfect tracker would do, along the agent's own ways.

The states are those that the agent comes into itself (Ross et al., *DAgger*, AISTATS 2011),
and the loss is the likelihood under the beta policy, so that its entropy says how well the
views tell the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.methods.axons.environment import LOST
from napari_midl.methods.axons.network import REACH, Actor, Policy

if TYPE_CHECKING:
    import numpy as np

    from napari_midl.methods.axons.environment import TrackingEnvironment

LESSON = 40
WARM_UP = 1500


class Lessons:
    """Batches of views with what a perfect tracker would do, along the agent's own ways.

    At first the perfect tracker also moves the agents, disturbed; with time they move
    themselves, so that they learn to mend what they do wrong.

    Parameters
    ----------
    environment : TrackingEnvironment
        Where the agents are.
    actor : Actor
        The actor that is being trained.
    confident : bool
        Let the agents move themselves from the beginning.
    """

    def __init__(
        self, environment: TrackingEnvironment, actor: Actor, confident: bool = False
    ) -> None:
        self.environment, self.actor = environment, actor
        self._taken = WARM_UP if confident else 0
        self._left = 0

    def __call__(self, rng: np.random.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Views ``(N, C, 11, 11)``, and targets ``(N, 4)``: displacement, stop, weight."""
        if not self._left:
            self._observed, _ = self.environment.reset(seed=int(rng.integers(2**31)))
            self._alive = torch.ones(self.environment.num_envs, dtype=torch.bool)
            self._left = LESSON
        views = self._observed["actor"]
        action, stop = self.environment.expert()
        weight = self._alive & (self.environment.distance.flatten() < LOST)
        targets = torch.cat([action, stop[:, None].float(), weight[:, None].float()], 1)
        own_share = min(0.7, self._taken / WARM_UP)
        own = torch.from_numpy(rng.random((len(action), 1)) < own_share)
        noise = torch.from_numpy(rng.normal(0, 0.5, action.shape)).float()
        with torch.no_grad():
            move = torch.where(own, self.actor(views).mean(), action) + noise
        self._observed, _, ended, _, _ = self.environment.step(move.clamp(-REACH, REACH))
        self._alive &= ~ended
        self._left -= 1
        self._taken += 1
        return views, targets


def imitation_loss(policy: Policy, targets: Tensor) -> Tensor:
    """Negative log-likelihood of the perfect displacement, and cross-entropy of the stop.

    Parameters
    ----------
    policy : Policy
        For N agents.
    targets : Tensor, shape (N, 4)
        Displacement (px), 1 where the agent should stop, weight.
    """
    weight = targets[:, 3] / targets[:, 3].sum().clamp(min=1)
    loss = -(policy.log_prob(targets[:, :2]) * weight).sum()
    if torch.isfinite(policy.stop).all():
        stop = F.binary_cross_entropy_with_logits(policy.stop, targets[:, 2], reduction="none")
        loss = loss + (stop * weight).sum()
    return loss

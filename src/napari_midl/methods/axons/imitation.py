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

from napari_midl.engine.recipes import Batch, Supervised
from napari_midl.methods.axons.network import REACH, Actor, Policy

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import numpy as np

    from napari_midl.engine.train_state import TrainState
    from napari_midl.methods.axons.environment import TrackingEnvironment

LESSON = 40
WARM_UP = 1500


class Demonstrations:
    """Batches of views with what a perfect tracker would do, along the agent's own ways.

    At first the perfect tracker also moves the agents, disturbed; with the steps they more and
    more move themselves, so that they learn to correct what they do wrong.

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
        self._ahead = WARM_UP if confident else 0
        self._left = self._seed = 0

    def draw(self, rng: np.random.Generator, step: int) -> Generator[str, None, Batch]:
        """Views ``(N, C, 11, 11)``, and targets ``(N, 5)``: displacement, stop, two weights."""
        if not self._left:
            self._seed = int(rng.integers(2**31))
            for count in self.environment.redraw(self._seed):
                yield f"drawing fibres, image {count}"
            self._views = self.environment.place()["actor"]
            self._left = LESSON
        views = self._views
        action, *told = self.environment.expert()
        targets = torch.cat([action, torch.stack(told, 1).float()], 1)
        own_share = min(0.7, (self._ahead + step) / WARM_UP)
        own = torch.from_numpy(rng.random((len(action), 1)) < own_share)
        noise = torch.from_numpy(rng.normal(0, 0.5, action.shape)).float()
        with torch.no_grad():
            device = next(self.actor.parameters()).device
            own_move = self.actor(views.to(device)).mean().cpu()
        if self.environment.design.frame == "heading":
            # As a tracker does, which never turns on the spot.
            gone = self.environment.gone.flatten()
            own_move[gone, 0] = own_move[gone, 0].clamp(min=1.0)
        move = torch.where(own, own_move, action) + noise
        observed, *_ = self.environment.step(move.clamp(-REACH, REACH))
        self._views = observed["actor"]
        self._left -= 1
        return views, targets

    def state_dict(self) -> dict[str, Tensor]:
        """Where in a lesson the agents are; its images follow from its seed."""
        left = {"left": torch.tensor(self._left), "seed": torch.tensor(self._seed)}
        if not self._left:
            return left
        agents = {f"agents.{name}": t for name, t in self.environment.state_dict().items()}
        return {**left, **agents, "views": self._views}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go back to there."""
        self._left, self._seed = int(state["left"]), int(state["seed"])
        if not self._left:
            return
        self.environment.reset(seed=self._seed)
        self.environment.load_state_dict(
            {k.removeprefix("agents."): v for k, v in state.items() if k.startswith("agents.")}
        )
        self._views = state["views"].clone()


class Imitation(Supervised):
    """Learn by demonstrations, which live on from one step to the next.

    Parameters
    ----------
    demonstrations : Demonstrations
        Their actor is trained in place.
    learning_rate : float
        Rate of the first step.
    half_life : int
        Steps in which the rate halves.
    average : float
        Decay of the moving average of the weights.
    """

    def __init__(
        self,
        demonstrations: Demonstrations,
        learning_rate: float,
        half_life: int,
        average: float = 0.99,
    ) -> None:
        super().__init__(demonstrations.actor, imitation_loss, learning_rate, half_life, average)
        self.demonstrations = demonstrations

    def init(self, device: torch.device) -> TrainState:
        """As any supervised training, with the demonstrations beside."""
        state = super().init(device)
        state.draws["demonstrations"] = self.demonstrations
        return state

    def batch(self, rng: np.random.Generator, step: int) -> Generator[str, None, Batch]:
        """The next moment of a lesson."""
        return self.demonstrations.draw(rng, step)


def imitation_loss(policy: Policy, targets: Tensor) -> Tensor:
    """Negative log-likelihood of the perfect displacement, and cross-entropy of the stop.

    Parameters
    ----------
    policy : Policy
        For N agents.
    targets : Tensor, shape (N, 5)
        Displacement (px), 1 where the agent is off the fibre, weights of the two.
    """
    follows = targets[:, 3] / targets[:, 3].sum().clamp(min=1)
    loss = -(policy.log_prob(targets[:, :2]) * follows).sum()
    if torch.isfinite(policy.stop).all():
        stop = F.binary_cross_entropy_with_logits(policy.stop, targets[:, 2], reduction="none")
        loss = loss + (stop * targets[:, 4]).sum() / targets[:, 4].sum().clamp(min=1)
    return loss

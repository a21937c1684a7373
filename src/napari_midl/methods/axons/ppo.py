"""Proximal policy optimisation with beta policies and an asymmetric critic.

Schulman et al., 2017 and 2016 (generalised advantages), as used by Dai et al., MIDL 2019,
section 3.2 and appendix C.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.recipes import Recipe, Steps, adam
from napari_midl.engine.train_state import TrainState
from napari_midl.methods.axons.network import Actor, Critic

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy as np

    from napari_midl.methods.axons.environment import TrackingEnvironment

GAMMA, LAMBDA, CLIP, UPDATES = 0.99, 0.95, 0.2, 10
CRITIC_RATE, DECAY = 5e-4, 3e-4
VIEWS = 128  # of the actor and as many of the critic, between two yields


@dataclass
class Episodes:
    """A batch of episodes, time first; ``alive`` is 0 after an episode's end.

    Parameters
    ----------
    actor, critic : Tensor, shape (T, N, C, 11, 11)
        Observations.
    actions : Tensor, shape (T, N, 2)
        Displacements, px.
    log_probs, rewards, alive, ended : Tensor, shape (T, N)
        Of the policy that acted; ``ended`` is 1 where this step ended the episode.
    cut : Tensor, shape (N, C, 11, 11)
        What the critic sees after the last step.
    """

    actor: Tensor
    critic: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor
    alive: Tensor
    ended: Tensor
    cut: Tensor


class Reinforcement(Recipe):
    """Improve an actor beside a critic; a step is a batch of episodes and what it is good for.

    Parameters
    ----------
    actor : Actor
        Trained in place.
    environment : TrackingEnvironment
        Where it acts.
    learning_rate : float
        Of the actor.
    seed : int
        Seed of the critic's first weights.
    length : int
        Steps after which episodes are cut.
    """

    def __init__(
        self,
        actor: Actor,
        environment: TrackingEnvironment,
        learning_rate: float,
        seed: int,
        length: int,
    ) -> None:
        self.actor, self.environment, self.seed = actor, environment, seed
        self.learning_rate, self.length = learning_rate, length

    def init(self, device: torch.device) -> TrainState:
        """The actor and a fresh critic; nothing is averaged, since the policy that acts learns."""
        with WeightsFrom(self.seed):
            critic = Critic(self.actor.design).to(device)
        actor = self.actor.to(device).requires_grad_(True)
        return TrainState(
            {"network": actor, "critic": critic},
            {
                "network": adam(actor.parameters(), self.learning_rate, weight_decay=DECAY),
                "critic": adam(critic.parameters(), CRITIC_RATE, weight_decay=DECAY),
            },
        )

    def step(
        self, state: TrainState, rng: np.random.Generator, generator: torch.Generator
    ) -> Steps:
        """Let the policy act on fresh images, then improve both networks on what it did."""
        actor, critic = state.networks["network"], state.networks["critic"]
        assert isinstance(actor, Actor) and isinstance(critic, Critic)
        episodes = yield from collect(self.environment, actor, self.length, rng)
        return (
            yield from update(
                (actor, critic),
                (state.optimisers["network"], state.optimisers["critic"]),
                episodes,
            )
        )


@torch.no_grad()
def collect(
    environment: TrackingEnvironment, actor: Actor, steps: int, rng: np.random.Generator
) -> Generator[str, None, Episodes]:
    """Let the stochastic policy act on freshly drawn images, on the actor's device."""
    for count in environment.redraw(int(rng.integers(2**31))):
        yield f"drawing fibres, image {count}"
    device = next(actor.parameters()).device
    seen = {name: views.to(device) for name, views in environment.place().items()}
    alive = torch.ones(environment.num_envs, device=device)
    taken: list[tuple[Tensor, ...]] = []
    for step in range(steps):
        policy = actor(seen["actor"])
        action = policy.sample(rng)
        observed, earned, at_end, _, _ = environment.step(action.cpu())
        reward, ended = earned.to(device), at_end.to(device).float()
        moment = (action, policy.log_prob(action), reward * alive, alive, ended)
        taken.append((seen["actor"], seen["critic"], *moment))
        alive = alive * (1 - ended)
        seen = {name: views.to(device) for name, views in observed.items()}
        if not alive.any():
            break
        yield f"episodes, step {step + 1} of {steps}"
    columns = [torch.stack(column) for column in zip(*taken, strict=True)]
    return Episodes(*[*columns, seen["critic"]])


def advantages(
    rewards: Tensor,
    values: Tensor,
    ended: Tensor,
    cut: Tensor,
    gamma: float = GAMMA,
    lam: float = LAMBDA,
) -> Tensor:
    """Generalised advantages (Schulman et al., 2016, equation 16).

    Parameters
    ----------
    rewards, ended : Tensor, shape (T, N)
        Rewards, and 1 where the episode ended with this step.
    values : Tensor, shape (T, N)
        The critic's value of the state before each step.
    cut : Tensor, shape (N,)
        Its value of the state after the last: an episode that was cut there would have gone on
        to earn.
    gamma, lam : float
        Discount, and decay of the trace.
    """
    result = torch.zeros_like(rewards)
    following, value_after = torch.zeros_like(rewards[0]), cut
    for t in reversed(range(len(rewards))):
        goes_on = 1 - ended[t]
        delta = rewards[t] + gamma * value_after * goes_on - values[t]
        following = delta + gamma * lam * goes_on * following
        result[t], value_after = following, values[t]
    return result


def policy_loss(log_probs: Tensor, old_log_probs: Tensor, advantage: Tensor) -> Tensor:
    """Clipped surrogate of each step (Schulman et al., 2017, equation 7), to be minimised."""
    ratio = torch.exp(log_probs - old_log_probs)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage)


def update(
    networks: tuple[Actor, Critic],
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    episodes: Episodes,
    updates: int = UPDATES,
) -> Steps:
    """Improve actor and critic `updates` times on a whole batch, a part of its views at a time.

    Returns
    -------
    dict of str to float
        ``policy_loss`` and ``value_loss`` of the last update, and the mean ``return``.
    """
    actor, critic = networks
    values = yield from _values(critic, episodes.critic)
    (cut,) = yield from _values(critic, episodes.cut[None])
    gained = advantages(episodes.rewards, values * episodes.alive, episodes.ended, cut)
    weight = episodes.alive / episodes.alive.sum()
    mean = (gained * weight).sum()
    spread = ((gained - mean).square() * weight).sum().sqrt()
    columns = (
        *(episodes.actor, episodes.critic, episodes.actions, episodes.log_probs),
        *((gained - mean) / (spread + 1e-8), gained + values, weight),
    )
    parts = list(zip(*(c.flatten(0, 1).split(VIEWS) for c in columns), strict=True))
    losses = [0.0, 0.0]
    for count in range(updates):
        losses = [0.0, 0.0]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        for seen, shown, actions, old, normed, returns, share in parts:
            policy = (policy_loss(actor(seen).log_prob(actions), old, normed) * share).sum()
            value = (F.mse_loss(critic(shown), returns, reduction="none") * share).sum()
            for k, loss in enumerate((policy, value)):
                loss.backward()  # gradients of all parts add up to those of the batch
                losses[k] += loss.item()
            yield f"improving, {count + 1} of {updates}"
        for optimiser in optimisers:
            optimiser.step()
    earned = episodes.rewards.sum(0).mean().item()
    return {"policy_loss": losses[0], "value_loss": losses[1], "return": earned}


@torch.no_grad()
def _values(critic: Critic, views: Tensor) -> Generator[str, None, Tensor]:
    """Values ``(T, N)`` of views ``(T, N, C, 11, 11)``."""
    found = []
    for part in views.flatten(0, 1).split(VIEWS):
        found.append(critic(part))
        yield "valuing"
    return torch.cat(found).reshape(views.shape[:2])

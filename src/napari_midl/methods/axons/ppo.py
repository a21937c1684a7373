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

if TYPE_CHECKING:
    from napari_midl.methods.axons.environment import TrackingEnvironment
    from napari_midl.methods.axons.network import Actor, Critic

GAMMA, LAMBDA, CLIP, UPDATES = 0.99, 0.95, 0.2, 10


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
    """

    actor: Tensor
    critic: Tensor
    actions: Tensor
    log_probs: Tensor
    rewards: Tensor
    alive: Tensor
    ended: Tensor


@torch.no_grad()
def collect(environment: TrackingEnvironment, actor: Actor, steps: int, seed: int) -> Episodes:
    """Let the stochastic policy act on freshly drawn images."""
    torch.manual_seed(seed)
    observed, _ = environment.reset(seed=seed)
    alive = torch.ones(environment.num_envs)
    taken: list[tuple[Tensor, ...]] = []
    for _ in range(steps):
        policy = actor(observed["actor"])
        action = policy.sample()
        following, reward, ended, _, _ = environment.step(action)
        taken.append(
            (
                observed["actor"],
                observed["critic"],
                action,
                policy.log_prob(action),
                reward * alive,
                alive,
                ended.float(),
            )
        )
        alive = alive * (1 - ended.float())
        observed = following
        if not alive.any():
            break
    return Episodes(*(torch.stack(column) for column in zip(*taken, strict=True)))


def advantages(
    rewards: Tensor, values: Tensor, ended: Tensor, gamma: float = GAMMA, lam: float = LAMBDA
) -> Tensor:
    """Generalised advantages (Schulman et al., 2016, equation 16).

    Parameters
    ----------
    rewards, ended : Tensor, shape (T, N)
        Rewards, and 1 where the episode ended with this step.
    values : Tensor, shape (T, N)
        The critic's value of the state before each step; after the last it counts as 0.
    """
    result = torch.zeros_like(rewards)
    following, value_after = torch.zeros_like(rewards[0]), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        goes_on = 1 - ended[t]
        delta = rewards[t] + gamma * value_after * goes_on - values[t]
        following = delta + gamma * lam * goes_on * following
        result[t], value_after = following, values[t]
    return result


def policy_loss(
    log_probs: Tensor, old_log_probs: Tensor, advantage: Tensor, clip: float = CLIP
) -> Tensor:
    """Clipped surrogate of each step (Schulman et al., 2017, equation 7), to be minimised."""
    ratio = torch.exp(log_probs - old_log_probs)
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def update(
    actor: Actor,
    critic: Critic,
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    episodes: Episodes,
    updates: int = UPDATES,
) -> dict[str, float]:
    """Improve both networks `updates` times on a batch; return losses and mean return."""
    with torch.no_grad():
        values = critic(episodes.critic)
    gained = advantages(episodes.rewards, values * episodes.alive, episodes.ended)
    returns = gained + values
    weight = episodes.alive / episodes.alive.sum()
    mean = (gained * weight).sum()
    spread = ((gained - mean).square() * weight).sum().sqrt()
    normed = (gained - mean) / (spread + 1e-8)
    losses = {}
    for _ in range(updates):
        new = actor(episodes.actor).log_prob(episodes.actions)
        loss = (policy_loss(new, episodes.log_probs, normed) * weight).sum()
        value_loss = (F.mse_loss(critic(episodes.critic), returns, reduction="none") * weight).sum()
        for value, optimiser in zip((loss, value_loss), optimisers, strict=True):
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            optimiser.step()
        losses = {"policy_loss": loss.item(), "value_loss": value_loss.item()}
    episodes_return = episodes.rewards.sum(0).mean().item()
    return {**losses, "return": episodes_return}

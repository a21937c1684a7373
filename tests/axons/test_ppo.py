"""Proximal policy optimisation against numbers computed by hand."""

from __future__ import annotations

import math

import pytest
import torch

from napari_midl.methods.axons import ppo
from napari_midl.methods.axons.environment import TrackingEnvironment
from napari_midl.methods.axons.network import DESIGNS, Actor, Critic
from napari_midl.methods.axons.synthetic import synthetic_image


def test_generalised_advantages() -> None:
    rewards = torch.tensor([[1.0], [2.0], [3.0]])
    values = torch.tensor([[0.5], [1.0], [1.5]])
    ended = torch.tensor([[0.0], [0.0], [1.0]])
    last = 3.0 - 1.5
    middle = 2.0 + 0.9 * 1.5 - 1.0 + 0.9 * 0.8 * last
    first = 1.0 + 0.9 * 1.0 - 0.5 + 0.9 * 0.8 * middle
    found = ppo.advantages(rewards, values, ended, gamma=0.9, lam=0.8)
    assert found[:, 0].tolist() == pytest.approx([first, middle, last])


def test_nothing_is_carried_over_an_end() -> None:
    rewards, values = torch.tensor([[1.0], [100.0]]), torch.zeros(2, 1)
    found = ppo.advantages(rewards, values, torch.tensor([[1.0], [0.0]]))
    assert found[0, 0].item() == pytest.approx(1.0)


def test_the_surrogate_is_clipped_where_it_would_gain() -> None:
    new, old = torch.log(torch.tensor([1.5, 1.5, 0.5])), torch.zeros(3)
    loss = ppo.policy_loss(new, old, torch.tensor([1.0, -1.0, -1.0]))
    assert loss.tolist() == pytest.approx([-1.2, 1.5, 0.8])
    assert math.isclose(ppo.CLIP, 0.2)


def test_an_update_makes_good_actions_likelier_than_bad_ones() -> None:
    design = DESIGNS["compact"]
    torch.manual_seed(0)
    actor, critic = Actor(design), Critic(design)
    environment = TrackingEnvironment(lambda rng: synthetic_image("SI-W", rng), design, 4, 4)
    optimisers = (
        torch.optim.Adam(actor.parameters(), 1e-4),
        torch.optim.Adam(critic.parameters(), 1e-3),
    )
    episodes = ppo.collect(environment, actor, 10, seed=0)
    values = critic(episodes.critic).detach() * episodes.alive
    gained = ppo.advantages(episodes.rewards, values, episodes.ended) * episodes.alive
    gained = (gained - gained.sum() / episodes.alive.sum()) * episodes.alive
    metrics = ppo.update(actor, critic, optimisers, episodes)
    likelier = actor(episodes.actor).log_prob(episodes.actions) - episodes.log_probs
    assert (likelier.detach() * gained).sum() > 0
    assert metrics["return"] == pytest.approx(episodes.rewards.sum(0).mean().item())

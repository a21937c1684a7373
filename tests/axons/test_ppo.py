"""Proximal policy optimisation against numbers computed by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pytest
import torch

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.methods.axons import ppo
from napari_midl.methods.axons.environment import TrackingEnvironment
from napari_midl.methods.axons.network import DESIGNS, Actor, Critic
from napari_midl.methods.axons.synthetic import synthetic_scene

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")


def test_generalised_advantages() -> None:
    rewards = torch.tensor([[1.0], [2.0], [3.0]])
    values = torch.tensor([[0.5], [1.0], [1.5]])
    ended = torch.tensor([[0.0], [0.0], [1.0]])
    last = 3.0 - 1.5  # nothing is left to earn after the end
    middle = 2.0 + 0.9 * 1.5 - 1.0 + 0.9 * 0.8 * last
    first = 1.0 + 0.9 * 1.0 - 0.5 + 0.9 * 0.8 * middle
    found = ppo.advantages(rewards, values, ended, torch.tensor([7.0]), gamma=0.9, lam=0.8)
    assert found[:, 0].tolist() == pytest.approx([first, middle, last])


def test_an_episode_that_was_cut_goes_on_to_earn_what_the_critic_says() -> None:
    rewards, values = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.5], [1.0]])
    last = 2.0 + 0.9 * 7.0 - 1.0
    first = 1.0 + 0.9 * 1.0 - 0.5 + 0.9 * 0.8 * last
    found = ppo.advantages(
        rewards, values, torch.zeros(2, 1), torch.tensor([7.0]), gamma=0.9, lam=0.8
    )
    assert found[:, 0].tolist() == pytest.approx([first, last])


def test_nothing_is_carried_over_an_end() -> None:
    rewards, values = torch.tensor([[1.0], [100.0]]), torch.zeros(2, 1)
    found = ppo.advantages(rewards, values, torch.tensor([[1.0], [0.0]]), torch.tensor([100.0]))
    assert found[0, 0].item() == pytest.approx(1.0)


def test_the_surrogate_is_clipped_where_it_would_gain() -> None:
    new, old = torch.log(torch.tensor([1.5, 1.5, 0.5])), torch.zeros(3)
    loss = ppo.policy_loss(new, old, torch.tensor([1.0, -1.0, -1.0]))
    assert loss.tolist() == pytest.approx([-1.2, 1.5, 0.8])
    assert math.isclose(ppo.CLIP, 0.2)


def finished(steps: Generator[str, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def easy(agents: int = 4) -> TrackingEnvironment:
    return TrackingEnvironment(
        lambda rng: synthetic_scene("SI-W", rng), DESIGNS["compact"], 4, agents
    )


def test_an_update_makes_good_actions_likelier_than_bad_ones() -> None:
    with WeightsFrom(0):
        actor, critic = Actor(DESIGNS["compact"]), Critic(DESIGNS["compact"])
    optimisers = (
        torch.optim.Adam(actor.parameters(), 1e-4),
        torch.optim.Adam(critic.parameters(), 1e-3),
    )
    episodes = finished(ppo.collect(easy(), actor, 10, np.random.default_rng(0)))
    with torch.no_grad():
        values, cut = critic(episodes.critic) * episodes.alive, critic(episodes.cut)
    gained = ppo.advantages(episodes.rewards, values, episodes.ended, cut) * episodes.alive
    gained = (gained - gained.sum() / episodes.alive.sum()) * episodes.alive
    metrics = finished(ppo.update((actor, critic), optimisers, episodes))
    likelier = actor(episodes.actor).log_prob(episodes.actions) - episodes.log_probs
    assert (likelier.detach() * gained).sum() > 0
    assert metrics["return"] == pytest.approx(episodes.rewards.sum(0).mean().item())


def test_parts_of_a_batch_teach_what_the_whole_does(monkeypatch: pytest.MonkeyPatch) -> None:
    after = []
    for views in (10**6, 7):
        monkeypatch.setattr(ppo, "VIEWS", views)
        with WeightsFrom(0):
            actor, critic = Actor(DESIGNS["compact"]), Critic(DESIGNS["compact"])
        optimisers = tuple(torch.optim.SGD(n.parameters(), 0.1) for n in (actor, critic))
        episodes = finished(ppo.collect(easy(), actor, 3, np.random.default_rng(0)))
        finished(ppo.update((actor, critic), optimisers, episodes, updates=1))
        after.append([p.detach() for n in (actor, critic) for p in n.parameters()])
    torch.testing.assert_close(after[0], after[1], atol=1e-6, rtol=1e-4)


def test_a_batch_hands_over_after_every_image_moment_and_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ppo, "VIEWS", 32)
    with WeightsFrom(0):
        actor = Actor(DESIGNS["compact"])
    recipe = ppo.Reinforcement(actor, easy(), 1e-4, seed=0, length=5)
    state = recipe.init(torch.device("cpu"))
    looked: list[int] = []

    def note(_: object, views: tuple[torch.Tensor]) -> None:
        looked.append(views[0].shape[:-3].numel())

    for network in state.networks.values():
        network.register_forward_pre_hook(note)
    messages, most = [], 0
    for message in recipe.step(state, np.random.default_rng(0), torch.Generator()):
        messages.append(message)
        most = max(most, sum(looked))
        looked.clear()
    # 4 images of 4 agents, 5 moments; then 80 views in 3 parts, valued once and learnt 10 times.
    kinds = [message.split(",")[0] for message in messages]
    assert [kinds.count(k) for k in ("drawing fibres", "episodes", "improving")] == [4, 5, 30]
    assert kinds.count("valuing") == 4  # and once at the cut
    assert most == 64  # never more than 32 views of either network

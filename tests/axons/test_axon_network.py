"""The networks are those of tables 3 and 4, and the policies those of section 3.2."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_midl.errors import InputError
from napari_midl.methods.axons.network import DESIGNS, Actor, Critic, Policy, build_actor


def test_the_paper_actor_has_the_layers_of_table_3() -> None:
    actor = build_actor("paper")
    shapes = [tuple(p.shape) for n, p in actor.named_parameters() if n.endswith("weight")]
    assert shapes == [(32, 12, 5, 5), (32, 32, 3, 3), (512, 5408), (4, 512)]


def test_the_paper_critic_has_the_layers_of_table_4() -> None:
    shapes = [tuple(p.shape) for p in Critic(DESIGNS["paper"]).parameters() if p.ndim > 1]
    assert shapes == [(32, 16, 5, 5), (32, 32, 3, 3), (512, 5408), (1, 512)]


@pytest.mark.parametrize("preset", DESIGNS)
def test_policies_have_one_peak_and_no_positive_entropy(preset: str) -> None:
    actor = Actor(DESIGNS[preset])
    policy = actor(10 * torch.randn(50, 2, DESIGNS[preset].channels, 11, 11))
    assert policy.alpha.shape == (50, 2, 2)
    assert (policy.alpha > 1).all()
    assert (policy.beta > 1).all()
    assert (policy.entropy() <= 0).all()
    assert (policy.mean().abs() <= 4).all()
    assert (policy.sample(np.random.default_rng(0)).abs() <= 4).all()


def test_density_and_entropy_agree_with_the_beta_distribution() -> None:
    policy = Policy(torch.tensor([[2.0, 3.0]]), torch.tensor([[2.0, 1.5]]), torch.tensor([0.0]))
    # Beta(2, 2) at 1/2 is 6 * 1/4; Beta(3, 3/2) at 1/2 is 6.5625 * 1/4 * sqrt(1/2).
    coefficient = math.gamma(4.5) / (math.gamma(3) * math.gamma(1.5))
    expected = math.log(1.5) + math.log(coefficient * 0.25 * math.sqrt(0.5))
    assert policy.log_prob(torch.zeros(1, 2)).item() == pytest.approx(expected, abs=1e-5)
    assert policy.mean()[0].tolist() == pytest.approx([0.0, 8 * 3 / 4.5 - 4])


def test_samples_follow_the_policy_and_repeat_with_their_generator() -> None:
    policy = Policy(torch.tensor([[6.0, 2.0]]), torch.tensor([[2.0, 2.0]]), torch.tensor([0.0]))
    drawn = [
        torch.cat([policy.sample(rng) for _ in range(4000)])
        for rng in (np.random.default_rng(1), np.random.default_rng(1))
    ]
    assert torch.equal(*drawn)
    assert drawn[0].mean(0).tolist() == pytest.approx([2.0, 0.0], abs=0.1)
    # The variance of a beta distribution is ab / ((a + b)^2 (a + b + 1)); 8 px is its unit.
    expected = [8 * math.sqrt(12 / (64 * 9)), 8 * math.sqrt(4 / (16 * 5))]
    assert drawn[0].std(0).tolist() == pytest.approx(expected, rel=0.05)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(InputError, match="choose one of"):
        build_actor("huge")

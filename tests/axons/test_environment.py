"""The tracking task and its reward, on a straight fibre whose numbers are known."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import gymnasium
import numpy as np
import pytest
import torch

from napari_midl.methods.axons.environment import TrackingEnvironment
from napari_midl.methods.axons.network import DESIGNS
from napari_midl.methods.axons.synthetic import Scene, synthetic_scene
from napari_midl.volumes.traces import resample


def straight(_: np.random.Generator) -> Scene:
    """A fibre along row 40, from column 10 to 150; the rows from 60 on are empty."""
    image = np.zeros((160, 160), np.float32)
    image[39:42] = 1.0
    empty = np.zeros(image.shape, bool)
    empty[60:] = True
    return Scene(image, resample(np.array([[40.0, 10.0], [40.0, 150.0]]), 0.5), empty)


def environment(preset: str = "paper", agents: int = 4) -> TrackingEnvironment:
    made = TrackingEnvironment(straight, DESIGNS[preset], images=2, agents=agents)
    made.reset(seed=0)
    made.positions = torch.full((*made.shape, 2), 40.0)
    made.positions[..., 1] = 60.0
    made.headings = torch.tensor([0.0, 1.0]).expand(*made.shape, 2)
    made._way = torch.ones(made.shape, dtype=torch.long)
    made._index = torch.full(made.shape, 100)
    made._visited = made.positions[..., None, :].repeat(1, 1, 12, 1)
    return made


def act(made: TrackingEnvironment, y: float, x: float) -> torch.Tensor:
    reward = made.step(torch.tensor([[y, x]]).repeat(made.num_envs, 1))[1]
    return reward


@pytest.mark.parametrize("preset", DESIGNS)
def test_it_is_a_gymnasium_environment(preset: str) -> None:
    made = TrackingEnvironment(straight, DESIGNS[preset], images=2, agents=3)
    assert isinstance(made, gymnasium.vector.VectorEnv)
    observed, _ = made.reset(seed=0)
    for name, space in made.single_observation_space.spaces.items():  # type: ignore[attr-defined]
        assert observed[name].shape == (6, *space.shape)
    observed, reward, ended, over, _ = made.step(torch.zeros(6, 2))
    assert reward.shape == ended.shape == over.shape == (6,)


def test_images_are_the_same_whoever_draws_them() -> None:
    draw = partial(synthetic_scene, "rich")
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        seen = [
            TrackingEnvironment(draw, DESIGNS["compact"], 3, 2, mapped=mapped).reset(seed=5)[0]
            for mapped in (map, pool.map)
        ]
    assert torch.equal(seen[0]["actor"], seen[1]["actor"])


def test_moving_along_the_centreline_earns_all_of_it() -> None:
    assert act(environment(), 0.0, 3.0).numpy() == pytest.approx(1.0, abs=1e-5)


def test_leaving_the_centreline_earns_less() -> None:
    across = act(environment(), 4.0, 0.0)
    assert (across > 0.1).all()
    assert (across < 0.5).all()


def test_standing_still_costs_one() -> None:
    assert act(environment(), 0.0, 0.0).tolist() == [-1.0] * 8


def test_turning_round_turns_the_sign_until_the_next_turn() -> None:
    made = environment()
    signs = [float(act(made, 0.0, x).sign()[0]) for x in (3.0, -3.0, -3.0, 3.0)]
    assert signs == [1.0, -1.0, -1.0, 1.0]


def test_the_perfect_tracker_goes_three_pixels_on() -> None:
    made = environment()
    made.positions = made.positions + torch.tensor([1.0, 0.0])
    action, stop, follows, known = made.expert()
    assert action[0].tolist() == pytest.approx([-1.0, 3.0], abs=1e-5)
    assert not stop.any()
    assert follows.all() and known.all()


def test_along_the_heading_actions_turn_with_the_agent() -> None:
    made = environment("compact")
    made.headings = torch.tensor([1.0, 0.0]).expand(*made.shape, 2)
    made.step(torch.tensor([[2.0, 0.0]]).repeat(made.num_envs, 1))
    assert made.positions[0, 0].tolist() == pytest.approx([42.0, 60.0])


def test_an_episode_ends_at_the_end_of_the_fibre_or_far_off_it() -> None:
    made = environment()
    made.positions[..., 1] = 148.0
    made._index = torch.full(made.shape, 276)
    ended = made.step(torch.tensor([[0.0, 2.0]]).repeat(8, 1))[2]
    assert ended.all()
    off = environment()
    for _ in range(2):
        ended = off.step(torch.tensor([[4.0, 0.0]]).repeat(8, 1))[2]
        assert not ended.any()
    assert off.step(torch.tensor([[4.0, 0.0]]).repeat(8, 1))[2].all()


def test_what_is_beyond_the_end_is_off_where_it_is_known_to_be_empty() -> None:
    made = environment("compact")
    for row, known in ((50.0, False), (70.0, True)):
        made.positions[..., 0] = row
        made.step(torch.zeros(8, 2))
        _, stop, follows, told = made.expert()
        assert stop.all() and not follows.any()
        assert (told == known).all()


def test_some_begin_where_there_is_nothing() -> None:
    made = TrackingEnvironment(straight, DESIGNS["compact"], 2, 50, elsewhere=0.5)
    made.reset(seed=0)
    _, stop, follows, known = made.expert()
    assert known.all()
    assert (stop == ~follows).all()
    assert 0.3 < stop.float().mean() < 0.7
    assert (made.positions[made.gone][:, 0] >= 60).all()


def test_an_agent_sees_where_it_came_from_behind_its_middle() -> None:
    made = TrackingEnvironment(straight, DESIGNS["compact-path"], 2, 3)
    made.reset(seed=0)
    first = made._observe()["actor"][:, 5:]
    assert not first.any()
    for _ in range(4):
        seen = made.step(torch.tensor([[3.0, 0.0]]).repeat(made.num_envs, 1))[0]["actor"]
    # Straight on: three px a step are 1.5, 0.75 and 0.375 pixels of the three views.
    behind = seen[:, 5:, :, 5]
    torch.testing.assert_close(behind[:, 0, 2], torch.ones(6), atol=1e-3, rtol=0)
    assert (behind[:, 2, :5].amax(1) > 0.9).all() and not (seen[:, 5:, 7:] > 0.1).any()


def test_a_forgetful_agent_sees_no_path() -> None:
    made = TrackingEnvironment(straight, DESIGNS["compact-path"], 2, 3, forgetful=1.0)
    made.reset(seed=0)
    for _ in range(4):
        seen = made.step(torch.tensor([[3.0, 0.0]]).repeat(made.num_envs, 1))[0]["actor"]
    assert not seen[:, 5:].any()

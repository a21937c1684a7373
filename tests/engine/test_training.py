from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import run
from napari_midl.engine.training import Schedule, train
from napari_midl.errors import InputError
from napari_midl.methods.vessels.settings import FinetuneSettings

CPU = torch.device("cpu")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Conv3d(1, 1, 1)


def draw(rng, step):
    x = torch.from_numpy(rng.random((2, 1, 2, 2, 2), dtype="float32"))
    return x, 3 * x - 1


def schedule(steps: int, **changes) -> Schedule:
    values = {"learning_rate": 0.1, "half_life": 200, "evaluate_every": 10, **changes}
    return Schedule(minutes=5, steps=steps, **values)


def test_it_learns_a_line():
    trained = run(train(network(), draw, nn.functional.mse_loss, schedule(400), device=CPU))
    weight, bias = (float(p) for p in trained.network.parameters())
    assert (weight, bias) == (pytest.approx(3, abs=0.1), pytest.approx(-1, abs=0.1))
    assert trained.steps == 400


def test_going_on_from_a_checkpoint_takes_the_same_steps(tmp_path):
    whole = run(train(network(), draw, nn.functional.mse_loss, schedule(40), device=CPU))
    kept = Checkpoint(tmp_path / "checkpoint", {"seed": 0})
    job = train(network(), draw, nn.functional.mse_loss, schedule(40), device=CPU, checkpoint=kept)
    for _ in range(25):
        next(job)
    job.close()
    torch.manual_seed(99)
    other = nn.Conv3d(1, 1, 1)
    again = run(
        train(other, draw, nn.functional.mse_loss, schedule(40), device=CPU, checkpoint=kept)
    )
    for a, b in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_ends_when_it_is_asked_to_and_keeps_the_best():
    asked, looks = [], []

    def evaluate(_):
        looks.append(None)
        return {"score": float(len(looks) == 3)}

    def enough():
        asked.append(None)
        return len(asked) == 25

    job = train(
        network(),
        draw,
        nn.functional.mse_loss,
        schedule(400),
        device=CPU,
        evaluate=evaluate,
        judge="score",
        enough=enough,
    )
    trained = run(job)
    assert (trained.steps, trained.stopped) == (25, "asked")
    # Looked at before the first step, after 10, after 20, and at the end.
    assert [look["score"] for look in trained.history] == [0, 0, 1, 0]
    at_20 = run(train(network(), draw, nn.functional.mse_loss, schedule(20), device=CPU))
    for kept, then in zip(trained.network.parameters(), at_20.network.parameters(), strict=True):
        assert torch.equal(kept, then)


def test_a_checkpoint_that_cannot_be_written_is_a_sentence(tmp_path):
    kept = Checkpoint(tmp_path / "nowhere" / "checkpoint")
    with pytest.raises(InputError, match="checkpoint cannot be written"):
        run(train(network(), draw, nn.MSELoss(), schedule(4), device=CPU, checkpoint=kept))


@pytest.mark.parametrize("other", ["settings", "network", "damage"])
def test_a_checkpoint_of_another_training_is_refused_and_left_alone(tmp_path, other):
    kept = Checkpoint(tmp_path / "checkpoint", {"seed": 0, "patch": (8, 8)})
    run(train(network(), draw, nn.MSELoss(), schedule(4), device=CPU, checkpoint=kept))
    start = network()
    if other == "settings":
        kept = Checkpoint(kept.path, {"seed": 1})
    elif other == "network":
        start = nn.Conv3d(1, 1, 3)
    else:
        kept.path.write_bytes(kept.path.read_bytes()[:-9])
    before = kept.path.read_bytes()
    with pytest.raises(InputError, match=r"checkpoint .*delete it to begin anew"):
        run(train(start, draw, nn.MSELoss(), schedule(8), device=CPU, checkpoint=kept))
    assert kept.path.read_bytes() == before


def test_a_training_may_go_on_for_longer_but_not_with_other_data(tmp_path):
    out = tmp_path / "model.safetensors"
    first = Checkpoint.beside(out, FinetuneSettings(steps=4), {"image": "a"})
    assert first == Checkpoint.beside(out, FinetuneSettings(steps=8, minutes=3), {"image": "a"})
    assert first != Checkpoint.beside(out, FinetuneSettings(steps=4), {"image": "b"})
    assert first != Checkpoint.beside(out, FinetuneSettings(steps=4, seed=1), {"image": "a"})


def test_it_stops_once_the_held_out_score_is_no_longer_better_and_returns_the_best():
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.1])
    seen: list[torch.Tensor] = []

    def evaluate(current: nn.Module) -> dict[str, float]:
        seen.append(next(current.parameters()).clone())
        return {"score": next(scores)}

    trained = run(
        train(
            network(),
            draw,
            nn.functional.mse_loss,
            schedule(1000, patience=3),
            device=CPU,
            evaluate=evaluate,
            judge="score",
        )
    )
    assert trained.stopped == "no longer better"
    assert len(seen) == 5
    assert torch.equal(next(trained.network.parameters()), seen[1])


def test_no_time_means_no_step():
    trained = run(
        train(
            network(),
            draw,
            nn.functional.mse_loss,
            Schedule(minutes=0.0, steps=0, learning_rate=0.1, half_life=10),
            device=CPU,
        )
    )
    assert (trained.steps, trained.stopped) == (0, "time")


def test_a_pause_does_not_use_up_the_time():
    job = train(
        network(),
        draw,
        nn.functional.mse_loss,
        Schedule(minutes=0.02, steps=0, learning_rate=0.1, half_life=10),
        device=CPU,
    )
    first = next(job)
    time.sleep(1.3)
    second = next(job)
    assert second.done - first.done < 0.5
    job.close()


def test_a_slow_score_leaves_the_job_responsive_and_a_pause_in_it_free():
    def evaluate(current: nn.Module) -> dict[str, float]:
        time.sleep(0.7)
        return {"score": 0.0}

    job = train(
        network(),
        draw,
        nn.functional.mse_loss,
        Schedule(minutes=1, steps=1, learning_rate=0.1, half_life=10),
        device=CPU,
        evaluate=evaluate,
    )
    assert next(job).message == "scoring"
    time.sleep(2)  # a pause
    trained = run(job)
    assert trained.steps == 1
    assert trained.history[-1]["seconds"] < 1.5


def test_the_rate_halves_or_falls_to_zero_over_the_second_half():
    halving = schedule(100)
    assert [halving.rate(n) for n in (0, 200, 400)] == pytest.approx([0.1, 0.05, 0.025])
    falling = schedule(100, linear=True)
    assert [falling.rate(n) for n in (0, 50, 75, 100)] == pytest.approx([0.1, 0.1, 0.05, 0])

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.dropout import Dropout
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.jobs import run
from napari_midl.engine.recipes import Recipe, Supervised, adam, averaged, descend
from napari_midl.engine.train_state import TrainState
from napari_midl.engine.training import Schedule, Trained, train
from napari_midl.errors import InputError
from napari_midl.methods.vessels.settings import FinetuneSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

CPU = torch.device("cpu")


def network(seed: int = 0) -> nn.Module:
    with WeightsFrom(seed):
        return nn.Sequential(nn.Conv3d(1, 4, 1), Dropout(0.2), nn.Conv3d(4, 1, 1))


def draw(rng, step):
    x = torch.from_numpy(rng.random((2, 1, 2, 2, 2), dtype="float32"))
    return x, 3 * x - 1


class Scored(Supervised):
    """Supervised, with the scores of its looks given."""

    monitor = "score"

    def __init__(self, scores: Mapping[int, float] | None = None, start: nn.Module | None = None):
        super().__init__(start or network(), nn.functional.mse_loss, 0.1, 200, draw=draw)
        self.scores = scores or {}
        self.seen: list[torch.Tensor] = []

    def score(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        self.seen.append(next(networks["network"].parameters()).clone())
        return {"score": self.scores[len(self.seen) - 1]} if self.scores else {}


def schedule(steps: int, **changes: Any) -> Schedule:
    return Schedule(**{"minutes": 5, "steps": steps, "evaluate_every": 10, **changes})


def fit(
    recipe: Recipe, steps: int, checkpoint: Checkpoint | None = None, **changes: Any
) -> Trained:
    return run(train(recipe, schedule(steps, **changes), device=CPU, checkpoint=checkpoint))


def weights(trained: Trained) -> torch.Tensor:
    return torch.cat([p.flatten() for p in trained.network.parameters()])


def test_it_learns_a_line():
    line = Supervised(nn.Conv3d(1, 1, 1), nn.functional.mse_loss, 0.1, 200, draw=draw)
    trained = fit(line, 400)
    weight, bias = (float(p) for p in trained.network.parameters())
    assert (weight, bias) == (pytest.approx(3, abs=0.1), pytest.approx(-1, abs=0.1))
    assert trained.steps == 400


def test_the_average_forgets_fast_at_first():
    """After steps 1, 2, 3 the old weights count 1/10, 2/11, 3/12, and never more than the decay."""
    new = nn.Linear(1, 1, bias=False)
    nn.init.constant_(new.weight, 0.0)
    average = averaged(new, 0.2)
    expected = 0.0
    for step, value in enumerate((1.0, 3.0, -2.0)):
        nn.init.constant_(new.weight, value)
        average.update_parameters(new)
        decay = min(0.2, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.module.weight.item() == pytest.approx(expected)


@pytest.mark.parametrize("stopped_at", [7, 20, 25])
def test_a_stopped_training_ends_with_the_same_weights(tmp_path, stopped_at):
    whole = fit(Scored(), 40)
    kept = Checkpoint(tmp_path / "checkpoint", {"seed": 0})
    job = train(Scored(), schedule(40), device=CPU, checkpoint=kept)
    while next(job).message != f"step {stopped_at}":
        pass
    job.close()
    again = fit(Scored(start=network(seed=9)), 40, kept)
    assert torch.equal(weights(whole), weights(again))
    assert [look["step"] for look in again.history] == [0, 10, 20, 30, 40]
    assert [look.get("loss") for look in again.history] == [
        look.get("loss") for look in whole.history
    ]


def test_a_training_that_ended_goes_on_for_longer_as_if_it_had_not(tmp_path):
    scores = dict(enumerate([0.0, 1.0, 2.0, 9.0, 4.0, 3.0, 2.0]))
    whole = fit(Scored({0: 0.0, 1: 1.0, 2: 2.0, 3: 4.0, 4: 3.0}), 40)
    kept = Checkpoint(tmp_path / "checkpoint")
    first = Scored(scores)
    # It ends between two looks, and looks once more; what goes on must not remember that.
    assert [look["step"] for look in fit(first, 25, kept).history] == [0, 10, 20, 25]
    second = Scored({0: 4.0, 1: 3.0})
    again = fit(second, 40, kept)
    assert [look["step"] for look in again.history] == [0, 10, 20, 30, 40]
    assert torch.equal(weights(whole), weights(again))


@pytest.mark.parametrize("stopped_at", [15, 25, 35])
def test_best_weights_and_patience_outlive_a_stop(tmp_path, stopped_at):
    looks = [0.9, 0.5, 0.4, 0.3, 0.2]
    whole = Scored(dict(enumerate(looks)))
    expected = fit(whole, 1000, patience=3)
    assert (expected.stopped, expected.steps) == ("no longer better", 40)
    assert torch.equal(next(expected.network.parameters()), whole.seen[1])
    kept = Checkpoint(tmp_path / "checkpoint")
    job = train(
        Scored(dict(enumerate(looks))), schedule(1000, patience=3), device=CPU, checkpoint=kept
    )
    while next(job).message != f"step {stopped_at}":
        pass
    job.close()
    left = looks[1 + stopped_at // 10 :]
    again = fit(Scored(dict(enumerate(left))), 1000, kept, patience=3)
    assert (again.stopped, again.steps) == ("no longer better", 40)
    assert torch.equal(weights(expected), weights(again))
    assert [look["score"] for look in again.history] == looks


def test_what_was_restored_holds_on_to_no_file(tmp_path):
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("only Linux tells which files are mapped")
    kept = Checkpoint(tmp_path / "checkpoint")
    fit(Scored({0: 0.0, 1: 1.0}), 10, kept)
    recipe = Scored({0: 0.0})
    state = recipe.init(CPU)
    kept.restore(state)
    assert state.best and state.optimisers["adam"].state_dict()["state"]
    assert str(kept.path) not in maps.read_text(encoding="utf-8")


@pytest.mark.usefixtures("two_threads")
def test_two_trainings_at_once_come_out_as_each_alone():
    alone = [weights(fit(Scored(), 60, seed=seed)) for seed in (1, 2)]
    found: dict[int, torch.Tensor] = {}
    threads = [
        Thread(target=lambda s=seed: found.update({s: weights(fit(Scored(), 60, seed=s))}))
        for seed in (1, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torch.equal(*alone)
    assert all(torch.equal(found[seed], alone[seed - 1]) for seed in (1, 2))


def test_it_ends_when_it_is_asked_to_and_keeps_the_best():
    asked = []

    def enough():
        asked.append(None)
        return len(asked) == 25

    # Looked at before the first step, after 10, after 20, and at the end.
    scores = dict(enumerate([0.0, 0.0, 1.0, 0.0]))
    trained = run(train(Scored(scores), schedule(400), device=CPU, enough=enough))
    assert (trained.steps, trained.stopped) == (25, "asked")
    assert [look["score"] for look in trained.history] == [0, 0, 1, 0]
    assert torch.equal(weights(trained), weights(fit(Scored(), 20)))


@pytest.mark.parametrize("steps", [0, 1, 25])
def test_exactly_so_many_steps_whatever_else_would_end_it(steps):
    worse = dict(enumerate([3.0, 2.0, 1.0, 0.0]))
    changes = {"minutes": 0.0, "patience": 1, "exactly": steps}
    trained = run(train(Scored(worse), schedule(1, **changes), device=CPU, enough=lambda: True))
    assert (trained.steps, trained.stopped) == (steps, "steps")


def test_a_run_of_no_steps_leaves_the_weights_as_they_are():
    assert torch.equal(
        weights(fit(Scored(), 10, exactly=0)),
        torch.cat([p.flatten() for p in network().parameters()]),
    )


def test_a_checkpoint_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="checkpoint cannot be written"):
        fit(Scored(), 4, Checkpoint(tmp_path / "nowhere" / "checkpoint"))


@pytest.mark.parametrize("other", ["settings", "network", "damage"])
def test_a_checkpoint_of_another_training_is_refused_and_left_alone(tmp_path, other):
    kept = Checkpoint(tmp_path / "checkpoint", {"seed": 0, "patch": (8, 8)})
    fit(Scored(), 4, kept)
    start = network()
    if other == "settings":
        kept = Checkpoint(kept.path, {"seed": 1})
    elif other == "network":
        start = nn.Conv3d(1, 1, 3)
    else:
        kept.path.write_bytes(kept.path.read_bytes()[:-9])
    before = kept.path.read_bytes()
    with pytest.raises(InputError, match=r"checkpoint .*delete it to begin anew"):
        fit(Scored(start=start), 8, kept)
    assert kept.path.read_bytes() == before


def test_the_stages_of_a_training_go_with_its_checkpoint(tmp_path):
    kept = Checkpoint(tmp_path / "m.checkpoint")
    other = tmp_path / "m.b.checkpoint"
    stage = kept.stage("second", steps=3)
    assert stage.training == {"steps": 3}
    for path in (kept.path, stage.path, other):
        path.touch()
    kept.remove()
    assert list(tmp_path.iterdir()) == [other]


def test_a_training_may_go_on_for_longer_but_not_with_other_data(tmp_path):
    out = tmp_path / "model.safetensors"
    first = Checkpoint.beside(out, FinetuneSettings(steps=4), {"image": "a"})
    assert first == Checkpoint.beside(out, FinetuneSettings(steps=8, minutes=3), {"image": "a"})
    assert first != Checkpoint.beside(out, FinetuneSettings(steps=4), {"image": "b"})
    assert first != Checkpoint.beside(out, FinetuneSettings(steps=4, seed=1), {"image": "a"})


def test_no_time_means_no_step():
    trained = fit(Scored(), 0, minutes=0.0)
    assert (trained.steps, trained.stopped) == (0, "time")


def test_a_pause_does_not_count_neither_between_steps_nor_while_it_is_scored(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(
        "napari_midl.engine.training.time", SimpleNamespace(monotonic=lambda: now[0])
    )
    scored = Event()

    class Timed(Scored):
        def batch(self, rng, step):
            now[0] += 2.0
            return super().batch(rng, step)

        def score(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
            assert scored.wait(60)
            now[0] += 3.0
            return {}

    messages, done = [], []
    job = train(Timed(), Schedule(minutes=12 / 60, evaluate_every=100), device=CPU)
    trained = None
    while trained is None:
        try:
            progress = next(job)
        except StopIteration as stop:
            trained = stop.value
        messages.append(progress.message)
        done.append(progress.done)
        now[0] += 1000.0  # a pause
        if progress.message == "scoring":
            scored.set()
    assert "scoring" in messages
    # Three seconds for the first look and two for each step, until twelve are over.
    assert (trained.steps, trained.stopped) == (5, "time")
    assert [look["seconds"] for look in trained.history] == [0.0, 13.0]
    assert done[messages.index("step 3")] == pytest.approx(9 / 12)


class Rival(Recipe):
    """Two networks against each other, each with its own optimiser, and a count that lives on."""

    def init(self, device: torch.device) -> TrainState:
        with WeightsFrom(0):
            networks: dict[str, nn.Module] = {n: nn.Linear(1, 1) for n in ("one", "other")}
        optimisers = {name: adam(n.parameters(), 0.1) for name, n in networks.items()}
        count = nn.Module()
        count.register_buffer("taken", torch.tensor(0))
        return TrainState(
            networks, optimisers, {"one": averaged(networks["one"], 0.9)}, {"n": count}
        )

    def step(self, state, rng, generator):
        noise = torch.rand(4, 1, generator=generator)
        for name, network in state.networks.items():
            yield f"moving {name}"
            descend(state.optimisers[name], (network(noise) - rng.random()).square().mean())
        state.draws["n"].taken += 1
        return {"taken": float(state.draws["n"].taken)}


def test_a_recipe_of_several_networks_goes_on_too_and_hands_over_within_a_step(tmp_path):
    whole = fit(Rival(), 24)
    kept = Checkpoint(tmp_path / "checkpoint")
    messages = []
    for progress in (job := train(Rival(), schedule(24), device=CPU, checkpoint=kept)):
        messages.append(progress.message)
        if progress.message == "step 12":
            break
    job.close()
    assert messages[-3:] == ["moving one", "moving other", "step 12"]
    again = fit(Rival(), 24, kept)
    assert again.history[-1]["taken"] == whole.history[-1]["taken"] == pytest.approx(22.5)
    for name in ("one", "other"):
        for a, b in zip(
            whole.networks[name].parameters(), again.networks[name].parameters(), strict=True
        ):
            assert torch.equal(a, b)


def test_a_start_that_counts_is_kept_where_nothing_is_better():
    for later, best in (([0.5, 0.4], 0), ([0.5, 0.95], 20), ([0.9, 0.5], 10)):
        recipe = Scored(dict(enumerate([0.9, *later])))
        recipe.start_counts = True
        trained = fit(recipe, 20)
        assert trained.best_step == best
        assert torch.equal(next(trained.network.parameters()), recipe.seen[best // 10])
    # One that knows nothing is no candidate, however it scores.
    assert fit(Scored({0: 0.9, 1: 0.1, 2: 0.2}), 20).best_step == 20


def test_it_looks_often_at_first_which_does_not_try_the_patience():
    worse = Scored(dict(enumerate([9.0, *range(8, 0, -1)])))
    worse.start_counts = True
    trained = fit(worse, 1000, evaluate_every=12, at_first=4, patience=2)
    assert [look["step"] for look in trained.history] == [0, 4, 8, 12, 24]
    assert (trained.stopped, trained.best_step) == ("no longer better", 0)


def test_the_rate_warms_up():
    recipe = Scored()
    recipe.warm_up = 4
    assert [recipe.rate(n) for n in range(3)] == pytest.approx([0.25, 0.5, 0.75], rel=0.02)
    assert recipe.rate(200) == pytest.approx(0.5)


def test_the_rate_halves():
    recipe = Scored()
    assert [recipe.rate(n) for n in (0, 200, 400)] == pytest.approx([1, 0.5, 0.25])


def test_a_gradient_is_clipped_to_a_norm_of_5():
    parameter = nn.Parameter(torch.tensor([0.0, 0.0]))
    optimiser = torch.optim.SGD([parameter], 1.0)
    descend(optimiser, (parameter * torch.tensor([30.0, 40.0])).sum())
    assert parameter.tolist() == pytest.approx([-3.0, -4.0], abs=1e-4)

"""What the tracker learns by, and that it learns."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_midl.engine.checkpoints import Checkpoint
from napari_midl.engine.jobs import run
from napari_midl.engine.verdict import Basis, Verdict
from napari_midl.errors import InputError
from napari_midl.methods.axons import calibration, imitation, learn
from napari_midl.methods.axons.environment import TrackingEnvironment
from napari_midl.methods.axons.imitation import Demonstrations, imitation_loss
from napari_midl.methods.axons.learn import finetune, train
from napari_midl.methods.axons.network import DESIGNS, REACH, Policy
from napari_midl.methods.axons.settings import FinetuneSettings, TrainSettings
from napari_midl.methods.axons.synthetic import synthetic_scene
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.models import Model
    from napari_midl.volumes.volume import Volume

Wave = tuple[np.ndarray, np.ndarray]


def test_imitation_is_the_likelihood_of_what_a_perfect_tracker_does() -> None:
    two = torch.full((2, 2), 2.0)
    policy = Policy(two, two, torch.tensor([0.0, math.log(3.0)]))
    # Beta(2, 2) is 1.5 in the middle; the second agent does not count.
    targets = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0], [3.0, 3.0, 1.0, 0.0, 0.0]])
    expected = -2 * math.log(1.5) + math.log(2.0)
    assert imitation_loss(policy, targets).item() == pytest.approx(expected, abs=1e-5)


def test_stopping_is_learnt_by_cross_entropy() -> None:
    two = torch.full((1, 2), 2.0)
    policy = Policy(two, two, torch.tensor([math.log(3.0)]))
    loss = imitation_loss(policy, torch.tensor([[0.0, 0.0, 1.0, 1.0, 1.0]]))
    assert loss.item() == pytest.approx(-2 * math.log(1.5) - math.log(0.75), abs=1e-5)


def test_behind_the_end_of_a_fibre_only_stopping_is_learnt() -> None:
    two = torch.full((1, 2), 2.0)
    policy = Policy(two, two, torch.tensor([math.log(3.0)]))
    loss = imitation_loss(policy, torch.tensor([[3.0, 3.0, 1.0, 0.0, 1.0]]))
    assert loss.item() == pytest.approx(-math.log(0.75), abs=1e-5)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two images, short demonstrations, and no calibration, which is another test's."""
    monkeypatch.setattr(learn, "IMAGES", 2)
    monkeypatch.setattr(learn, "calibrate", lambda actor, draw: [1.0, 0.0])


def test_training_ends_in_a_model_that_is_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "IMAGES", 2)
    monkeypatch.setattr(calibration, "IMAGES", 4)
    model = run(train(TrainSettings(images="SI", steps=3, minutes=10, agents=1)))
    assert (model.card["tool"], model.card["steps"]) == ("axons", 3)
    slope, _, left = model.card["calibration"]
    assert left != 1.0
    assert slope != 1.0


def test_a_training_repeats_to_the_bit(small: None) -> None:
    settings = TrainSettings(images="SI", steps=3, minutes=10, agents=1)
    assert run(train(settings)).sha256 == run(train(settings)).sha256


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_training_goes_on_to_the_same_weights(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a second lesson, where the agents stand on images and have seen some."""
    monkeypatch.setattr(imitation, "LESSON", 3)
    settings = TrainSettings(preset="paper", images="SI", minutes=10, agents=2)
    whole = run(train(settings, exactly=8))
    kept = Checkpoint(tmp_path / "c")
    run(train(settings, kept, exactly=5))
    assert run(train(settings, kept, exactly=8)).sha256 == whole.sha256


class Diagonal(torch.nn.Module):
    """An agent that always goes as far as it can to one side, as no perfect tracker does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, views: torch.Tensor) -> Policy:
        ones = torch.ones(len(views), 2)
        return Policy(1e6 * ones, ones, torch.zeros(len(views)))


@pytest.mark.parametrize(
    ("step", "confident", "share"), [(0, False, 0.0), (750, False, 0.5), (0, True, 0.7)]
)
def test_agents_move_themselves_the_more_the_later_the_step(
    step: int, confident: bool, share: float
) -> None:
    environment = TrackingEnvironment(
        lambda rng: synthetic_scene("SI", rng), DESIGNS["paper"], 2, 400
    )
    demonstrations = Demonstrations(environment, Diagonal(), confident)  # type: ignore[arg-type]
    for _ in demonstrations.draw(np.random.default_rng(0), step):
        pass
    # Half of the disturbed moves are cut at its reach along an axis, a quarter along both.
    far = (environment._previous == REACH).all(-1).float().mean().item()
    assert far == pytest.approx(share / 4, abs=0.06)


@pytest.mark.usefixtures("two_threads")
def test_a_training_stopped_while_it_is_reinforced_goes_on_to_the_same_weights(
    small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learn, "EPISODE", 4)
    settings = TrainSettings(images="SI", steps=2, minutes=10, agents=1, reinforce=2)
    whole = run(train(settings))
    kept = Checkpoint(tmp_path / "c")
    job = train(settings, kept)
    stopped = list(itertools.takewhile(lambda p: "return" not in p.metrics, job))
    while next(job).message != "improving, 3 of 10":
        pass  # in the midst of the second batch
    job.close()
    assert stopped[-1].message == "improving, 10 of 10"
    assert run(train(settings, kept)).sha256 == whole.sha256
    kept.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("two_threads")
def test_a_stopped_fine_tuning_goes_on_to_the_same_weights(
    plane: Volume, wave: Wave, base: Model, tmp_path: Path
) -> None:
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    traces = [Trace("a", points, np.zeros(len(points)))]
    settings = FinetuneSettings(synthetic=0.0, held_out=0.0, minutes=10)
    kept = Checkpoint(tmp_path / "c")

    def tuned(exactly: int, checkpoint: Checkpoint | None = None) -> str:
        job = finetune(plane, traces, base, settings, checkpoint=checkpoint, exactly=exactly)
        return run(job).model.sha256

    tuned(2, kept)
    assert tuned(4, kept) == tuned(4)


def test_fine_tuning_keeps_what_was_known_and_shows_it_on_traces_kept_aside(
    plane: Volume, wave: Wave, base: Model
) -> None:
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    traces = [
        Trace(str(i), part, np.zeros(len(part))) for i, part in enumerate(np.array_split(points, 4))
    ]
    tuned = run(finetune(plane, traces, base, FinetuneSettings(steps=5, minutes=10)))
    assert tuned.steps == 5
    assert tuned.before["coverage"] > 0.9
    assert tuned.after["coverage"] > 0.9
    assert tuned.model.sha256 != base.sha256
    assert tuned.model.card["parent"] == base.sha256


@pytest.mark.parametrize(
    ("held_out", "basis"), [(0.5, Basis.UNSEEN), (0.0, Basis.LEARNT)], ids=["held out", "learnt"]
)
def test_a_tracker_that_was_ruined_is_not_kept(
    plane: Volume, wave: Wave, base: Model, held_out: float, basis: Basis
) -> None:
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    halves = np.array_split(points, 2)
    traces = [Trace(k, half, np.zeros(len(half))) for k, half in zip("ab", halves, strict=True)]
    settings = FinetuneSettings(
        steps=6, minutes=10, learning_rate=0.1, synthetic=0.0, held_out=held_out
    )
    tuned = run(finetune(plane, traces, base, settings))
    assert tuned.after["coverage"] < tuned.before["coverage"] - 0.1
    assert (tuned.verdict, tuned.basis) == (Verdict.WORSE, basis)
    assert tuned.model.sha256 == base.sha256 and not tuned.taken


def test_traces_of_another_image_are_refused(plane: Volume, base: Model) -> None:
    points = np.array([[0.0, 10.0, 10.0], [0.0, 10.0, 900.0]])
    far = Trace("far", points, np.zeros(2))
    with pytest.raises(InputError, match="leaves wave"):
        run(finetune(plane, [far], base, FinetuneSettings()))
    with pytest.raises(InputError, match="no trace"):
        run(finetune(plane, [], base, FinetuneSettings()))


def test_short_branches_of_a_traced_tree_are_left_out(
    plane: Volume, wave: Wave, base: Model
) -> None:
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    whole, twig = (Trace(k, p, np.zeros(len(p))) for k, p in (("a", points), ("b", points[:40])))
    settings = FinetuneSettings(steps=1, minutes=10, synthetic=0.0, held_out=0.0)
    alone = run(finetune(plane, [whole], base, settings)).model.sha256
    assert run(finetune(plane, [twig, whole, twig], base, settings)).model.sha256 == alone
    with pytest.raises(InputError, match="shorter than 20 pixels"):
        run(finetune(plane, [twig], base, settings))


def test_traces_kept_aside_share_no_fibre_with_those_taught(
    plane: Volume, wave: Wave, base: Model
) -> None:
    """Five traces of one fibre and one of another: what is scored was not taught under a name."""
    points = np.pad(wave[1], ((0, 0), (1, 0)))
    same = [Trace(str(k), points[40 * k :], np.zeros(len(points) - 40 * k)) for k in range(5)]
    beside = points + np.array([0, 35, 0])
    other = Trace("other", beside, np.zeros(len(beside)))
    for seed in range(4):
        rng = np.random.default_rng(seed)
        held_out, taught = learn._held_out(plane, [*same, other], 0.25, rng)
        assert [trace.path for trace in held_out] == ["other"]
        assert {trace.path for trace in taught} == set("01234")

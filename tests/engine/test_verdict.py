from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from napari_midl.engine.level import level_advice
from napari_midl.engine.models import Model
from napari_midl.engine.outputs import ModelOut
from napari_midl.engine.trained import Finetuned, FinetunedOperation
from napari_midl.engine.verdict import Basis, Verdict, is_start_again, verdict_in_words, verdict_of


def said(results: dict) -> list[str]:
    """What a command prints."""
    return FinetunedOperation(out=ModelOut(None)).summary(results)


def judged(gained: float | None, trained: bool = True) -> tuple[Finetuned, Model]:
    start = Model(nn.Linear(1, 1), {"tool": "t", "steps": 9})
    made = start.tuned(nn.Linear(1, 1), "strokes", "scan", 5) if trained else None
    after = {} if gained is None else {"dice": 0.9 + gained}
    before = {} if gained is None else {"dice": 0.9}
    tuned = Finetuned.judged(
        start, made, gained=gained, before=before, after=after, image="scan", steps=5
    )
    return tuned, start


@pytest.mark.parametrize(
    ("gained", "verdict"),
    [
        (0.02, Verdict.BETTER),
        (0.005, Verdict.SAME),
        (-0.005, Verdict.SAME),
        (-0.02, Verdict.WORSE),
        (None, Verdict.NOT_COMPARED),
    ],
)
def test_what_differs_by_a_hundredth_is_no_change(gained, verdict):
    assert verdict_of(gained) is verdict


def test_a_loss_that_only_some_strokes_show_is_not_called_no_change():
    results = {"verdict": "no change", "steps": 9, "before": {"dice": 0.9}, "after": {"dice": 0.7}}
    assert verdict_in_words(results).startswith(
        "No sure change after 9 steps, since strokes disagree"
    )
    results["after"] = {"dice": 0.895}
    assert verdict_in_words(results) == "No change after 9 steps."


@pytest.mark.parametrize("gained", [0.02, 0.005, -0.005, None])
def test_a_model_that_is_not_worse_is_kept_and_taken_if_it_scores_no_lower(gained):
    tuned, start = judged(gained)
    assert tuned.model.sha256 != start.sha256
    assert not is_start_again(tuned.model.card)
    assert tuned.taken == (gained != -0.005)


@pytest.mark.parametrize(("gained", "trained"), [(-0.02, True), (0.0, False)])
def test_a_worse_model_is_not_kept_its_start_is(gained, trained):
    tuned, start = judged(gained, trained)
    assert tuned.model.sha256 == start.sha256
    assert tuned.model.card["steps"] == start.card["steps"]
    assert is_start_again(tuned.model.card) and not tuned.taken
    assert "the model it began with stays" in verdict_in_words(tuned.results())


def test_a_command_tells_the_verdict_the_scores_and_what_they_rest_on():
    tuned, _ = judged(0.02)
    tuned.basis, tuned.counts, tuned.advice = Basis.CHOSE, {"blocks": 1}, "Too thin."
    assert said(tuned.results()) == [
        "Better after 5 steps.",
        "dice: 0.900 -> 0.920",
        "Scored on strokes (1 block) that did not train the model; the score also chose the model, "
        "so it flatters a little.",
        "Too thin.",
    ]
    nothing, _ = judged(0.0, trained=False)
    assert "The file holds the model it began with." in said(nothing.results())


def test_the_card_tells_the_score_and_its_image():
    tuned, _ = judged(0.02)
    score = tuned.model.card["scored"]
    assert (score["score"], score["image"]) == ("dice", "scan")
    assert score["value"] == pytest.approx(0.92)


def told(edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities from 0 to 1, which are truly so from an edge on."""
    probability = np.linspace(0, 1, 2001)
    return probability, probability >= edge


@pytest.mark.parametrize(("edge", "how"), [(0.7, "too thick"), (0.3, "too thin")])
def test_a_level_that_is_off_is_said_with_the_one_that_fits(edge, how):
    said = level_advice(*told(edge))
    assert how in said
    assert abs(float(said.split("threshold of ")[1].split()[0]) - edge) < 0.02


def test_a_level_that_fits_or_that_few_voxels_tell_of_is_not_said():
    assert level_advice(*told(0.5)) == ""
    probability, true = told(0.7)
    assert level_advice(probability[::20], true[::20]) == ""
    # No threshold is better where the probability tells nothing.
    assert level_advice(np.full(400, 0.6), np.arange(400) % 4 == 0) == ""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.pixels.mixture import folds, judge, log_loss, shares

RNG = np.random.default_rng(0)
PRIOR = np.full(2, 0.5)


def answers(vessel: np.ndarray, right: float) -> np.ndarray:
    """Probabilities that are right for a share of the voxels."""
    correct = RNG.random(len(vessel)) < right
    return np.where(correct == vessel, 0.9, 0.1).astype(np.float32)


@pytest.fixture
def vessel() -> np.ndarray:
    return RNG.random(2000) < 0.4


def test_shares_add_up_and_a_useless_learner_gets_little(vessel):
    table = np.stack([answers(vessel, 0.95), answers(vessel, 0.5)], 1)
    found = shares(table, vessel, PRIOR)
    assert found.sum() == pytest.approx(1) and (found >= 0).all()
    assert found[0] > 0.85
    swapped = shares(table[:, ::-1], vessel, PRIOR)
    np.testing.assert_allclose(swapped, found[::-1], atol=1e-3)


def test_two_that_err_apart_share():
    vessel = np.arange(4000) % 2 == 0
    table = np.stack([answers(vessel, 0.85), answers(vessel, 0.85)], 1)
    found = shares(table, vessel, PRIOR)
    assert found.min() > 0.3
    mixed = log_loss(table @ found, vessel)
    assert mixed < min(log_loss(table[:, k], vessel) for k in (0, 1))


def test_trust_holds_the_shares_to_what_is_known_beforehand(vessel):
    table = np.stack([answers(vessel, 0.95), answers(vessel, 0.5)], 1)
    np.testing.assert_allclose(shares(table, vessel, PRIOR, trust=1e4), PRIOR, atol=0.01)


def test_log_loss_by_hand():
    vessel = np.array([True, False])
    assert log_loss(np.array([0.8, 0.4]), vessel) == pytest.approx(-np.log([0.8, 0.6]).mean())
    assert np.isfinite(log_loss(np.array([0.0, 1.0]), vessel))


def strokes(count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Eight places far apart, each painted with both classes."""
    centres = np.array([(z, y, x) for z in (0, 20) for y in (0, 200) for x in (0, 200)])
    places = np.repeat(centres, count // 8, 0) + RNG.integers(0, 10, (count, 3))
    return places, np.arange(count) % 3 == 0


def test_the_parts_of_the_strokes_lie_apart_and_each_rest_keeps_both_classes():
    places, vessel = strokes()
    fold = folds(places, vessel, 1.0, 0)
    assert sorted(set(fold)) == [0, 1, 2, 3]
    for part in range(4):
        rest = vessel[fold != part]
        assert 0 < rest.sum() < len(rest)
    # A place belongs to one part as a whole.
    for first in range(0, 400, 50):
        assert len(set(fold[first : first + 50])) == 1
    np.testing.assert_array_equal(fold, folds(places, vessel, 1.0, 0))


@pytest.mark.parametrize("painted", [39, 0])
def test_too_little_paint_is_not_parted(painted):
    places, _ = strokes()
    vessel = np.arange(400) < painted
    assert not folds(places, vessel, 1.0, 0).any()
    assert not folds(places, ~vessel, 1.0, 0).any()


def test_a_class_that_lies_in_one_place_is_not_parted():
    places, _ = strokes()
    vessel = np.arange(400) < 50
    assert not folds(places, vessel, 1.0, 0).any()


def test_the_probability_of_a_part_is_of_shares_that_never_saw_it():
    """One learner is right in part 0 alone, so that only shares that saw it would trust it."""
    vessel = np.arange(400) % 2 == 0
    fold = np.arange(400) // 200
    fair = np.where(vessel, 0.7, 0.3).astype(np.float32)
    knows, errs = np.where(vessel, 0.99, 0.01), np.where(vessel, 0.01, 0.99)
    luck = np.where(fold == 0, knows, errs).astype(np.float32)
    judged = judge({"fair": fair, "luck": luck}, vessel, fold, {"fair": 1.0, "luck": 1.0})
    # Trusted by part 0, the lucky one misleads about part 1; by part 1 it is not trusted in 0.
    right = (judged.probability >= 0.5) == vessel
    assert not right[fold == 1].any() and right[fold == 0].all()
    sure = np.abs(judged.probability - 0.5)
    assert sure[fold == 0].max() < 0.3
    assert judged.shares["fair"] > judged.shares["luck"]
    assert sum(judged.shares.values()) == pytest.approx(1)

"""What some landmarks say of the others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_midl.methods.anatomy.landmark_model import LandmarkModel, alarm, smooth_differences

MEAN = np.array(
    [(s * x, y, z) for x, y, z in [(40, 30, 60), (35, 0, 50), (45, 40, 10), (20, -30, 0)]
     for s in (1, -1)] + [(0, -40, 5), (0, -30, 12)],
    float,
)  # fmt: skip
SMOOTH = 3.0


def model(placing: float = 0.7) -> LandmarkModel:
    covariance = SMOOTH**2 * smooth_differences(MEAN, True)
    return LandmarkModel(MEAN, covariance, np.full(len(MEAN), placing))


def people(count: int, seed: int = 0) -> np.ndarray:
    """Landmarks drawn from the model, turned, shifted and scaled."""
    rng, own = np.random.default_rng(seed), model()
    noise = np.diag(np.repeat(own.placing**2, 3))
    drawn = rng.multivariate_normal(MEAN.ravel(), own.covariance + noise, count)
    turns = Rotation.random(count, rng).as_matrix()
    sizes, shifts = rng.uniform(0.8, 1.2, (count, 1, 1)), rng.normal(0, 200, (count, 1, 3))
    return sizes * (drawn.reshape(count, -1, 3) @ turns) + shifts


@pytest.mark.parametrize("count", [4, 6, 9])
def test_nine_in_ten_intervals_hold_nine_times_in_ten(count: int) -> None:
    rng, held = np.random.default_rng(1), []
    for person in people(150):
        known = np.zeros(len(MEAN), bool)
        known[[0, 1, 8]] = True
        known[rng.permutation([2, 3, 4, 5, 6, 7])[: count - 3]] = True
        given = model().given(np.where(known[:, None], person, np.nan))
        errors = (given.to_model.back(given.points) - person)[~known]
        held.append(np.abs(errors) < 1.645 * given.spread[~known, None])
    assert 0.85 < np.concatenate(held).mean() < 0.95


def test_few_landmarks_of_one_corner_leave_the_others_open() -> None:
    person = people(1)[0]
    corner, wide = np.full_like(person, np.nan), np.full_like(person, np.nan)
    corner[[0, 2, 4, 1]], wide[[0, 1, 4, 8]] = person[[0, 2, 4, 1]], person[[0, 1, 4, 8]]
    chin = 9
    assert model().given(corner).spread[chin] > 1.5 * model().given(wide).spread[chin]


def test_a_placed_landmark_says_where_its_partner_is() -> None:
    person = MEAN + 0.0
    person[0] += [6.0, 0, 0]
    person[1] = np.nan
    expected = model().given(person).points[1]
    assert expected[0] < MEAN[1, 0] - 1.0


def test_what_is_placed_less_alike_spreads_more_and_is_doubted_less() -> None:
    placing = np.full(len(MEAN), 0.7)
    placing[6] = 4.0
    loose = LandmarkModel(MEAN, model().covariance, placing)
    person = MEAN.copy()
    person[6] += [0.0, 5.0, 0.0]
    assert loose.doubt(person)[6] < model().doubt(person)[6]
    person[6] = np.nan
    assert loose.given(person).spread[6] > 3.9 > model().given(person).spread[6]


def test_a_moved_landmark_is_named_first() -> None:
    rng, first = np.random.default_rng(2), 0
    everyone = people(20, seed=3)
    for k, person in enumerate(everyone):
        way = rng.normal(size=3)
        person[k % 10] += 14 * way / np.linalg.norm(way)
        first += model().misplaced(person)[:1] == [k % 10]
    assert first >= 16
    assert sum(bool(model().misplaced(person)) for person in people(40, seed=4)) <= 1


def test_too_few_landmarks_doubt_nothing() -> None:
    few = np.full_like(MEAN, np.nan)
    few[:4] = MEAN[:4]
    assert np.isnan(model().doubt(few)).all()
    assert alarm(28) > alarm(5)

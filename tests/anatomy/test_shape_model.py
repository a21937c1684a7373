"""The Gaussian over landmarks and surface."""

from __future__ import annotations

import numpy as np

from napari_midl.methods.anatomy.evidence import Shapes
from napari_midl.methods.anatomy.shape_model import PLACEMENT, ShapeModel


def one_mode() -> ShapeModel:
    """Five landmarks of which all move along x together, 2 mm a standard deviation."""
    mean = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 10], [10, 10, 10]], float)
    mode = np.zeros((1, 5, 3))
    mode[..., 0] = 2.0
    return ShapeModel(mean, mode, mean[:2], mode[:, :2], np.zeros(5), np.full(2, 0.1))


def test_coefficients_are_the_posterior_of_a_linear_gaussian() -> None:
    model = one_mode()
    seen = np.full((5, 3), np.nan)
    seen[0] = [2.0, 0.0, 0.0]
    posterior = model.given(seen)
    # One coordinate of noise n**2 sees the coefficient with gain 2: by hand.
    precision = 1 + 4 / PLACEMENT**2
    np.testing.assert_allclose(posterior.covariance, [[1 / precision]])
    np.testing.assert_allclose(posterior.mean, [2 * 2 / PLACEMENT**2 / precision])


def test_missing_landmarks_are_expected_where_the_others_say_and_spread_more() -> None:
    model = one_mode()
    seen = model.mean_landmarks + np.array([4.0, 0, 0])
    seen[4] = np.nan
    expected, spread = model.landmarks(model.given(seen))
    # Four landmarks see the coefficient with gain 2 each; it goes 2 deviations, a little less.
    precision = 1 + 4 * 4 / PLACEMENT**2
    np.testing.assert_allclose(expected[4, 0], 10 + 2 * (precision - 1) / precision * 2)
    nothing = np.full((5, 3), np.nan)
    _, open_spread = model.landmarks(model.given(nothing))
    assert spread[4] < open_spread[4]
    np.testing.assert_allclose(open_spread, np.sqrt(4 / 3))


def test_fit_finds_the_modes_of_its_shapes() -> None:
    rng = np.random.default_rng(0)
    mean, modes = rng.normal(size=(30, 3)), rng.normal(size=(2, 30, 3))
    shapes = mean + np.tensordot(rng.normal(size=(200, 2)) * [3.0, 1.0], modes, 1)
    model = ShapeModel.fit(shapes[:, :6], shapes[:, 6:], 8)
    person = mean + 2.0 * modes[0] - modes[1]
    surface = model.surface(model.given(person[:6]).mean)
    assert np.abs(surface - person[6:]).max() < 0.3
    assert model.surface_rest.max() < 1e-5


def test_what_makes_two_meshes_differ_is_no_way_in_which_people_do() -> None:
    rng = np.random.default_rng(0)
    mean = rng.normal(0, 20, (40, 3))
    people, mesh = rng.normal(size=(2, 40, 3))
    origins = [0] * 10 + [10] * 10
    drawn = [
        mean + t * people + (origin == 10) * 5 * mesh
        for t, origin in zip(rng.normal(size=20), origins, strict=True)
    ]
    points = np.stack(drawn)
    model = Shapes(
        points[:, :8],
        points,
        points[:0],
        np.zeros((0, 3), np.int32),
        origins,
        [0, 10],
        np.arange(8),
        modes=1,
    ).people()
    way = model.surface_modes[0].ravel()
    along = abs(way @ people.ravel()) / np.linalg.norm(way) / np.linalg.norm(people)
    assert along > 0.999
    np.testing.assert_allclose(model.mean_surface, points.mean(0))

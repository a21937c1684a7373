"""Similarities and thin-plate splines."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from napari_midl.methods.anatomy.alignment import generalised_procrustes, similarity, thin_plate


def test_similarity_finds_scale_rotation_and_shift_from_the_points_that_both_have() -> None:
    points = np.random.default_rng(0).normal(size=(7, 3))
    turn = Rotation.from_euler("xyz", [20, -50, 130], degrees=True).as_matrix()
    target = 2.5 * points @ turn + np.array([1, 2, 3])
    source = points.copy()
    source[3] = np.nan
    found = similarity(source, target)
    np.testing.assert_allclose(found(points), target, atol=1e-9)
    np.testing.assert_allclose(found.back(target), points, atol=1e-9)
    assert found.scale == np.float64(found.scale)
    assert abs(found.scale - 2.5) < 1e-9


def test_similarity_mirrors_only_when_asked() -> None:
    points = np.random.default_rng(1).normal(size=(6, 3))
    mirror = points * [-1, 1, 1]
    assert np.abs(similarity(points, mirror)(points) - mirror).max() > 0.1
    np.testing.assert_allclose(similarity(points, mirror, mirrored=True)(points), mirror, atol=1e-9)


def test_generalised_procrustes_brings_moved_copies_onto_each_other() -> None:
    rng = np.random.default_rng(2)
    points = 10 * rng.normal(size=(8, 3))
    moved = np.stack(
        [points @ Rotation.random(random_state=k).as_matrix() + 5 * k for k in range(5)]
    )
    aligned, mean = generalised_procrustes(moved)
    np.testing.assert_allclose(aligned, np.broadcast_to(mean, aligned.shape), atol=1e-6)


def test_thin_plate_takes_each_point_to_its_target_and_keeps_affine_maps() -> None:
    source = np.random.default_rng(3).normal(size=(9, 3))
    target = source + np.random.default_rng(4).normal(size=(9, 3))
    np.testing.assert_allclose(thin_plate(source, target)(source), target, atol=1e-8)
    stretch = np.diag([1.0, 2.0, 0.5])
    elsewhere = np.array([[4.0, -3.0, 2.0]])
    np.testing.assert_allclose(
        thin_plate(source, source @ stretch)(elsewhere), elsewhere @ stretch, atol=1e-8
    )


def test_a_spline_through_one_place_twice_goes_to_the_mean():
    rng = np.random.default_rng(0)
    source = rng.normal(0, 10, (12, 3))
    target = source + rng.normal(0, 1, source.shape)
    twice = thin_plate(np.vstack([source, source[:1]]), np.vstack([target, target[:1] + 2]))
    once = thin_plate(source, np.vstack([target[:1] + 1, target[1:]]))
    places = rng.normal(0, 20, (50, 3))
    np.testing.assert_allclose(twice(places), once(places), atol=1e-6)

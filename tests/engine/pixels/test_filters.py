from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_midl.engine.pixels import filters

NUMBERS = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (6, 20, 24)).astype(np.float32))


@pytest.fixture
def point():
    image = torch.zeros(1, 9, 9)
    image[0, 4, 4] = 1
    return image


def test_smoothing_is_the_binomial_kernel_and_keeps_constants_and_sums(point):
    found = filters.smooth(point)[0].numpy()
    row = np.array([1, 4, 6, 4, 1]) / 16
    np.testing.assert_allclose(found[2:7, 2:7], np.outer(row, row), atol=1e-7)
    assert found.sum() == pytest.approx(1)
    constant = torch.full((2, 5, 7), 3.0)
    np.testing.assert_allclose(filters.smooth(constant), constant)


def test_smoothing_along_z_keeps_constants_and_sums_and_leaves_thick_slices_alone():
    column = torch.zeros(21, 1, 1)
    column[10] = 1
    found = filters.smooth_z(column, 2.0)[:, 0, 0].numpy()
    assert found.sum() == pytest.approx(1)
    spread = np.sqrt((found * (np.arange(21) - 10) ** 2).sum())
    assert spread == pytest.approx(2, abs=0.1)
    np.testing.assert_allclose(filters.smooth_z(torch.ones(3, 2, 2), 2.0), np.ones((3, 2, 2)), 1e-6)
    assert filters.reach_z(0.2) == 0
    assert torch.equal(filters.smooth_z(column, 0.2), column)


def test_pooling_takes_means_of_boxes():
    image = torch.arange(32.0).reshape(2, 4, 4)
    assert filters.pool(image, (1, 1, 1)) is image
    np.testing.assert_allclose(filters.pool(image, (1, 2, 2))[0], [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(filters.pool(image, (2, 4, 4)), [[[15.5]]])


def test_derivatives_of_a_parabola():
    y = torch.arange(8.0)[None, :, None].expand(2, 8, 3)
    inside = (slice(None), slice(1, -1))
    np.testing.assert_allclose(filters.slope(y * y, 1)[inside], 2 * y[inside])
    np.testing.assert_allclose(filters.curvature(y * y, 1)[inside], np.full((2, 6, 3), 2.0))
    assert not filters.slope(y, 0).any()
    before, after = filters.neighbours(y, 1, 2)
    assert before[0, :, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 5]
    assert after[0, :, 0].tolist() == [2, 3, 4, 5, 6, 7, 7, 7]


def test_eigenvalues_are_those_of_numpy():
    zz, yy, xx, zy, zx, yx = NUMBERS
    flat = torch.stack([yy, yx, yx, xx], -1).reshape(20, 24, 2, 2).numpy()
    found = torch.stack(filters.eigenvalues_2d(yy, xx, yx), -1)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(flat), atol=1e-5)
    full = torch.stack([zz, zy, zx, zy, yy, yx, zx, yx, xx], -1).reshape(20, 24, 3, 3).numpy()
    found = torch.stack(filters.eigenvalues_3d(zz, yy, xx, zy, zx, yx), -1)
    np.testing.assert_allclose(found, np.linalg.eigvalsh(full), atol=1e-4)


def test_eigenvalues_where_all_are_the_same():
    same, none = torch.full((2, 2), 5.0), torch.zeros(2, 2)
    for value in filters.eigenvalues_3d(same, same, same, none, none, none):
        np.testing.assert_allclose(value, same)


def test_the_greatest_around_is_of_nine_by_nine(point):
    wide = torch.nn.functional.pad(point, (6, 6, 6, 6))
    found = filters.greatest_around(wide)[0]
    assert found.sum() == 81 and found[6:15, 6:15].all()


def test_a_grid_twice_as_fine_has_its_voxels_a_quarter_apart():
    line = torch.tensor([[0.0, 4.0, 8.0]])
    twice = filters.doubled_planes(line[None])[0]
    # The voxels of the fine grid lie a quarter of a coarse one beside its middle.
    np.testing.assert_allclose(twice, [[0, 1, 3, 5, 7, 8]] * 2)
    np.testing.assert_allclose(filters.doubled_planes(line[None, None])[0, 0], twice)
    # Along an axis, what lies next to the ends serves the interpolation alone.
    np.testing.assert_allclose(filters.doubled(line, 1), [[3, 5]])

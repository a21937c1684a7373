from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.trees import synthetic_sample, synthetic_volume
from napari_midl.methods.vessels.score import dice


@pytest.mark.parametrize("seed", range(4))
def test_vessels_are_brighter_than_what_is_around_them_and_fill_little(seed):
    image, mask, voxel_size = synthetic_volume((24, 96, 96), np.random.default_rng(seed))
    assert image.shape == mask.shape == (24, 96, 96)
    assert 0 <= image.min() <= image.max() <= 1
    assert 0 < mask.mean() < 0.6
    assert voxel_size[1:] == (1.0, 1.0)


def test_the_same_seed_gives_the_same_volume():
    a, b = (synthetic_volume((8, 40, 40), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])


def test_the_sample_is_hard_for_a_threshold_but_not_hopeless():
    image, mask, _ = synthetic_sample((32, 96, 96))
    best = max(dice(image > level, mask) for level in range(20, 250, 10))
    assert 0.3 < best < 0.9

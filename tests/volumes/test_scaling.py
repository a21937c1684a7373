from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import Volume


def noise(shape=(16, 64, 64), seed=0):
    return np.random.default_rng(seed).normal(100, 10, shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(16, 64, 64), (2, 5, 5), (30, 30)])
def test_one_hot_pixel_dims_nothing(shape):
    clean = noise(shape)
    hot = clean.copy()
    hot.flat[7] = 1e6
    dead = clean.copy()
    dead.flat[7] = -1e6
    for array in (clean, hot, dead):
        scaled = robust_scaling(Volume.from_array(array))(clean)
        assert scaled.dtype == np.float32
        assert 0 <= scaled.min() < 0.05
        assert 0.95 < scaled.max() <= 1
        assert scaled.std() > 0.1


def test_not_a_number_is_ignored_and_becomes_zero():
    clean = noise()
    holes = clean.copy()
    holes[:4] = np.nan
    scaling = robust_scaling(Volume.from_array(holes))
    assert scaling.low == pytest.approx(robust_scaling(Volume.from_array(clean)).low, rel=0.05)
    assert (scaling(holes)[:4] == 0).all()
    assert scaling(np.array([np.inf, -np.inf])).tolist() == [1, 0]


def test_integers_keep_their_values():
    array = np.arange(1000, dtype=np.uint16).reshape(10, 10, 10)
    scaling = robust_scaling(Volume.from_array(array), percentiles=(0, 100))
    assert (scaling.low, scaling.high) == (0, 999)
    assert scaling(array).flat[-1] == 1


@pytest.mark.parametrize("chunks", [(64, 64, 64), (1, 2048, 2048)])
def test_large_volume_is_sampled_evenly_and_the_same_each_time(chunks):
    read = []

    def ramp(block_info=None):
        box = block_info[None]["array-location"]
        read.append(box)
        return np.broadcast_to(
            np.arange(*box[0], dtype=np.float32)[:, None, None], [b - a for a, b in box]
        )

    array = da.map_blocks(
        ramp,
        chunks=da.core.normalize_chunks(chunks, (2048, 2048, 2048)),
        dtype=np.float32,
        meta=np.empty((0, 0, 0), np.float32),
    )
    scaling = robust_scaling(Volume.from_array(array))
    assert len(read) < 16 * 8 + 1
    # A ramp over the whole depth is only seen by blocks that are spread through it.
    assert scaling.low < 250
    assert scaling.high > 1800
    assert robust_scaling(Volume.from_array(array)) == scaling


def test_sparse_image_is_scaled_by_its_range():
    array = np.zeros((10, 100, 100), np.uint8)
    array[0, 0, :5] = 7
    scaling = robust_scaling(Volume.from_array(array))
    assert (scaling.low, scaling.high) == (0, 7)


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((0, 5, 5)), "empty"),
        (np.full((3, 5, 5), np.nan), "NaN"),
        (np.full((3, 5, 5), 7), "7 everywhere"),
        (np.full((3, 5, 5), "a"), "intensities"),
    ],
)
def test_nothing_to_scale_is_said(array, word):
    with pytest.raises(InputError, match=f"stack .*{word}.*\\.$"):
        robust_scaling(Volume.from_array(array, name="stack"))

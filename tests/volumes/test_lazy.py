"""Lazy arrays against numpy: the same voxels for any index, and no more of them read."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.reading import Decoded, StoredArray

SHAPE = (4, 5, 6, 7)
STEPS = (None, 1, 2, 3, -1, -2, -5)
VOXELS = np.arange(np.prod(SHAPE), dtype=np.uint16).reshape(SHAPE)


class Counted(Lazy):
    """Voxels in memory; notes which boxes are read."""

    def __init__(self, array, chunks=None):
        super().__init__(array.shape, array.dtype, chunks)
        self.array, self.boxes = array, []

    def read(self, box):
        assert len(box) == self.ndim
        for part, n in zip(box, self.shape, strict=True):
            assert part.step is None and 0 <= part.start <= part.stop <= n
        self.boxes.append(box)
        return self.array[box]

    @property
    def voxels(self):
        return sum(np.prod([s.stop - s.start for s in box]) for box in self.boxes)


def any_index(rng, n):
    """A position or a range of an axis of `n` voxels, of the kinds that numpy knows."""
    kind = rng.integers(5)
    if kind == 0 and n:
        return int(rng.integers(-n, n))
    if kind == 1 and n:
        return np.int64(rng.integers(-n, n))
    if kind == 2:
        return slice(None)
    start, stop = (None if rng.random() < 0.3 else int(rng.integers(-n - 2, n + 3)) for _ in "ab")
    return slice(start, stop, STEPS[rng.integers(len(STEPS))])


def any_key(rng, shape):
    count = int(rng.integers(len(shape) + 1))
    if rng.random() < 0.5:  # the first axes alone
        key = [any_index(rng, n) for n in shape[:count]]
    else:
        last = int(rng.integers(count + 1))
        key = [
            *(any_index(rng, n) for n in shape[: count - last]),
            ...,
            *(any_index(rng, n) for n in shape[len(shape) - last :]),
        ]
    for _ in range(int(rng.integers(3))):
        key.insert(int(rng.integers(len(key) + 1)), None)
    return tuple(key)


def assert_same(lazy, expected):
    assert lazy.shape == expected.shape
    assert (lazy.ndim, lazy.size, lazy.dtype) == (expected.ndim, expected.size, expected.dtype)
    np.testing.assert_array_equal(np.asarray(lazy), expected)


@pytest.mark.parametrize("seed", range(20))
def test_indices_and_transposes_composed_are_those_of_numpy(seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        lazy, expected = Counted(VOXELS), VOXELS
        for _ in range(3):
            axes = rng.permutation(expected.ndim).tolist()
            key = any_key(rng, [expected.shape[axis] for axis in axes])
            lazy, expected = lazy.transpose(axes)[key], expected.transpose(axes)[key]
            assert_same(lazy, expected)
            if not expected.ndim:
                break


def test_every_transpose_of_a_transpose():
    for first, second in itertools.product(itertools.permutations(range(3)), repeat=2):
        lazy = Counted(VOXELS)[2].transpose(first)[:, 1:, ::-1].transpose(second)
        assert_same(lazy, VOXELS[2].transpose(first)[:, 1:, ::-1].transpose(second))


def test_nothing_is_read_before_the_voxels_are_wanted():
    stored = Counted(VOXELS)
    view = stored[1].transpose((2, 0, 1))[None, 3:, ..., ::2].map(lambda v: v + 1, np.uint16)
    assert stored.boxes == []
    np.testing.assert_array_equal(view, VOXELS[1].transpose(2, 0, 1)[None, 3:, ..., ::2] + 1)
    assert len(stored.boxes) == 1


def test_a_single_voxel_is_a_number():
    stored = Counted(VOXELS)
    voxel = stored[1, 2, 3, 4]
    assert isinstance(voxel, np.uint16) and voxel == VOXELS[1, 2, 3, 4]
    assert stored.voxels == 1


def test_a_plane_of_a_thousand_reads_its_own_chunks_alone():
    voxels = np.broadcast_to(np.arange(1000, dtype=np.uint16)[:, None, None], (1000, 64, 48))
    stored = Counted(voxels, (1, 64, 48))
    np.testing.assert_array_equal(stored[700], voxels[700])
    assert stored.voxels == 64 * 48
    stored.boxes.clear()
    turned = stored.transpose((2, 0, 1))[:, 999:989:-1, 10:20]
    assert turned.shape == (48, 10, 10) and turned.chunks == (48, 1, 10)
    np.testing.assert_array_equal(turned, voxels.transpose(2, 0, 1)[:, 999:989:-1, 10:20])
    assert stored.voxels == 10 * 10 * 48


def test_chunks_follow_the_axes():
    stored = Counted(VOXELS, (1, 2, 3, 100))
    assert stored.chunks == (1, 2, 3, 7)
    assert stored[0].transpose((2, 0, 1)).chunks == (7, 2, 3)
    assert stored[:, None, :1, 2].chunks == (1, 1, 1, 7)
    assert Counted(VOXELS).chunks == SHAPE


def test_planes_one_by_one():
    stored = Counted(VOXELS)
    for plane, expected in zip(stored[0], VOXELS[0], strict=True):
        np.testing.assert_array_equal(plane, expected)


@pytest.mark.parametrize("key", [4, (0, 0, 0, 0, 0), (slice(None), -6), (..., 7), (None, 4)])
def test_what_lies_outside_is_an_index_error(key):
    for array in (Counted(VOXELS), Counted(VOXELS).transpose((0, 1, 2, 3))):
        with pytest.raises(IndexError):
            array[key]


def test_other_indices_are_those_of_numpy_too():
    stored = Counted(VOXELS)
    np.testing.assert_array_equal(stored[[0, 2], 1], VOXELS[[0, 2], 1])
    np.testing.assert_array_equal(stored[VOXELS > 99], VOXELS[VOXELS > 99])


def test_a_copy_that_was_asked_for_is_one():
    voxels = VOXELS.copy()
    copied = np.array(Counted(voxels))
    copied[:] = 0
    assert voxels.any()
    assert np.asarray(Counted(voxels), np.float32).dtype == np.float32


def test_a_function_of_each_voxel_goes_with_its_view():
    squares = Counted(VOXELS).map(lambda v: v.astype(np.int64) ** 2, np.int64)
    assert squares.dtype == np.int64
    expected = VOXELS.astype(np.int64) ** 2
    assert_same(squares[2, :, ::-2].transpose((1, 0, 2)), expected[2, :, ::-2].transpose(1, 0, 2))
    whole = Counted(VOXELS).map(lambda v: v > 9, np.uint8)
    assert np.asarray(whole).dtype == np.uint8


@pytest.mark.parametrize("kind", ["numpy", "big-endian", "zarr", "dask", "in several chunks"])
def test_arrays_of_others_are_read_where_they_are_indexed(kind):
    array = {
        "numpy": VOXELS,
        "big-endian": VOXELS.astype(">u2"),
        "zarr": zarr.array(VOXELS, chunks=(1, 2, 3, 7)),
        "dask": da.from_array(VOXELS),
        "in several chunks": da.from_array(VOXELS, chunks=(1, 2, (1, 3, 2), 7)),
    }[kind]
    stored = StoredArray(array, "a")
    if kind in ("zarr", "in several chunks"):
        assert stored.chunks == (1, 2, 3, 7)
    turned = stored[1:, 2, ::-1].transpose((2, 0, 1))
    np.testing.assert_array_equal(turned, VOXELS[1:, 2, ::-1].transpose(2, 0, 1))
    assert np.asarray(turned).dtype == turned.dtype == VOXELS.dtype
    voxel = stored[1, 2, 3, 4]
    assert voxel == VOXELS[1, 2, 3, 4] and np.ndim(voxel) == 0


def test_what_is_decoded_whole_is_so_once_by_many_threads():
    decoded = []

    def decode():
        decoded.append(1)
        return VOXELS

    stored = Decoded(decode, SHAPE, VOXELS.dtype, "a")
    views = [stored[n % 4].transpose((1, 0, 2)) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        for n, read in enumerate(pool.map(np.asarray, views)):
            np.testing.assert_array_equal(read, VOXELS[n % 4].transpose(1, 0, 2))
    assert decoded == [1]


def test_what_failed_to_decode_is_tried_again():
    tries = []

    def decode():
        tries.append(1)
        if len(tries) == 1:
            raise OSError("away")
        return VOXELS

    stored = Decoded(decode, SHAPE, VOXELS.dtype, "slow.png")
    with pytest.raises(InputError, match=r"^slow\.png holds voxels"):
        np.asarray(stored)
    assert_same(stored[0], VOXELS[0])

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.growing import Channel, GrowingImage, Thresholded

WHOLE = (slice(None),) * 3


@pytest.fixture
def stored(tmp_path):
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    group.create_array("0", data=np.zeros((1, 4, 8, 8), np.uint8))
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "0"}]}]}
    return group


def test_what_is_noted_as_written_is_read_again(stored, tmp_path):
    image = GrowingImage(tmp_path / "a.ome.zarr", "prediction")
    (channel,) = image.channel(0)
    plane = channel[2, :, :]
    assert image.shape == (1, 4, 8, 8) and not np.any(plane)
    stored["0"][0, 2] = 7
    assert not np.any(plane)
    box = (slice(2, 3), slice(0, 4), slice(0, 8))
    assert image.note([box]) == [box]
    read = np.asarray(plane)
    assert (read[:4] == 7).all() and not read[4:].any()
    image.note(None)
    assert (np.asarray(plane) == 7).all()


def test_a_box_of_a_plane_has_no_slice(tmp_path):
    group = zarr.open_group(tmp_path / "b.ome.zarr", mode="w")
    group.create_array("0", data=np.zeros((3, 8, 8), np.uint8))
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "0"}]}]}
    image = GrowingImage(tmp_path / "b.ome.zarr", "stain")
    assert image.note([(slice(0, 1), slice(0, 4), slice(2, 8))]) == [(slice(0, 4), slice(2, 8))]


def test_what_is_no_image_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no prediction"):
        GrowingImage(tmp_path / "none", "prediction")


class Stored:
    """Stands in for a zarr array; notes how many voxels are read."""

    def __init__(self, array):
        self.array, self.read = array, 0
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key):
        block = np.array(self.array[key])
        self.read += block.size
        return block


@pytest.fixture
def counted():
    return Stored(np.random.default_rng(0).random((2, 6, 40, 50), np.float32))


def box(*pairs):
    return tuple(slice(*pair) for pair in pairs)


def test_labels_and_probability_of_a_plane_are_read_once(counted):
    channel = Channel(counted, 0)
    mask = Thresholded(channel, 0.5)
    key = (3, slice(0, 40), slice(None))
    np.testing.assert_array_equal(channel[key], counted.array[0, 3])
    for threshold in (0.5, 0.2):
        mask.threshold = threshold
        np.testing.assert_array_equal(mask[key], counted.array[0, 3] >= threshold)
    assert counted.read == 40 * 50
    assert mask.size == 6 * 40 * 50


@pytest.mark.parametrize("key", [(3, slice(5, 35), slice(8, 50)), (slice(1, 5), 12, slice(None))])
def test_only_what_was_written_in_view_is_read_again(counted, key):
    written = []
    channel = Channel(counted, 1, written)
    before = np.asarray(channel[key])
    counted.read = 0
    for part in (box((0, 4), (10, 20), (0, 20)), box((4, 6), (0, 10), (0, 50))):
        counted.array[(1, *part)] = 0.25
        written.append(part)
    np.testing.assert_array_equal(channel[key], counted.array[(1, *key)])
    assert 0 < counted.read < before.size / 2
    counted.read = 0
    np.asarray(channel[key])
    assert counted.read == 0


def test_other_ways_to_index_see_what_was_written_too(counted):
    written = []
    channel = Channel(counted, 0, written)
    key = (3, slice(None, None, 2), slice(None))
    np.asarray(channel[key])
    counted.array[0] = 0.25
    written.append(box((0, 6), (0, 40), (0, 50)))
    np.testing.assert_array_equal(channel[key], counted.array[(0, *key)])


def test_a_box_of_the_finest_level_is_found_in_a_coarser_one(counted):
    written = []
    channel = Channel(counted, 0, written, finest=(6, 79, 100))
    np.asarray(channel[WHOLE])
    counted.array[0, 0:3, 5:11, 20:25] = 0.25
    written.append(box((0, 3), (11, 21), (40, 50)))
    np.testing.assert_array_equal(channel[WHOLE], counted.array[0])


def test_what_is_written_while_a_thread_reads_is_not_lost(counted):
    written = []
    channel = Channel(counted, 0, written)
    key = (3, slice(None), slice(None))
    read = counted.array.copy

    class Slow(Stored):
        def __getitem__(self, at):
            block = super().__getitem__(at)
            self.array[0, 3, :4, :4] = 0.25
            written.append(box((0, 6), (0, 4), (0, 4)))
            type(self).__getitem__ = Stored.__getitem__
            return block

    slow = Slow(read())
    channel._array = slow
    assert np.any(np.asarray(channel[key]) != slow.array[0, 3])
    np.testing.assert_array_equal(channel[key], slow.array[0, 3])


def test_a_plane_of_the_columns_in_view_reads_that_plane_alone(counted):
    channel = Channel(counted, 0)
    mask = Thresholded(channel, 0.5)
    for array, expected in ((channel, counted.array[0]), (mask, counted.array[0] >= 0.5)):
        columns = array[(slice(None), slice(5, 30, 1), slice(8, 50, 1))]
        assert columns.shape == (6, 25, 42) and columns.dtype == array.dtype
        inside = columns[2:5]
        assert counted.read == (0 if array is channel else 25 * 42)
        np.testing.assert_array_equal(columns[(2, slice(None), slice(None))], expected[2, 5:30, 8:])
        assert counted.read == 25 * 42
        assert inside.shape == (3, 25, 42)
    np.testing.assert_array_equal(np.asarray(inside), expected[2:5, 5:30, 8:])
    np.testing.assert_array_equal(columns[-1], expected[-1, 5:30, 8:])
    np.testing.assert_array_equal(columns[[0, 2], 1], expected[[0, 2], 6, 8:])

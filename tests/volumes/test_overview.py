from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.overview import MOST_VOXELS, overview, standing_out
from napari_midl.volumes.volume import Volume


class Counted(Lazy):
    """An array that notes what is read of it, and holds the first index of each voxel."""

    def __init__(self, shape, chunks):
        super().__init__(shape, np.float32, chunks)
        self.boxes = []

    def read(self, box):
        self.boxes.append(box)
        first = np.arange(box[0].start, box[0].stop, dtype=np.float32)
        return np.broadcast_to(
            first.reshape(-1, *[1] * (self.ndim - 1)), [s.stop - s.start for s in box]
        )

    @property
    def voxels(self):
        return sum(math.prod(s.stop - s.start for s in box) for box in self.boxes)

    @property
    def chunk_reads(self):
        return sum(
            math.prod(
                (s.stop - 1) // c - s.start // c + 1 for s, c in zip(box, self.chunks, strict=True)
            )
            for box in self.boxes
        )


def volume(*levels, axes="ZYX"):
    space = Volume.from_array(np.zeros((1, 1, 1))).space
    return Volume(levels, tuple(axes), space, "counted")


@pytest.mark.parametrize(
    ("shape", "chunks"),
    [
        ((2048, 2048, 2048), (64, 64, 64)),
        ((2048, 2048, 2048), (128, 128, 128)),
        ((100_000, 512, 512), (1, 512, 512)),
        ((300, 8192, 8192), (1, 8192, 8192)),
        ((1, 30_000, 20_000), (1, 256, 256)),
        ((1, 30_000, 20_000), (1, 30_000, 20_000)),
    ],
)
def test_a_bounded_part_is_read_and_few_chunks_are_decoded(shape, chunks):
    array = Counted(shape, chunks)
    blocks = overview(volume(array))
    assert sum(block.size for block in blocks) == array.voxels <= MOST_VOXELS
    assert array.chunk_reads <= 64
    if shape[0] > 1:
        seen = np.unique(np.concatenate([block.ravel() for block in blocks]))
        # The whole depth, without a gap in which a quarter of it could hide.
        assert np.diff([0, *seen, shape[0] - 1]).max() < shape[0] / 4


def test_a_small_volume_is_read_whole_and_once():
    array = Counted((20, 30, 40), (1, 30, 40))
    (block,) = overview(volume(array))
    assert block.shape == (20, 30, 40) and array.voxels == block.size


def test_one_time_and_one_channel_are_read_at_once():
    array = Counted((50, 3, 40, 1024, 1024), (1, 1, 1, 1024, 1024))
    assert {block.shape[:3] for block in overview(volume(array, axes="TCZYX"))} == {(1, 1, 1)}


def test_what_stands_out_is_read_from_the_finest_level():
    finest = Counted((512, 1024, 1024), (64, 64, 64))
    coarse = np.zeros((128, 128, 128))
    places = [(100, 17, 90), (3, 120, 5)]
    for place in places:
        coarse[place] = 1000
    blocks = standing_out(volume(finest, Volume.from_array(coarse).data))
    assert finest.voxels == sum(block.size for block in blocks) < MOST_VOXELS
    for z, y, x in places:
        at = (4 * z + 2, 8 * y + 4, 8 * x + 4)
        assert any(
            all(part.start <= i < part.stop for i, part in zip(at, box, strict=True))
            for box in finest.boxes
        )


def test_nothing_stands_out_of_what_is_even_or_unknown():
    for value in (7.0, np.nan):
        level = Volume.from_array(np.full((8, 64, 64), value))
        assert standing_out(replace(level, levels=(level.data, level.data))) == []

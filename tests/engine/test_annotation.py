from __future__ import annotations

import math

import numpy as np
import pytest

from napari_midl.engine import annotation
from napari_midl.engine.annotation import Classes, PaintedVolume, hold_out_together
from napari_midl.engine.sampling import draw
from napari_midl.errors import InputError
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.scaling import Scaling

SHAPE = (20, 96, 96)
UNIT = Scaling(0.0, 1.0)
TWO = Classes("background", "vessel")
FOUR = Classes(
    "background", "axon", "myelin", "soma", sets={"not soma": ("background", "axon", "myelin")}
)


def painted(held_out: float = 0.0, **changes) -> PaintedVolume:
    labels = np.ones((1, 96, 96), np.uint8)
    labels[0, 40:44] = 2
    labels[0, :, 50:54] = 2
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    return PaintedVolume(image, UNIT, [Patch((8, 0, 0), labels, **changes)], TWO, held_out)


def test_held_out_blocks_are_never_drawn_and_hold_both_classes():
    volume = painted(0.3)
    assert volume.held_out
    whole = tuple(slice(0, n) for n in SHAPE)
    train, held = volume.labels(whole), volume.labels(whole, held_out=True)
    assert not ((train > 0) & (held > 0)).any()
    assert ((train > 0) | (held > 0)).sum() == 96 * 96
    assert set(np.unique(held)) == {0, 1, 2}


def test_time_points_hold_out_the_same_places():
    """What the one is scored on is hidden of the other, too, in which it looks the same."""
    first, second = painted(), painted()
    rest = Patch((8, 0, 0), second.patches[0].labels[:, :, 32:])
    second = PaintedVolume(second.image, UNIT, [rest], TWO)
    hold_out_together([first, second], 0.4, 0)
    assert first.held_out == second.held_out and len(first.held_out) > 1
    assert set(second.scored.scoring) <= set(first.scored.scoring)
    for volume in (first, second):
        assert set(volume.painted) == {1, 2}
        for points in volume.painted.values():
            assert not volume.is_held_out(points).any()
        assert volume.regions(volume.scored.scoring)  # of a block without paint there is none


def test_each_held_out_voxel_is_scored_once():
    volume = painted(0.4)
    assert len(volume.held_out) > 1
    count = np.zeros(SHAPE, int)
    for region, inner in volume.regions(volume.held_out):
        count[region][inner] += volume.labels(region, held_out=True)[inner] > 0
    held = volume.labels(tuple(slice(0, n) for n in SHAPE), held_out=True)
    np.testing.assert_array_equal(count, held > 0)


def test_patches_anywhere_are_read_back():
    patch = Patch((3, 10, 20), np.full((2, 5, 6), 2, np.uint8))
    other = Patch((3, 0, 0), np.full((1, 4, 4), 1, np.uint8))
    volume = PaintedVolume(np.zeros(SHAPE, np.float32), UNIT, [patch, other], TWO)
    labels = volume.labels((slice(0, 20), slice(0, 96), slice(0, 96)))
    assert (labels[3:5, 10:15, 20:26] == 2).all()
    assert (labels == 2).sum() == 60
    assert (labels == 1).sum() == 16


class Planes(Lazy):
    """Far too many voxels, each of one value but in one box; notes which boxes are read."""

    def __init__(self, shape, value, box=(slice(0, 0),) * 3, inside=0):
        super().__init__(shape, np.uint8)
        self.value, self.box, self.inside, self.boxes = value, box, inside, []

    def read(self, box):
        self.boxes.append(box)
        voxels = np.full([s.stop - s.start for s in box], self.value, np.uint8)
        grid = np.ogrid[box]
        within = [(g >= s.start) & (g < s.stop) for g, s in zip(grid, self.box, strict=True)]
        voxels[np.logical_and.reduce(np.broadcast_arrays(*within))] = self.inside
        return voxels


def test_a_lazy_image_too_large_for_the_memory_is_read_where_it_is_painted():
    image = Planes((2048,) * 3, 0)
    labels = np.array([[[1, 2]]], np.uint8)
    volume = PaintedVolume(image, UNIT, [Patch((100, 600, 600), labels)], TWO)
    draw(volume, (16, 64, 64), np.random.default_rng(0))
    assert image.boxes
    for box in image.boxes:
        assert [s.stop - s.start for s in box] == [16, 64, 64]
        assert all(s.start <= at < s.stop for s, at in zip(box, (100, 600, 600), strict=True))


def test_lazy_labels_too_large_for_the_memory_are_read_plane_by_plane(monkeypatch):
    monkeypatch.setattr(annotation, "_MOST_IN_MEMORY", 2**20)
    box = (slice(3, 5), slice(10, 20), slice(30, 40))
    stored = Planes((8, 512, 512), 0, box, 1)
    labels = stored.map(lambda read: read + 1, np.uint8)
    volume = PaintedVolume(np.zeros(stored.shape, bool), UNIT, [Patch((0, 0, 0), labels)], TWO)
    assert max(math.prod(s.stop - s.start for s in box) for box in stored.boxes) == 512 * 512
    assert len(volume.painted[2]) == 200
    assert np.all(volume.painted[2] >= (3, 10, 30)) and np.all(volume.painted[2] < (5, 20, 40))
    stored.boxes.clear()
    found = volume.labels((slice(4, 6), slice(8, 12), slice(35, 45)))
    assert (found[0, 2:, :5] == 2).all() and (found == 2).sum() == 10 and (found > 0).all()
    assert stored.boxes == [(slice(4, 6), slice(8, 12), slice(35, 45))]


def painted_flat(values, classes=FOUR, **changes) -> PaintedVolume:
    """A 2D image of 64 x 64 on which each value is a column of two pixels."""
    labels = np.zeros((64, 64), np.uint8)
    for place, value in enumerate(values):
        labels[:, 2 * place : 2 * place + 2] = value
    image = np.random.default_rng(0).random((64, 64), np.float32)
    return PaintedVolume(image, UNIT, [Patch((0, 0), labels, "p")], classes, **changes)


def test_2d_images_and_channels():
    image = np.random.default_rng(0).random((3, 70, 80), np.float32)
    labels = np.array([[1, 2], [0, 4]], np.uint8)
    volume = PaintedVolume(image, UNIT, [Patch((10, 20), labels)], FOUR, channels=True)
    assert volume.shape == (70, 80)
    box = (slice(9, 13), slice(19, 24))
    np.testing.assert_array_equal(volume.read(box), image[:, 9:13, 19:24])
    np.testing.assert_array_equal(volume.labels(box)[1:3, 1:3], labels)
    assert (volume.labels(box) > 0).sum() == 3
    np.testing.assert_array_equal(volume.painted[4], [[11, 21]])
    assert volume.missing == ("myelin",)


def test_held_out_blocks_of_several_classes_leave_half_of_each():
    values = [1, 2, 3, 255]
    volume = painted_flat(values, held_out=0.5)
    # Two blocks of 32 x 32 hold all four labels; one may go.
    assert len(volume.held_out) == 1
    whole = (slice(0, 64), slice(0, 64))
    for held in (False, True):
        labels = volume.labels(whole, held_out=held)
        assert [int((labels == value).sum()) for value in values] == [64] * 4
    assert all(len(points) == 64 for points in volume.painted.values())


def test_a_class_that_lies_in_one_block_only_is_not_held_out():
    labels = np.ones((64, 64), np.uint8)
    labels[:, ::2] = 2
    labels[0, 0] = 3
    for seed in range(8):
        volume = PaintedVolume(labels, UNIT, [Patch((0, 0), labels)], FOUR, 0.5, seed)
        assert len(volume.held_out) == 2
        assert len(volume.painted[3]) == 1


def test_nothing_painted_is_refused():
    with pytest.raises(InputError, match="The annotation holds no painted voxel"):
        PaintedVolume(np.zeros(SHAPE), UNIT, [], TWO)
    with pytest.raises(InputError, match="p holds no painted voxel"):
        painted_flat([0])


@pytest.mark.parametrize(("value", "missing"), [(2, r"background \(1\)"), (1, r"vessel \(2\)")])
def test_one_class_only_is_refused_and_the_other_named(value, missing):
    patch = Patch((0, 0, 0), np.full((1, 4, 4), value, np.uint8))
    with pytest.raises(InputError, match=f"holds no voxel labelled {missing}; paint some of both"):
        PaintedVolume(np.zeros(SHAPE), UNIT, [patch], TWO)


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ([2], r"background \(1\) or myelin \(3\) or soma \(4\); paint some of at least two"),
        ([2, 255], r"background \(1\) or myelin \(3\) or soma \(4\)"),
        ([255], r"labelled soma \(4\)"),
    ],
)
def test_paint_that_may_all_be_one_class_is_refused(values, missing):
    with pytest.raises(InputError, match=missing):
        painted_flat(values)


def test_a_class_and_what_is_not_it_are_enough():
    assert set(painted_flat([4, 255]).painted) == {4, 255}


@pytest.mark.parametrize("value", [5, 254])
def test_an_unknown_label_is_named(value):
    with pytest.raises(InputError, match=f"p holds the label {value}; use 0 unlabelled, 1 backg"):
        painted_flat([1, 2, value])


def test_labels_beyond_the_image_are_refused():
    patch = Patch((19, 0, 0), np.ones((2, 4, 4), np.uint8))
    with pytest.raises(InputError, match="beyond the image"):
        PaintedVolume(np.zeros(SHAPE), UNIT, [patch], TWO)

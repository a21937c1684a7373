from __future__ import annotations

import math

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.engine.uncertainty import binary_entropy
from napari_midl.engine.unsure import MOST_VOXELS, unsure_boxes
from napari_midl.volumes.lazy import Lazy


class Level(Lazy):
    """Probability 0, and 0.5 in a box of the finest level; counts what is read."""

    def __init__(self, finest, factors, unsure):
        super().__init__([n // f for n, f in zip(finest, factors, strict=True)], np.float32)
        self.unsure = [
            slice(s.start // f, -(-s.stop // f)) for s, f in zip(unsure, factors, strict=True)
        ]
        self.voxels = 0

    def read(self, box):
        self.voxels += math.prod(s.stop - s.start for s in box)
        inside = [
            (np.arange(b.start, b.stop) >= u.start) & (np.arange(b.start, b.stop) < u.stop)
            for b, u in zip(box, self.unsure, strict=True)
        ]
        both = inside[0][:, None, None] & inside[1][:, None] & inside[2]
        return np.where(both, 0.5, 0).astype(np.float32)


def overlap(a, b):
    return all(x.start < y.stop and y.start < x.stop for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("shape", "factors"),
    [
        ((20, 200, 300), [(1, 1, 1)]),
        ((512, 2048, 2048), [(1, 1, 1), (1, 2, 2), (2, 4, 4), (4, 8, 8)]),
        ((1024, 16384, 16384), [(1, 1, 1), (1, 2, 2), (1, 4, 4), (1, 8, 8), (4, 64, 64)]),
    ],
)
def test_the_place_is_found_at_any_size_at_a_bounded_cost(shape, factors):
    unsure = (slice(8, 12), slice(130, 194), slice(66, 130))
    levels = [Level(shape, f, unsure) for f in factors]
    found = run(unsure_boxes(levels, binary_entropy, (1, 64, 64), most=8))
    assert overlap(found[0], unsure)
    assert [s.stop - s.start for s in found[0]] == [1, 64, 64]
    assert sum(level.voxels for level in levels) <= MOST_VOXELS
    for index, box in enumerate(found):
        assert not any(overlap(box, other) for other in found[:index])


def test_what_is_sure_everywhere_has_no_place():
    level = Level((4, 100, 100), (1, 1, 1), (slice(0, 0),) * 3)
    assert run(unsure_boxes([level], binary_entropy, (1, 32, 32))) == []


def test_an_image_smaller_than_a_place_is_one():
    level = Level((2, 20, 30), (1, 1, 1), (slice(1, 2), slice(0, 9), slice(0, 9)))
    (first, *_) = run(unsure_boxes([level], binary_entropy, (1, 64, 64)))
    assert first == (slice(1, 2), slice(0, 20), slice(0, 30))

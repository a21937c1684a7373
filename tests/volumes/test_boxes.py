"""Boxes of voxels, and the cells into which a volume is cut."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.volumes.boxes import cell_of, cells_in, common, holds, hull, seen_from

BOX = (slice(1, 3), slice(4, 9))


@pytest.mark.parametrize("shape", [(5, 70, 33), (1, 1, 1), (9, 64, 128), (4, 65, 7)])
def test_cells_cover_each_voxel_once_and_are_no_larger_than_asked(shape):
    most = (4, 64, 32)
    covered = np.zeros(shape, int)
    for cell in cells_in(tuple(slice(0, n) for n in shape), shape, most):
        covered[cell] += 1
        assert all(0 < s.stop - s.start <= n for s, n in zip(cell, most, strict=True))
        assert cell_of([s.stop - 1 for s in cell], shape, most) == cell
    assert (covered == 1).all()


def test_cells_in_a_box_are_those_that_it_reaches():
    cells = cells_in((slice(0, 1), slice(60, 66)), (8, 128), (4, 64))
    assert cells == [(slice(0, 4), slice(0, 64)), (slice(0, 4), slice(64, 128))]


def test_what_two_boxes_have_in_common():
    assert common(BOX, (slice(2, 9), slice(0, 5))) == (slice(2, 3), slice(4, 5))
    assert common(BOX, (slice(3, 9), slice(0, 5))) is None
    assert hull([BOX, (slice(5, 6), slice(2, 3))]) == (slice(1, 6), slice(2, 9))
    assert seen_from(BOX, (1, 2)) == (slice(0, 2), slice(2, 7))
    assert holds(BOX, (2, 8)) and not holds(BOX, (2, 9))

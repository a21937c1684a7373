"""Cutting and joining traces."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_midl.methods.axons.edits import continued, cut, joined, nearest


def _xs(trace):
    return trace.points[:, 2].tolist()


@pytest.mark.parametrize(
    ("at", "other", "kept"),
    [
        (7, False, list(range(8))),
        (7, True, [10, 9, 8, 7]),
        (2, False, [10, 9, 8, 7, 6, 5, 4, 3, 2]),
        (2, True, [0, 1, 2]),
        (0, False, list(range(10, -1, -1))),
        (0, True, [0]),
    ],
)
def test_a_cut_keeps_the_longer_part_up_to_the_cut(line, at, other, kept):
    part = cut(line(range(11), unsure=[x / 10 for x in range(11)]), at, other)
    assert _xs(part) == kept
    assert part.uncertainty.tolist() == pytest.approx([x / 10 for x in kept])
    assert part.placed_by == "person" and part.why == "cut"


def test_the_nearest_point_is_measured_in_the_lengths_of_the_image(line):
    index, distance = nearest(line(range(11)), (1, 0, 3.4), voxel_size=(5, 1, 1))
    assert index == 3
    assert distance == pytest.approx((25 + 0.4**2) ** 0.5)


def test_a_trace_goes_on_under_its_own_name(line):
    whole = continued(line([0, 1], "head"), line([2, 3], "found", [0.5, 0.6], why="border"))
    assert whole.path == "head" and whole.why == "border"
    assert _xs(whole) == [0, 1, 2, 3]
    assert whole.uncertainty.tolist() == [0, 0, 0.5, 0.6]


@pytest.mark.parametrize("other", [[3, 4, 5], [5, 4, 3]])
@pytest.mark.parametrize("one", [[0, 1, 2], [2, 1, 0]])
def test_a_join_ties_the_nearest_ends(line, one, other):
    whole = joined(line(one, "one"), line(other, "other"), (1, 1, 1))
    assert _xs(whole) in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0])
    assert whole.path == "one" and whole.placed_by == "person"


def test_a_join_of_what_is_told_and_what_is_not_keeps_both(line):
    untold = line([2, 1, 0], "one", [math.nan] * 3)
    whole = joined(untold, line([7, 6], "other", [0.1, 0.2]), (1, 1, 1))
    assert _xs(whole) == [0, 1, 2, 4, 6, 7]
    # Nothing is sure of the straight line between them.
    np.testing.assert_array_equal(whole.uncertainty, [math.nan] * 3 + [1, 0.2, 0.1])
    assert not whole.is_told and whole.mean_uncertainty == pytest.approx(1.3 / 3)
    part = cut(whole, 3, other=True)
    assert part.uncertainty.tolist() == [0.1, 0.2, 1] and part.is_told


def test_a_trace_that_is_turned_says_why_its_ends_lie_where_they_do(line):
    whole = joined(line([2, 1, 0], "one"), line([5, 4, 3], why="lost / border"), (1, 1, 1))
    assert _xs(whole) == [0, 1, 2, 3, 4, 5]
    assert whole.why == "border / lost"

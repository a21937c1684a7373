"""Which trace lies at a place, what of a trace is new, and which follow the same fibre."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.overlaps import Traced, same_fibres, traced_at
from napari_midl.volumes.traces import Link, Trace

PX = (1.0, 1.0, 1.0)


def test_the_nearest_trace_within_reach_is_found(line):
    low, high = line(range(0, 100, 20), "low"), line(range(0, 50, 10), "high")
    shifted = Entry(high)
    assert traced_at([low], (0, 2, 33)) is low
    assert traced_at([low], (0, 4, 33)) is None
    assert traced_at([low, shifted], (0, 1, 95)) is None
    assert traced_at([shifted], (0, 1, 5)) is shifted
    assert traced_at([], (0, 0, 0)) is None
    # Two slices of 5 px each are further than 3 px.
    assert traced_at([low], (2, 0, 33), 3, (5, 1, 1)) is None
    assert traced_at([low], (2, 0, 33), 11, (5, 1, 1)) is low


def test_the_same_way_again_is_nothing_new(line):
    traced = Traced(PX, [line(range(0, 100, 3), "old")])
    assert traced.take(line(range(90, 5, -2), "again"), 3) == []


def test_a_crossing_is_no_overlap(line):
    traced = Traced(PX, [line(range(0, 100, 2), "old")])
    points = np.stack([np.zeros(60), np.arange(-30.0, 30.0), np.full(60, 50.0)], 1)
    across = line(range(60), "across")
    across = type(across)("across", points, np.zeros(60))
    assert traced.take(across, 3) == [across]


def test_what_leaves_a_trace_begins_where_it_does(line):
    traced = Traced(PX, [line(range(0, 100, 2), "old")])
    xs = np.arange(100.0)
    ys = np.where(xs > 60, xs - 60, 0.0)
    branch = type(line([0]))("new", np.stack([0 * xs, ys, xs], 1), np.linspace(0, 1, 100))
    (new,) = traced.take(branch, 3)
    assert new.parent == Link("old", int(new.points[0, 2] / 2))
    assert 58 < new.points[0, 2] < 68 and new.points[-1, 2] == 99
    (turned,) = Traced(PX, [line(range(0, 100, 2))]).take(
        type(branch)("new", branch.points[::-1], branch.uncertainty[::-1]), 3
    )
    np.testing.assert_array_equal(turned.points, new.points)
    np.testing.assert_array_equal(turned.uncertainty, new.uncertainty)


def across(name, rows):
    """A trace along y at x = 50."""
    points = np.stack([0.0 * rows, rows, np.full(len(rows), 50.0)], 1)
    return Trace(name, points, np.zeros(len(rows)))


def test_what_ends_just_before_a_trace_grows_from_it_in_doubt(line):
    for rows in (np.arange(5.0, 60, 2), np.arange(60.0, 4, -2), np.arange(-4.0, 60, 2)):
        traced = Traced(PX, [line(range(0, 100, 2), "trunk")])
        (twig,) = traced.take(across("twig", rows), 3)
        assert twig.parent == Link("trunk", 25)
        assert twig.points[0].tolist() == [0, 0, 50] and twig.points[-1, 1] > 55
        assert twig.uncertainty[0] > 0.5 and not twig.uncertainty[1:].any()


def test_what_ends_far_from_a_trace_or_beside_it_does_not_grow_from_it(line):
    traced = Traced(PX, [line(range(0, 100, 2), "trunk")])
    far = across("far", np.arange(12.0, 60, 2))
    beside = replace(
        line(range(20, 80, 2), "beside"), points=np.add(line(range(20, 80, 2)).points, (0, 5, 0))
    )
    assert traced.take(far, 3) == [far]
    assert traced.take(beside, 3) == [beside]


def test_what_was_drawn_from_a_trace_or_to_it_is_its_branch(line):
    traced = Traced(PX, [line(range(0, 100, 2), "trunk")])
    for rows in (np.arange(2.0, 60, 2), np.arange(60.0, 1, -2)):
        drawn = traced.branch(across("drawn", rows), 6)
        assert drawn.parent == Link("trunk", 25)
        assert drawn.points[0].tolist() == [0, 0, 50] and drawn.points[-1, 1] > 55
        assert not drawn.uncertainty.any()
    free = across("free", np.arange(8.0, 60, 2))
    assert traced.branch(free, 6) is free


def test_what_grows_from_a_trace_of_which_nothing_is_told_is_told_but_for_its_root(line):
    trunk = line(range(0, 100, 2), "trunk", [np.nan] * 50)
    (guessed,) = Traced(PX, [trunk]).take(across("twig", np.arange(5.0, 60, 2)), 3)
    assert guessed.uncertainty[0] > 0.5 and guessed.is_told
    drawn = Traced(PX, [trunk]).branch(across("drawn", np.arange(2.0, 60, 2)), 6)
    assert np.isnan(drawn.uncertainty).tolist() == [True] + [False] * 29
    assert drawn.is_told, "its root is the trunk's"


def test_both_ends_beyond_a_trace_are_new_the_longer_first(line):
    traced = Traced(PX, [line(range(40, 70, 2), "old")])
    longer, shorter = traced.take(line(range(100), "new"), 3)
    assert len(longer.points) > len(shorter.points) > 20
    # Each grows from an end of the trace and runs away from it.
    assert longer.points[0].tolist() == [0, 0, 40] and longer.parent == Link("old", 0)
    assert shorter.points[0].tolist() == [0, 0, 68] and shorter.parent == Link("old", 14)


def test_traces_of_one_fibre_are_grouped_also_by_a_third(line):
    left, right = line(range(0, 60), "left"), line(range(40, 120), "right")
    end, other = line(range(100, 200), "end"), line(range(300, 400), "other")
    assert same_fibres([left, other, end, right], PX) == [[0, 2, 3], [1]]


def test_traces_of_one_tree_are_grouped_also_where_their_parent_is_not_among_them(line):
    trunk, other = line(range(0, 60), "trunk"), line(range(300, 400), "other")
    near, far = (
        replace(line(at, "twig"), parent=Link("trunk", 3))
        for at in (range(100, 160), range(200, 260))
    )
    assert same_fibres([near, other, far], PX) == [[0, 2], [1]]
    assert same_fibres([other, trunk, far], PX) == [[0], [1, 2]]

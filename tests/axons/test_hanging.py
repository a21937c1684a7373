"""What a correction does to the tree that the trace is part of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.requests import correction
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.words import MET
from napari_midl.volumes.traces import Link, Trace


def _trace(name, ends, parent=None, why=""):
    """Points one pixel apart between two places ``(y, x)``, on a fibre two pixels across."""
    (y, x), (v, u) = ends
    count = max(abs(v - y), abs(u - x)) + 1
    points = np.stack([np.zeros(count), np.linspace(y, v, count), np.linspace(x, u, count)], 1)
    radius = np.ones(count)
    return Trace(name, points, np.zeros(count), parent=parent, why=why, radius=radius)


@pytest.fixture
def tree():
    """A stem along x, a branch up at x 10 and one of that, and one down at x 40."""
    traces = [
        _trace("stem", ((0, 0), (0, 60))),
        _trace("up", ((0, 10), (30, 10)), Link("stem", 10)),
        _trace("side", ((15, 10), (15, 30)), Link("up", 15)),
        _trace("down", ((0, 40), (-30, 40)), Link("stem", 40)),
    ]
    return TraceList([Entry(trace, accepted=True) for trace in traces])


def _correct(traces, name, place, found, shift=False):
    traces.select(entry for entry in traces.entries if entry.name == name)
    traces.enter([correction(traces, place, shift)], [found])
    return _by_name(traces)


def _by_name(traces):
    """The entries by their names; each begins at the point that it grows from."""
    entries = {entry.name: entry for entry in traces.entries}
    for entry in traces.entries:
        if link := entry.trace.parent:
            there = entries[link.path].trace.points[link.index]
            np.testing.assert_array_equal(entry.trace.points[0], there)
    return entries


@pytest.mark.parametrize(("aside", "accepted"), [(2, True), (6, False)])
def test_branches_of_what_is_gone_are_hung_on_the_new_part(tree, aside, accepted):
    """One that is tied over more than a fibre's width is to be looked at again."""
    before = tree.entries
    now = _correct(tree, "stem", (0, aside, 20), _trace("stem", ((aside, 20), (aside, 60))))
    stem, down = now["stem"].trace, now["down"]
    assert stem.parent is None and stem.points[0].tolist() == [0, 0, 0], "the root is the root"
    assert down.trace.parent.path == "stem" and down.trace.points[0].tolist() == [0, aside, 40]
    assert down.trace.points[1:].tolist() == before[3].trace.points[1:].tolist()
    assert down.accepted is accepted and (down.trace.uncertainty[0] > 0.5) is not accepted
    assert now["up"].trace.parent == Link("stem", 10) and now["up"].accepted
    tree.undo()
    assert tree.entries == before, "in one step"


@pytest.mark.parametrize(("aside", "accepted"), [(2, True), (6, False)])
def test_a_tie_to_what_has_no_doubt_told_is_no_decision_of_its_own(tree, aside, accepted):
    found = _trace("stem", ((aside, 20), (aside, 60)))
    untold = replace(found, uncertainty=np.full(len(found.points), np.nan))
    down = _correct(tree, "stem", (0, aside, 20), untold)["down"]
    assert down.trace.parent.path == "stem" and down.accepted is accepted
    assert np.isnan(down.trace.uncertainty[0]) == accepted


def test_a_branch_far_from_the_new_part_is_a_tree_of_its_own(tree):
    now = _correct(tree, "stem", (0, 5, 20), _trace("stem", ((5, 20), (60, 20))))
    assert now["down"].trace.parent is None and now["up"].trace.parent == Link("stem", 10)


def test_with_shift_the_stem_is_followed_anew_and_is_the_stem_still(tree):
    now = _correct(tree, "stem", (0, 4, 20), _trace("stem", ((4, 20), (4, -5))), shift=True)
    stem, up = now["stem"].trace, now["up"].trace
    assert stem.points[[0, -1]].tolist() == [[0, 4, -5], [0, 0, 60]]
    assert up.parent.path == "stem" and up.points[0].tolist() == [0, 4, 10]
    assert now["side"].trace.parent == Link("up", 15)
    assert now["down"].trace.parent.path == "stem"


def test_with_shift_a_branch_is_hung_on_the_fibre_that_it_meets(tree):
    found = _trace("up", ((14, 7), (3, 7)), why=MET)
    now = _correct(tree, "up", (0, 14, 7), found, shift=True)
    up = now["up"].trace
    assert up.parent == Link("stem", 7) and up.points[-1].tolist() == [0, 30, 10]
    assert now["side"].trace.parent.path == "up"


def test_a_branch_is_not_hung_on_what_grows_from_it(tree):
    found = _trace("up", ((14, 13), (14, 20)), why=MET)
    now = _correct(tree, "up", (0, 14, 13), found, shift=True)
    assert now["up"].trace.parent is None
    assert now["side"].trace.parent.path == "up"


def test_gaps_are_told_in_the_lengths_of_the_image(tree):
    """Two slices that lie nine pixels apart are too far."""
    found = _trace("stem", ((0, 20), (0, 60)))
    found = replace(found, points=found.points + np.array([2, 0, 0]))
    for thickness, parent in ((1, "stem"), (9, None)):
        traces = TraceList(tree.entries, voxel_size=(thickness, 1, 1))
        link = _correct(traces, "stem", (2, 0, 20), found)["down"].trace.parent
        assert (link and link.path) == parent

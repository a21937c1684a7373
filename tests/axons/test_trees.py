"""What a change of one trace means for those that grow from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.axons.edits import LongBridge, tie
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.store import read_entries, write_entries
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.trees import rooted
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Link, Trace, read_traces, write_traces


def _trace(name, ends, parent=None):
    """A straight trace of points one pixel apart between two places ``(y, x)``."""
    (y, x), (v, u) = ends
    count = max(abs(v - y), abs(u - x)) + 1
    points = np.stack([np.zeros(count), np.linspace(y, v, count), np.linspace(x, u, count)], 1)
    return Trace(name, points, np.zeros(count), parent=parent, radius=np.arange(1.0, count + 1))


def _tree():
    """A stem along x, a branch up at x 10, one of that at y 5, and one down at x 20."""
    return [
        _trace("stem", ((0, 0), (0, 30))),
        _trace("up", ((0, 10), (10, 10)), Link("stem", 10)),
        _trace("side", ((5, 10), (5, 20)), Link("up", 5)),
        _trace("down", ((0, 20), (-10, 20)), Link("stem", 20)),
    ]


@pytest.fixture
def tree():
    return TraceList([Entry(trace, accepted=True) for trace in _tree()])


def _links(traces):
    """What each trace grows from; its first point must lie there."""
    traces = [getattr(trace, "trace", trace) for trace in traces]
    by_name = {trace.path: trace for trace in traces}
    for trace in traces:
        if trace.parent:
            there = by_name[trace.parent.path].points[trace.parent.index]
            assert trace.points[0].tolist() == there.tolist()
    return {t.path: (t.parent.path, t.parent.index) if t.parent else None for t in traces}


WHOLE = {"stem": None, "up": ("stem", 10), "side": ("up", 5), "down": ("stem", 20)}


def _choose(traces, *names):
    traces.select(entry for entry in traces.entries if entry.name in names)


def test_what_grew_from_a_deleted_trace_begins_trees_of_its_own_and_undo_links_it_again(tree):
    _choose(tree, "stem")
    tree.reject()
    assert _links(tree.entries) == {"up": None, "side": ("up", 5), "down": None}
    tree.undo()
    assert _links(tree.entries) == WHOLE


def test_branches_stay_on_the_part_of_a_cut_trace_that_is_kept(tree):
    _choose(tree, "stem")
    tree.cut((0, 0, 18))
    assert _links(tree.entries) == {**WHOLE, "down": None}
    tree.undo()
    _choose(tree, "stem")
    tree.cut((0, 0, 12))
    # The longer part is kept from its other end.
    assert _links(tree.entries) == {**WHOLE, "up": None, "down": ("stem", 10)}


def test_a_cut_off_branch_keeps_its_parent_unless_it_is_the_tip_that_is_kept(tree):
    _choose(tree, "up")
    tree.cut((0, 7, 10))
    assert _links(tree.entries) == WHOLE
    tree.undo()
    _choose(tree, "up")
    tree.cut((0, 4, 10))
    assert _links(tree.entries) == {**WHOLE, "up": None, "side": ("up", 5)}


def test_a_split_trace_hands_its_branches_to_the_part_they_sit_on(tree):
    tree.split(tree.entries[0], 15)
    assert _links(tree.entries) == {**WHOLE, "trace 1": None, "down": ("trace 1", 5)}
    assert [len(entry.trace.points) for entry in tree.entries[:2]] == [15, 16]
    assert all(entry.accepted for entry in tree.entries)
    with pytest.raises(InputError, match="between its ends"):
        tree.split(tree.entries[0], 0)


def test_renaming_keeps_the_branches(tree):
    tree.rename(tree.entries[0], "trunk")
    assert _links(tree.entries) == {
        "trunk": None,
        "up": ("trunk", 10),
        "side": ("up", 5),
        "down": ("trunk", 20),
    }


def test_joining_keeps_the_branches_of_both_and_the_parent(tree):
    other = [_trace("far", ((12, 10), (30, 10))), _trace("twig", ((20, 10), (20, 0)))]
    tree.add([other[0], replace(other[1], parent=Link("far", 8))])
    _choose(tree, "up", "far")
    tree.join()
    assert _links(tree.entries) == {**WHOLE, "twig": ("up", 19)}
    (joined,) = tree.selected
    assert joined.trace.radius[[10, 11]].tolist() == [11, 1]


def test_a_trace_with_a_parent_goes_first_when_joined_to_one_without(tree):
    tree.add([_trace("far", ((12, 10), (30, 10)))])
    _choose(tree, "far", "up")
    one, other = tree.selected
    assert one.name == "up" and other.name == "far"
    tree.join()
    assert tree.selected[0].trace.points[:, 1].tolist() == [*range(11), *range(12, 31)]


def test_two_trees_are_joined_at_tips_that_both_grow_from_others(tree):
    tree.add([_trace("stem 2", ((20, 0), (20, 30)))])
    tree.add([_trace("up 2", ((20, 10), (12, 10)), Link("stem 2", 10))])
    _choose(tree, "up", "up 2")
    tree.join()
    links = _links(tree.entries)
    assert links["up"] == ("stem", 10) and links["side"] == ("up", 5)
    assert links["stem 2"] == ("up", 19) == links["stem 2 (2)"]
    (joined,) = tree.selected
    assert joined.trace.points[:, 1].tolist() == [*range(11), *range(12, 21)]
    tree.undo()
    assert _links(tree.entries)["up 2"] == ("stem 2", 10)


def test_a_tree_is_not_closed_to_a_loop(tree):
    _choose(tree, "side", "down")
    with pytest.raises(InputError, match="parts of one tree"):
        tree.join()
    assert not tree.history.can_undo


def test_a_branch_at_the_end_of_its_parent_is_joined_to_it(tree):
    tree.add([_trace("on", ((0, 30), (0, 40)), Link("stem", 30))])
    tree.add([_trace("tip", ((0, 35), (6, 35)), Link("on", 5))])
    _choose(tree, "stem", "on")
    tree.join()
    assert _links(tree.entries) == {**WHOLE, "tip": ("stem", 35)}
    assert len(tree.selected[0].trace.points) == 41


def test_a_long_straight_bridge_is_asked_about_and_doubtful(line):
    traces = TraceList([Entry(line(range(5), "a")), Entry(line(range(44, 50), "b"))], (1, 0.5, 0.5))
    assert tie(*(e.trace for e in traces.entries), (1, 0.5, 0.5)).gap == 40.0
    traces.select(traces.entries)
    with pytest.raises(LongBridge, match="40 px apart"):
        traces.join()
    assert traces.to_join().ends == ((0, 0, 4), (0, 0, 44))
    traces.join(straight=True)
    (whole,) = traces.selected
    unsure = whole.trace.uncertainty
    assert whole.trace.points[:, 2].tolist() == [*range(5), *range(6, 44, 2), *range(44, 50)]
    assert (unsure[5:-6] == 1).all() and not unsure[:5].any() and not unsure[-6:].any()
    traces.undo()
    traces.select(traces.entries)
    traces.join(bridge=line([44, 30, 20, 10, 4], "found", [0, 0.1, 0.2, 0.3, 0]))
    (whole,) = traces.selected
    assert whole.trace.points[4:9, 2].tolist() == [4, 10, 20, 30, 44]
    assert whole.trace.uncertainty[5:8].tolist() == [0.3, 0.2, 0.1]


def test_wide_fibres_may_have_longer_gaps(line):
    one, other = line(range(5), "a"), line(range(25, 30), "b")
    wide = replace(one, radius=np.full(5, 4.0))
    traces = TraceList([Entry(wide), Entry(other)])
    traces.select(traces.entries)
    traces.join()
    assert len(traces.entries) == 1


def _edges(traces, tmp_path):
    """Which places of a tree are neighbours, and its roots, as they are written."""
    path = tmp_path / "tree.swc"
    write_traces(path, traces, Space())
    text = [row.split() for row in path.read_text().splitlines() if row[0] != "#"]
    place = {row[0]: (float(row[2]), float(row[3])) for row in text}
    edges = {frozenset((place[r[0]], place[r[6]])) for r in text if r[6] != "-1"}
    return edges, [place[row[0]] for row in text if row[6] == "-1"]


@pytest.mark.parametrize(
    ("at", "root"),
    [
        (Link("side", 10), (20, 5)),
        (Link("side", 0), (10, 5)),
        (Link("up", 10), (10, 10)),
        (Link("up", 3), (10, 3)),
        (Link("stem", 25), (25, 0)),
        (Link("stem", 30), (30, 0)),
        (Link("stem", 0), (0, 0)),
    ],
)
def test_a_tree_that_begins_elsewhere_is_the_same_tree(at, root, tmp_path):
    before, _ = _edges(_tree(), tmp_path)
    after = rooted(_tree(), at)
    _links(after)
    edges, roots = _edges(after, tmp_path)
    assert edges == before and roots == [root]


def test_a_soma_is_where_the_trees_begin_that_come_into_it(tree, tmp_path):
    tree.add([_trace("other", ((2, 31), (20, 31)))])
    tree.add_soma((0, 0, 31), radius=4.0)
    links = _links([e for e in tree.entries if e.trace.parent is None])
    assert list(links) == ["soma 1"]
    tree.undo()
    assert _links(tree.entries) == {**WHOLE, "other": None}
    tree.redo()
    path = tmp_path / "neuron.swc"
    write_traces(path, [entry.trace for entry in tree.entries], Space())
    back = read_traces(path, Space())
    assert [trace.path for trace in back if trace.is_soma] == [back[0].path]
    assert back[0].radius.tolist() == [4.0]
    assert sum(trace.parent is None for trace in back) == 1


@pytest.mark.parametrize("radius", [4.0, float("nan")])
def test_a_soma_near_a_tip_leaves_no_small_piece(tree, radius):
    tree.add_soma((0, 1, 29), radius=radius)
    (soma,) = (e for e in tree.entries if e.trace.parent is None)
    assert soma.trace.is_soma and len(tree.entries) == len(WHOLE) + 1
    assert min(len(e.trace.points) for e in tree.entries if e is not soma) > 5


@pytest.mark.parametrize("radius", [4.0, float("nan")])
def test_what_is_traced_to_a_soma_later_grows_from_it(tree, radius):
    tree.add_soma((0, 0, 60), radius=radius)
    tree.add([_trace("of a file", ((0, 61), (0, 90)))])
    tree.add_found([_trace("passes", ((-20, 58), (20, 58)))])
    assert all(e.trace.parent is None for e in tree.entries if e.name in ("of a file", "passes"))
    tree.add_found([_trace("way", ((0, 30), (0, 57)), Link("stem", 30))])
    links = {e.name: e.trace.parent for e in tree.entries}
    assert links["way"] == Link("soma 1", 0) and links["up"].path == "stem"
    assert sum(e.trace.parent is None for e in tree.entries) == 3
    tree.undo()
    assert "way" not in [e.name for e in tree.entries]
    assert _links([e for e in tree.entries if e.name in WHOLE]) == WHOLE


def test_the_project_keeps_trees(tree, tmp_path):
    tree.add_soma((0, 0, 0), radius=3.0)
    write_entries(tmp_path / "traces.csv", tree.entries)
    read = read_entries(tmp_path / "traces.csv")
    for new, old in zip(read, tree.entries, strict=True):
        assert (new.name, new.state, new.trace.parent) == (old.name, old.state, old.trace.parent)
        np.testing.assert_array_equal(new.trace.radius, old.trace.radius)
        np.testing.assert_array_equal(new.trace.kinds, old.trace.kinds)


def test_traces_that_get_other_names_when_added_keep_their_branches(tree):
    tree.add(_tree())
    links = _links(tree.entries)
    assert links["trace 2"] == ("trace 1", 10) and links["trace 3"] == ("trace 2", 5)


def test_a_corrected_trace_keeps_the_branches_before_the_correction(tree):
    from napari_midl.methods.axons.requests import correction

    _choose(tree, "stem")
    request = correction(tree, (0, 3, 25))
    found = _trace("stem", ((3, 25), (20, 25)))
    tree.enter([request], [found])
    assert _links(tree.entries) == WHOLE


def test_a_branch_grows_from_the_nearest_point(tree):
    from napari_midl.methods.axons.requests import branch

    request = branch("new", tree, (0, -4, 5))
    tree.enter([request], [_trace("new", ((-4, 5), (-20, 5)))])
    assert _links(tree.entries)["new"] == ("stem", 5)

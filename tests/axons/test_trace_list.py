"""Decisions about traces, and taking them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry, PerEntry, lessons
from napari_midl.methods.axons.requests import TraceRequest
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.volumes.traces import Link, Seed


@pytest.fixture
def three(line):
    """Three proposals of two points each; the last is selected."""
    traces = TraceList()
    traces.add([line([0, 1], "a"), line([2, 3], "b"), line([4, 5], "c")])
    return traces


def _names(entries):
    return [entry.name for entry in entries]


def test_added_traces_are_one_decision_and_the_last_is_selected(three):
    assert _names(three.entries) == ["a", "b", "c"] and _names(three.selected) == ["c"]
    three.undo()
    assert not three.entries and not three.history.can_undo


def test_a_name_that_is_taken_gives_way_to_one_that_no_trace_has(three, line):
    three.add([line([6, 7], "trace 1"), line([8, 9], "a"), line([8, 9], "b")])
    assert _names(three.entries)[3:] == ["trace 1", "trace 2", "trace 3"]


def test_accepting_keeps_the_selection_and_so_do_undo_and_redo(three):
    three.select(three.entries[:2])
    three.accept()
    assert [e.state for e in three.entries] == ["accepted", "accepted", "proposed"]
    assert three.selected == three.entries[:2]
    three.undo()
    assert [e.accepted for e in three.entries] == [False] * 3
    assert _names(three.selected) == ["a", "b"]
    three.redo()
    assert [e.accepted for e in three.entries] == [True, True, False]
    assert three.selected == three.entries[:2]


def test_undo_selects_what_was_selected_before_and_no_bystander(line):
    branches = [replace(line([5, 6], name), parent=Link("stem", 5)) for name in ("up", "down")]
    traces = TraceList(map(Entry, [line(range(10), "stem"), *branches]))
    traces.select(traces.entries[:1])
    traces.reject()
    assert [entry.trace.parent for entry in traces.entries] == [None, None]
    traces.select(traces.entries[:1])
    traces.undo()
    assert _names(traces.selected) == ["stem"], "the branches only grow from it again"
    traces.redo()
    assert _names(traces.selected) == ["up"]


def test_rejecting_deletes_the_selected(three):
    three.select([three.entries[1]])
    three.reject()
    assert _names(three.entries) == ["a", "c"] and not three.selected
    three.undo()
    assert _names(three.entries) == ["a", "b", "c"] and _names(three.selected) == ["b"]


def test_joining_takes_the_place_of_the_first(three):
    three.select([three.entries[2], three.entries[0]])
    three.join()
    assert _names(three.entries) == ["a", "b"]
    (joined,) = three.selected
    assert joined.trace.points[:, 2].tolist() == [0, 1, 4, 5] and not joined.accepted


def test_cutting_needs_one_that_is_selected_and_leaves_at_least_two_points(line):
    traces = TraceList([Entry(line(range(6), "a"), accepted=True), Entry(line([9, 10], "b"))])
    traces.select(traces.entries)
    with pytest.raises(InputError, match="Select one trace"):
        traces.cut((0, 0, 4))
    traces.select(traces.entries[:1])
    with pytest.raises(InputError, match="Nothing would be left"):
        traces.cut((0, 0, 5), other=True)
    traces.cut((0, 0, 4.2))
    (kept,) = traces.selected
    assert kept.trace.points[:, 2].tolist() == [0, 1, 2, 3, 4]
    assert not kept.accepted, "what was accepted is another trace"


def test_renaming(three):
    first = three.entries[0]
    for name in (" ", "b"):
        with pytest.raises(InputError, match="name of its own"):
            three.rename(first, name)
    three.rename(first, "a ")
    assert three.entries[0] is first, "the same name is no decision"
    three.rename(first, "  long one ")
    assert _names(three.entries) == ["long one", "b", "c"]
    assert three.entries[0].trace.points is first.trace.points


def test_what_was_found_is_entered_as_one_decision(three, line):
    head, old = line([0, 1], "a"), three.entries[0]
    requests = [
        TraceRequest(Seed("a", (0, 0, 1.5)), head, old),
        TraceRequest(Seed("d", (0, 0, 30))),
        TraceRequest(Seed("e", (0, 0, 20))),
        TraceRequest(Seed("waits", (0, 0, 0))),
    ]
    missed = three.enter(requests, [line([2, 3]), line([], "d"), line([20, 21], "e")])
    assert [request.seed.path for request in missed] == ["d"]
    assert "sees no fibre" in missed[0].missed
    assert _names(three.entries) == ["a", "b", "c", "e"]
    assert three.entries[0].trace.points[:, 2].tolist() == [0, 1, 2, 3]
    assert _names(three.selected) == ["e"]
    three.undo()
    assert three.entries[0] is old and len(three.entries) == 3


def test_a_correction_of_what_was_rejected_meanwhile_is_added(three, line):
    old = three.entries[0]
    three.select([old])
    three.reject()
    three.enter([TraceRequest(Seed("a", (0, 0, 2)), line([0, 1], "a"), old)], [line([2, 3])])
    assert _names(three.entries) == ["b", "c", "a"]


def test_free_names_pass_over_those_that_are_wanted(three):
    assert three.free_names(2, ["trace 1", "trace 3"]) == ["trace 2", "trace 4"]


def test_only_long_accepted_traces_are_lessons(line):
    entries = [
        Entry(line(range(31), "long"), accepted=True),
        Entry(line(range(20), "short"), accepted=True),
        Entry(line(range(31), "proposed")),
    ]
    assert [trace.path for trace in lessons(entries)] == ["long"]


def test_what_is_found_out_is_kept_while_an_entry_is_there(line):
    asked = []
    known = PerEntry(lambda entry: asked.append(entry.name) or len(asked))
    one, other = Entry(line([0, 1], "one")), Entry(line([0, 1], "other"))
    assert known([one]) == [1]
    assert known([other, one]) == [2, 1]
    assert known([other]) == [2]
    assert known([one, other]) == [3, 2]
    assert asked == ["one", "other", "one"]

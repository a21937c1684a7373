"""What a click asks for, and the queue of what is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.engine.inputs import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.requests import RequestQueue, TraceRequest, branch, correction
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.volumes.traces import Link, Seed


def _wanted(*names):
    return [TraceRequest(Seed(name, (0, 0, k))) for k, name in enumerate(names)]


@pytest.fixture
def begin(plane):
    def begin(queue):
        return queue.begin(ImageIn.of(plane), "base", TraceSettings(gap=30.0))

    return begin


def test_a_branch_begins_at_the_nearest_point_of_the_nearest_trace(line):
    far = Entry(line(range(90, 100), "far"))
    parent = Entry(line(range(11), "parent"))
    wanted = branch("new", TraceList([far, parent]), (0, 2, 4.2))
    assert wanted.head is not None and wanted.head.points.tolist() == [[0, 0, 4]]
    assert wanted.seed.path == wanted.head.path == "new"
    assert wanted.seed.position == (0, 2, 4.2)
    assert wanted.seed.direction == pytest.approx((0, 2, 0.2))
    assert wanted.instead_of is None
    whole = wanted.whole(line([4, 5, 6], "found"))
    assert whole.path == "new" and whole.points[:, 2].tolist() == [4, 4, 5, 6]


def test_a_branch_needs_a_parent_and_a_way(line):
    with pytest.raises(InputError, match="no trace to branch from"):
        branch("new", TraceList(), (0, 0, 0))
    with pytest.raises(InputError, match="on the trace itself"):
        branch("new", TraceList([Entry(line(range(11)))]), (0, 0.3, 4))


@pytest.mark.parametrize(("other", "kept"), [(False, list(range(9))), (True, [10, 9, 8])])
def test_a_correction_goes_on_from_the_click(line, other, kept):
    old = Entry(line(range(11), "old"))
    traces = TraceList([old, Entry(line([0, 1], "else"))])
    with pytest.raises(InputError, match="Select one trace"):
        correction(traces, (0, 3, 8))
    traces.select([old])
    wanted = correction(traces, (0, 3, 8), other)
    assert wanted.instead_of is old and wanted.seed.path == "old"
    assert wanted.head is not None and wanted.head.points[:, 2].tolist() == kept
    assert wanted.seed.direction == (0, 3, -3 if other else 3), "aside, and along as before"


@pytest.mark.parametrize(("other", "kept"), [(False, [0, 1, 2]), (True, list(range(10, 1, -1)))])
def test_a_correction_near_the_root_keeps_the_way_to_it(line, other, kept):
    old = Entry(replace(line(range(11), "old"), parent=Link("stem", 0)))
    traces = TraceList([old, Entry(line([0, -1, -2], "stem"))])
    traces.select([old])
    head = correction(traces, (0, 3, 2), other).head
    assert head is not None and head.points[:, 2].tolist() == kept
    assert head.parent == (None if other else Link("stem", 0))


def test_all_that_wait_are_followed_as_one_batch(begin):
    queue = RequestQueue()
    queue.waiting += _wanted("a", "b")
    operation = begin(queue)
    assert [seed.path for seed in operation.seeds.open()] == ["a", "b"]
    assert operation.skip and operation.out.path is None and operation.settings.gap == 30
    queue.waiting += _wanted("c")
    assert queue.names == ["a", "b", "c"]
    assert [seed.path for seed in begin(queue).seeds.open()] == ["c"]


def test_what_is_corrected_is_known_as_far_as_it_is_kept(plane, line):
    old = Entry(line(range(11), "old"))
    traces, queue = TraceList([old, Entry(line([0, 1], "else"))]), RequestQueue()
    traces.select([old])
    queue.waiting.append(correction(traces, (0, 3, 8)))
    known = [entry.trace for entry in traces.entries]
    operation = queue.begin(ImageIn.of(plane), "base", TraceSettings(), known)
    lengths = {trace.path: len(trace.points) for trace in operation.known.open()}
    assert lengths == {"old": 9, "else": 2}


def test_traces_grow_with_what_lies_before_their_seeds(line, begin):
    queue = RequestQueue()
    queue.waiting += [TraceRequest(Seed("a", (0, 0, 2)), line([0, 1], "a")), *_wanted("b")]
    begin(queue)
    grown = queue.grow(Grown(done=(line([2, 3]),), growing=(line([7], "b"),)))
    assert [trace.points[:, 2].tolist() for trace in grown] == [[0, 1, 2, 3], [7]]


def test_of_a_batch_that_is_stopped_what_had_ended_is_kept(line, begin):
    queue, traces = RequestQueue(), TraceList()
    queue.waiting += _wanted("a", "b")
    begin(queue)
    queue.waiting += _wanted("c")
    queue.grow(Grown(done=(line([0, 1], "a"),), growing=(line([7, 8], "b"),)))
    assert queue.stopped
    assert not queue.stop(traces)
    queue.end()
    assert [entry.name for entry in traces.entries] == ["a"]
    assert not queue.names and not queue.stopped


def test_a_batch_that_ended_is_entered_once_and_what_waits_is_kept(line, begin):
    queue, traces = RequestQueue(), TraceList()
    queue.waiting += _wanted("a", "b")
    begin(queue)
    queue.waiting += _wanted("c")
    missed = queue.enter(traces, [line([0, 1], "a"), line([], "b")])
    assert [request.seed.path for request in missed] == ["b"] and not queue.stopped
    queue.end()
    assert [entry.name for entry in traces.entries] == ["a"] and queue.names == ["c"]


@pytest.mark.parametrize(("faint", "names"), [(True, ["a"]), (False, ["a", "a 2"])])
def test_a_click_keeps_the_piece_at_it_and_a_batch_all(line, begin, faint, names):
    queue, traces = RequestQueue(), TraceList()
    queue.waiting.append(TraceRequest(Seed("a", (0.0, 0.0, 42.0)), faint=faint))
    begin(queue)
    # The longer piece comes first, and the click was on the other.
    queue.enter(traces, [line(range(20), "a"), line(range(40, 50), "a 2")])
    assert [entry.name for entry in traces.entries] == names
    assert traces.entries[-1].trace.points[0, 2] == 40


def test_two_places_do_not_wait(plane):
    queue = RequestQueue()
    ends = ((0.0, 3.0, 4.0), (0.0, 5.0, 60.0))
    operation = queue.connect(ImageIn.of(plane), "base", TraceSettings(), ends, "new")
    assert (operation.start, operation.end, operation.path) == (*ends, "new")
    assert not queue.names and np.isclose(operation.settings.gap, TraceSettings().gap)


def test_what_is_nearest_is_told_in_the_lengths_of_the_image(line):
    beside = Entry(line(range(11), "beside"))
    points = beside.trace.points + np.array([2, 6, 0])
    below = Entry(replace(beside.trace, path="below", points=points))
    # From plane 0, row 6 the one lies six pixels aside, the other two planes below.
    for thickness, nearest in ((5, 0), (1, 2)):
        traces = TraceList([beside, below], voxel_size=(thickness, 1, 1))
        wanted = branch("new", traces, (0, 6, 4))
        assert wanted.head is not None and wanted.head.points[0, 0] == nearest

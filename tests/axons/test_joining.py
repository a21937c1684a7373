"""Many traces as one tree: where they are tied, and what lies between."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.joining import Gaps, one_tree
from napari_midl.methods.axons.operations import Join
from napari_midl.methods.axons.ports import TracesIn, TracesOut
from napari_midl.methods.axons.somata import made_soma
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.trees import root_of
from napari_midl.methods.axons.words import ALONG, GUESS, of_bridges
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Link, Trace, read_traces

SIZE = (1.0, 1.0, 1.0)


def _trace(name, ends, parent=None):
    """A straight trace of points one pixel apart between two places ``(y, x)``."""
    (y, x), (v, u) = ends
    count = max(abs(v - y), abs(u - x)) + 1
    points = np.stack([np.zeros(count), np.linspace(y, v, count), np.linspace(x, u, count)], 1)
    return Trace(name, points, np.zeros(count), parent=parent)


def _gaps(traces):
    """All their gaps, the nearest first."""
    gaps = Gaps(traces, SIZE)
    while gaps.apart:
        gap = gaps.nearest()[0]
        gaps.close(gap)
        yield gap


def _straight(traces):
    """Straight bridges in their gaps."""
    found = [np.stack([gap.start, gap.end]) for gap in _gaps(traces)]
    return [Trace("", points, np.ones(2), why=GUESS) for points in found]


def _roots(traces):
    by_name = {trace.path: trace for trace in traces}
    return {root_of(trace.path, by_name) for trace in traces}


# A stem along x; one that goes on behind a gap, turned round; one that comes down to its middle.
PIECES = [
    _trace("stem", ((50, 10), (50, 60))),
    _trace("on", ((50, 100), (50, 70))),
    _trace("down", ((20, 30), (44, 30))),
]


def test_ends_are_tied_to_what_is_nearest_from_the_longest_outwards():
    ties = [(g.start[1:].tolist(), g.end[1:].tolist()) for g in _gaps(PIECES)]
    assert ties == [([50, 30], [44, 30]), ([50, 60], [50, 70])]


def test_one_tree_has_one_root_and_the_length_of_all():
    joined = one_tree(PIECES, _straight(PIECES))
    assert _roots(joined) == {"stem"}
    lengths = sum(trace.length(SIZE) for trace in joined)
    assert lengths == pytest.approx(50 + 30 + 24 + 6 + 10)
    by_name = {trace.path: trace for trace in joined}
    assert by_name["down"].parent == Link("stem", 20)
    assert by_name["on"].points[-1].tolist() == [0, 50, 100]  # away from the root


def test_an_end_that_heads_for_a_trace_is_tied_before_one_beside_it():
    # Both ends of the lower one are 8 px from the stem; only one heads for it.
    hook = Trace("hook", np.array([[0, 58.0, x] for x in range(20, 40)]), np.zeros(20))
    hook = hook.followed_by(_trace("", ((59, 40), (70, 40))), _trace("", ((70, 41), (58, 41))))
    (gap,) = _gaps([PIECES[0], hook])
    assert gap.end[1:].tolist() == [58, 41]


def test_what_hangs_from_a_tied_trace_stays_on_it():
    twig = _trace("twig", ((50, 80), (70, 80)), Link("on", 20))
    joined = one_tree([*PIECES, twig], _straight([*PIECES, twig]))
    by_name = {trace.path: trace for trace in joined}
    link = by_name["twig"].parent
    assert by_name[link.path].points[link.index].tolist() == [0, 50, 80]
    assert _roots(joined) == {"stem"}


def test_a_soma_is_the_root_and_two_somata_keep_a_tree_each():
    one = made_soma("soma 1", (0, 50, 2), 4.0)
    assert _roots(one_tree([*PIECES, one], _straight([*PIECES, one]))) == {"soma 1"}
    two = made_soma("soma 2", (0, 50, 106), 4.0)
    joined = one_tree([*PIECES, one, two], _straight([*PIECES, one, two]))
    by_name = {trace.path: trace for trace in joined}
    assert _roots(joined) == {"soma 1", "soma 2"}
    assert [root_of(n, by_name) for n in ("stem", "on")] == ["soma 1", "soma 2"]


def test_a_traced_tree_is_tied_whole_where_its_middle_is_nearest():
    # The end of the stem points at the middle of another trace, which becomes two branches.
    across = _trace("across", ((20, 70), (80, 70)))
    joined = one_tree([PIECES[0], across], _straight([across, PIECES[0]]))
    assert len(_roots(joined)) == 1
    assert sum(t.length(SIZE) for t in joined) == pytest.approx(50 + 60 + 10)


def test_join_all_is_one_decision_and_nobody_has_seen_the_ties():
    traces = TraceList([Entry(trace, accepted=True) for trace in PIECES])
    traces.join_all(_straight(traces.to_join_all()))
    assert _roots([entry.trace for entry in traces.entries]) == {"stem"}
    assert {e.name: e.accepted for e in traces.entries} == {
        "stem": True,
        "on": False,
        "down": False,
    }
    with pytest.raises(InputError, match="one tree already"):
        traces.to_join_all()
    traces.undo()
    assert [entry.trace for entry in traces.entries] == PIECES


def test_several_selected_trees_are_joined_alone():
    traces = TraceList(map(Entry, PIECES))
    traces.select(traces.entries[1:])
    assert [trace.path for trace in traces.to_join_all()] == ["on", "down"]


def test_a_trace_that_changed_meanwhile_is_said():
    traces = TraceList(map(Entry, PIECES))
    bridges = _straight(PIECES)
    traces.select(traces.entries[:1])
    traces.reject()
    with pytest.raises(InputError, match="changed meanwhile"):
        traces.join_all(bridges)
    assert len(traces.entries) == 2


@pytest.fixture
def image(tmp_path):
    """A bright line with a bow in its middle, and nothing below it."""
    plane = np.zeros((160, 160))
    x = np.arange(10, 150, 0.25)
    y = 60 + 10 * np.exp(-(((x - 80) / 12) ** 2))
    plane[np.round(y).astype(int), np.round(x).astype(int)] = 1
    plane = 200 * ndimage.gaussian_filter(plane, 1.5) / 0.25 + 20
    noise = np.random.default_rng(0).normal(0, 1, plane.shape)
    path = tmp_path / "bow.tif"
    tifffile.imwrite(path, np.clip(plane + noise, 0, 255).astype(np.uint8))
    return path


def _join(image, traces, **options):
    out = image.with_name(f"joined{len(options)}.swc")
    job = Join(
        image=ImageIn(image), traces=TracesIn.of(traces), out=TracesOut(out), **options
    ).perform()
    return run(job), read_traces(out, Space())


def test_a_bridge_follows_the_image_and_is_to_be_looked_at(image):
    pieces = [_trace("a", ((60, 15), (60, 55))), _trace("b", ((60, 140), (60, 106)))]
    outcome, joined = _join(image, pieces)
    (bridge,) = outcome.result
    assert bridge.why == ALONG
    assert bridge.points[:, 1].max() == pytest.approx(70, abs=1.5)  # the top of the bow
    assert bridge.uncertainty.max() > 0.5
    assert sum(trace.parent is None for trace in joined) == 1


def test_where_the_image_shows_nothing_to_the_nearest_the_next_is_tried(image):
    pieces = [
        _trace("a", ((60, 12), (60, 55))),
        _trace("b", ((60, 140), (60, 106))),
        _trace("aside", ((20, 80), (35, 80))),  # nearer to both than these are to each other
    ]
    outcome, _ = _join(image, pieces)
    assert [bridge.why for bridge in outcome.result] == [GUESS, ALONG]
    joined = one_tree(pieces, outcome.result[1:])
    assert _roots(joined) == {"a", "aside"} and {t.path for t in joined if t.parent} == {"b"}


def test_where_there_is_no_gap_it_is_said(image):
    outcome, _ = _join(image, [_trace("a", ((60, 15), (60, 45)))])
    asked = Join(image=ImageIn(image), traces=TracesIn.of([]), out=TracesOut(None))
    assert outcome.result == []
    assert asked.summary(outcome.run.results)[0] == "no gap between the traces: nothing was joined"


def test_a_long_gap_over_nothing_is_left_open_unless_guessed(image):
    pieces = [_trace("a", ((60, 15), (60, 45))), _trace("far", ((120, 30), (150, 30)))]
    outcome, joined = _join(image, pieces)
    assert [bridge.why for bridge in outcome.result] == [GUESS]
    results = outcome.run.results
    assert (results["gaps"], results["closed"]) == (1, 0)
    assert sum(trace.parent is None for trace in joined) == 2
    outcome, joined = _join(image, pieces, guess=True)
    assert sum(trace.parent is None for trace in joined) == 1
    assert outcome.result[0].uncertainty.min() == 1


def test_what_was_joined_is_told_in_a_sentence():
    bridges = [Trace("", np.zeros((2, 3)), np.ones(2), why=why) for why in (ALONG, ALONG, GUESS)]
    assert of_bridges(bridges, 0).startswith(
        "3 gaps closed, 2 along the image and 1 by a straight line."
    )
    assert of_bridges(bridges[:1], 1).startswith(
        "1 gap closed along the image; 1 left open, where the image shows no fibre."
    )
    assert of_bridges(bridges[2:], 0).startswith("1 gap closed by a straight line.")
    assert of_bridges(bridges, 0, ["a", "b"]).endswith("Changed, so proposed again: a, b.")
    assert of_bridges([], 2).startswith("Nothing was joined; 2 gaps left open, where the image")

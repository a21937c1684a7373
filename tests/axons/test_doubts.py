"""Where to look first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_midl.methods.axons.doubts import (
    doubts_of,
    stopping_short,
    to_look_at,
    untold,
    without_doubt,
)
from napari_midl.methods.axons.entries import Entry
from napari_midl.volumes.traces import Link


def _xs(found):
    return [float(doubt.position[2]) for doubt in found]


def test_each_run_above_one_half_is_a_place_at_its_worst_point(line):
    waves = line(range(11), unsure=[0, 0.9, 0, 0, 0.6, 0.7, 0, 0, 0, 0, 0.8])
    assert _xs(doubts_of(Entry(waves))) == [1, 5, 10]


def test_a_long_run_is_looked_at_where_it_begins(line):
    changed = line(range(11), unsure=[0, 0, 0.3, 0.7, 0.7, 0.72, 0.71, 0.7, 0.74, 0.7, 0.7])
    (doubt,) = doubts_of(Entry(changed))
    assert float(doubt.position[2]) == 3
    assert doubt.uncertainty == 0.74


def test_a_run_that_is_surer_behind_is_looked_at_where_it_ends(line):
    changed = line(range(11), unsure=[0.7, 0.7, 0.72, 0.7, 0.7, 0.5, 0.3, 0, 0, 0, 0])
    (doubt,) = doubts_of(Entry(changed))
    assert float(doubt.position[2]) == 4


def test_a_trace_that_is_sure_has_its_worst_point_alone(line):
    assert _xs(doubts_of(Entry(line(range(11), unsure=np.linspace(0, 0.4, 11))))) == [10]


def test_the_worst_comes_first_and_what_is_accepted_not_at_all(line):
    sure = Entry(line(range(3), unsure=[0, 0.1, 0.2]))
    doubtful = Entry(line(range(4), unsure=[0.6, 0, 0, 0.9]))
    found = [*doubts_of(sure), *doubts_of(doubtful)]
    assert _xs(to_look_at(found)) == [3, 0]
    assert _xs(to_look_at(doubts_of(sure))) == [2]
    assert not to_look_at(doubts_of(Entry(doubtful.trace, accepted=True)))


def test_what_has_no_doubtful_place_left_is_without_doubt(line):
    sure = Entry(line(range(3), unsure=[0, 0.1, 0.2]))
    doubtful = Entry(line(range(4), unsure=[0.6, 0, 0, 0.9]))
    accepted = Entry(sure.trace, accepted=True)
    left = [*doubts_of(sure), *doubts_of(doubtful)]
    assert without_doubt([sure, doubtful, accepted], left) == [sure]
    assert without_doubt([sure, doubtful, accepted], doubts_of(sure)) == [sure, doubtful]


def test_what_nobody_told_is_neither_sure_nor_doubtful(line):
    none = Entry(line(range(4), unsure=[np.nan] * 4))
    part = Entry(line(range(6), unsure=[np.nan, np.nan, 0.8, 0.7, 0.9, 0.1]))
    mild = Entry(line(range(4), unsure=[0.1, np.nan, 0.3, 0.2]))
    assert doubts_of(none) == []
    assert [(d.index, d.uncertainty) for d in doubts_of(part)] == [(4, 0.9)]
    assert [(d.index, d.uncertainty) for d in doubts_of(mild)] == [(2, 0.3)]
    told = Entry(line(range(3), unsure=[0, 0.1, 0.2]))
    branch = Entry(replace(line(range(3), unsure=[np.nan, 0, 0]), parent=Link("none", 1)))
    entries = [none, part, mild, told, branch]
    assert without_doubt(entries, doubts_of(part)) == [told, branch]
    assert untold([*entries, Entry(none.trace, accepted=True)]) == [none, part, mild]


def test_a_run_that_begins_where_nothing_is_told_is_looked_at_from_the_surer_side(line):
    trace = line(range(6), unsure=[np.nan, 0.8, 0.8, 0.8, 0.2, 0])
    assert _xs(doubts_of(Entry(trace))) == [3]


def test_ends_of_which_nothing_is_told_may_stop_short(line):
    one = Entry(line(range(20), "one", unsure=[np.nan] * 20))
    other = Entry(line(range(60, 40, -1), "other", unsure=[np.nan] * 20))
    (short,) = stopping_short([one, other], (1, 1, 1))
    assert (short.entry, short.short_of) == (one, "other")


def test_where_two_trees_stop_short_of_each_other_is_one_place(line):
    one, other = Entry(line(range(20), "one")), Entry(line(range(60, 40, -1), "other"))
    (short,) = stopping_short([one, other], (1, 1, 1))
    assert (short.entry, short.short_of) == (one, "other") and _xs([short]) == [19]
    assert to_look_at([*doubts_of(one), short]) == [short]
    (short,) = stopping_short([Entry(one.trace, accepted=True), other], (1, 1, 1))
    assert (short.entry, short.short_of) == (other, "one") and _xs([short]) == [41]
    far = Entry(line(range(60, 50, -1), "far"))
    assert not stopping_short([one, far], (1, 1, 1))


def test_ends_that_head_elsewhere_or_are_of_one_tree_stop_short_of_nothing(line):
    one = Entry(line(range(20), "one"))
    beside = line(range(10, 20), "beside")
    beside = replace(beside, points=np.add(beside.points, (0, 9, 0)))
    assert not stopping_short([one, Entry(beside)], (1, 1, 1))
    branch = replace(line(range(60, 24, -1), "branch"), parent=Link("one", 3))
    assert not stopping_short([one, Entry(branch)], (1, 1, 1))
    doubtful = Entry(line(range(20), "one", unsure=[0.0] * 19 + [0.9]))
    assert not stopping_short([doubtful, Entry(line(range(40, 60)), accepted=True)], (1, 1, 1))

"""Pulling a trace, and remembering which doubtful places are fine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.axons.bending import bent, bent_tree
from napari_midl.methods.axons.doubts import doubts_of
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.fine import not_fine, read_fine, write_fine
from napari_midl.methods.axons.kinds import kind_of, set_kind
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.volumes.traces import Link, Trace


def _line(unsure=0.4):
    points = np.zeros((101, 3))
    points[:, 2] = np.arange(101)
    return Trace("a", points, np.full(101, unsure))


def test_a_pull_moves_its_point_and_takes_neighbours_along():
    found = bent(_line(), 50, (0, 8, 0))
    moved = found.points[:, 1]
    assert moved[50] == 8 and 0 < moved[44] < moved[48] < 8
    assert (moved[[0, 20, 80, 100]] == 0).all()
    assert found.uncertainty[50] == 0 and found.uncertainty[0] == 0.4
    assert found.placed_by == "person"


def test_a_pull_tells_nothing_where_nobody_told():
    assert np.isnan(bent(_line(np.nan), 50, (0, 8, 0)).uncertainty).all()


def test_a_pull_in_thick_slices_reaches_as_far():
    found = bent(_line(), 50, (2, 0, 0), voxel_size=(5, 1, 1))
    assert found.points[50, 0] == 2 and found.points[60, 0] > 0


def test_what_grows_from_a_point_comes_along_and_stays_grown_from_it():
    stem = _line()
    points = np.zeros((41, 3))
    points[:, 2], points[:, 1] = 50, -np.arange(41)
    branch = Trace("b", points, np.zeros(41), parent=Link("a", 50))
    traces = TraceList([Entry(stem), Entry(branch)])
    changed = bent_tree([stem, branch], "a", 48, (0, 6, 0))
    traces.change(changed, "a")
    one, other = (entry.trace for entry in traces.entries)
    assert other.parent == Link("a", 50)
    assert one.points[50, 1] > 4 and (other.points[0] == one.points[50]).all()
    assert other.points[-1].tolist() == branch.points[-1].tolist()
    moved = bent_tree([one, other], "b", 3, (0, 0, 5))
    assert list(moved) == ["b"] and (moved["b"].points[0] == one.points[50]).all()


def test_a_type_is_given_to_all_points_of_what_is_selected():
    traces = TraceList([Entry(_line()), Entry(replace(_line(), path="other"))])
    traces.select(traces.entries[:1])
    set_kind(traces, 4)
    assert [kind_of(entry.trace) for entry in traces.entries] == ["apical dendrite", "axon"]
    assert traces.selected == traces.entries[:1]


def test_a_fine_place_is_asked_about_again_once_its_trace_is_changed_there(tmp_path):
    unsure = np.zeros(101)
    unsure[[30, 70]] = 0.9, 0.8
    points = np.column_stack([np.zeros(101), np.full(101, 1 / 3), np.arange(101)])
    entry = Entry(Trace("a", points, unsure))
    first, second = doubts_of(entry)
    path = tmp_path / "fine places.csv"
    write_fine(path, [tuple(first.position.tolist())])
    fine = read_fine(path)
    assert not_fine([first, second], fine) == [second]
    moved = Entry(bent(entry.trace, 28, (0, 3, 0)))
    assert len(not_fine(doubts_of(moved), fine)) == len(doubts_of(moved))
    elsewhere = Entry(bent(entry.trace, 70, (0, 3, 0)))
    assert all(abs(d.position[2] - 30) > 1 for d in not_fine(doubts_of(elsewhere), fine))


def test_a_damaged_table_of_fine_places_is_refused(tmp_path):
    assert read_fine(tmp_path / "none.csv") == []
    path = tmp_path / "fine places.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="fine places"):
        read_fine(path)

"""The traces of an image in its project folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.store import read_entries, traces_file, write_entries

OLD = Path(__file__).parents[1] / "fixtures" / "v498e827" / "axons" / "image.tif.midl"


def test_traces_are_read_as_they_were_written(line, tmp_path):
    path = traces_file(tmp_path)
    first = line([0.25, 1, 2], "NA", [0, 0.5, 1], why="lost / border")
    entries = [Entry(replace(first, placed_by="person"), accepted=True), Entry(line([5, 6], "007"))]
    write_entries(path, entries)
    read = read_entries(path)
    assert [(e.name, e.state) for e in read] == [("NA", "accepted"), ("007", "proposed")]
    for entry, before in zip(read, entries, strict=True):
        np.testing.assert_allclose(entry.trace.points, before.trace.points)
        np.testing.assert_allclose(entry.trace.uncertainty, before.trace.uncertainty)
        assert entry.trace.placed_by == before.trace.placed_by
        assert entry.trace.why == before.trace.why


def test_a_doubt_that_nobody_told_is_read_as_that(line, tmp_path):
    path = traces_file(tmp_path)
    untold = Entry(line([1, 2], "none", [np.nan, np.nan]))
    write_entries(path, [untold])
    (read,) = read_entries(path)
    assert np.isnan(read.trace.uncertainty).all()
    write_entries(path, [untold, Entry(line([3, 4, 5], "part", [np.nan, 0, 0.5]))])
    _, part = read_entries(path)
    np.testing.assert_array_equal(part.trace.uncertainty, [np.nan, 0, 0.5])


def test_none_is_read_where_there_is_no_file_or_all_were_rejected(tmp_path):
    path = traces_file(tmp_path)
    assert read_entries(path) == []
    write_entries(path, [])
    assert path.exists() and read_entries(path) == []


@pytest.mark.parametrize("text", ["path,index\nbroken", "", "\x00\xff"])
def test_a_damaged_file_is_named(text, tmp_path):
    path = traces_file(tmp_path)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"traces\.csv cannot be read"):
        read_entries(path)


def test_each_channel_and_time_point_has_its_own():
    places = {traces_file(Path("p"), c, t).name for c, t in ((0, 0), (1, 0), (0, 1))}
    assert places == {"traces.csv", "traces c1 t0.csv", "traces c0 t1.csv"}


def test_the_project_of_an_earlier_version_opens():
    entries = read_entries(traces_file(OLD))
    assert entries and all(len(entry.trace.points) > 1 for entry in entries)
    assert {entry.state for entry in entries} <= {"accepted", "proposed"}
    assert all(entry.trace.is_told for entry in entries), "what it held then stays"

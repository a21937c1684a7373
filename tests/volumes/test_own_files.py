"""Two windows on one project: what either accepted is kept."""

from __future__ import annotations

import os

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.own_files import OwnFiles
from napari_midl.volumes.volume import Volume


def write(path, text):
    with whole_file(path) as beside:
        beside.write_text(text)


@pytest.fixture
def told():
    return []


@pytest.fixture
def own(told):
    return OwnFiles(told.append)


def test_what_this_window_wrote_is_written_over(own, told, tmp_path):
    path = tmp_path / "traces.csv"
    for text in ("one", "two", "three"):
        own.make_way(path)
        write(path, text)
        own.saw(path)
    assert path.read_text() == "three"
    assert [p.name for p in tmp_path.iterdir()] == ["traces.csv"] and told == []


def test_what_another_window_wrote_is_kept_and_named(own, told, tmp_path):
    path = tmp_path / "traces.csv"
    write(path, "read")
    own.saw(path)
    for number in (1, 2):
        write(path, f"theirs {number}")
        own.make_way(path)
        write(path, "mine")
        own.saw(path)
        assert (tmp_path / f"traces-other-{number}.csv").read_text() == f"theirs {number}"
        assert path.read_text() == "mine"
        assert f"traces-other-{number}.csv" in str(told[-1])
    assert len(told) == 2


def test_a_file_that_was_never_read_is_kept(own, told, tmp_path):
    path = tmp_path / "landmarks.csv"
    write(path, "theirs")
    own.make_way(path)
    assert (tmp_path / "landmarks-other-1.csv").read_text() == "theirs" and len(told) == 1


@pytest.mark.parametrize("jump", [-1e9, 0, 1e9])
def test_a_clock_that_jumps_or_stands_changes_nothing(own, told, tmp_path, jump):
    path = tmp_path / "traces.csv"
    write(path, "read")
    own.saw(path)
    seen = path.stat()
    write(path, "ours")  # as long as what was read
    times = (seen.st_atime_ns, seen.st_mtime_ns + int(jump * 1e9))
    os.utime(path, ns=times)
    own.make_way(path)
    assert len(told) == 1


def test_what_another_window_removed_is_written_again(own, told, tmp_path):
    path = tmp_path / "traces.csv"
    write(path, "read")
    own.saw(path)
    path.unlink()
    own.make_way(path)
    assert told == []


def test_what_cannot_be_moved_aside_is_a_sentence_and_stays(own, tmp_path, monkeypatch):
    path = tmp_path / "traces.csv"
    write(path, "theirs")

    def refuse(self, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "rename", refuse)
    with pytest.raises(InputError, match="cannot be written"):
        own.make_way(path)
    assert path.read_text() == "theirs"


def test_of_two_windows_that_paint_one_patch_both_are_there(tmp_path):
    volume = Volume.from_array(np.zeros((4, 8, 8), np.uint8), name="image")
    here, there = (AnnotationStore(tmp_path, volume) for _ in range(2))
    strokes = {
        store: np.full((1, 2, 2), label, np.uint8) for label, store in ((1, here), (2, there))
    }
    here.save(Patch((0, 0, 0), np.ones((1, 1, 1), np.uint8), "patch 1"))
    there.load()
    for store in (here, there, here):
        store.save(Patch((0, 0, 0), strokes[store], "patch 1"))
    patches, problems = AnnotationStore(tmp_path, volume).load()
    assert problems == []
    kept = {int(patch.labels.max()) for patch in patches if patch.labels.size == 4}
    assert kept == {1, 2}

from __future__ import annotations

import json

import pytest
import zarr

from napari_midl.engine.journal import COMPLETE, Journal, begun_with, check, is_unfinished
from napari_midl.errors import InputError
from napari_midl.volumes.multiscales import ABOUT


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.ome.zarr"


def test_a_line_cut_short_by_a_crash_names_no_tile(out):
    journal = Journal(out, {})
    journal.mark(3)
    with journal.path.open("a") as file:
        file.write("1")
    resumed = Journal(out, {})
    assert resumed.done == {3}
    resumed.mark(7)
    assert Journal(out, {}).done == {3, 7}


@pytest.mark.parametrize("line", ["", "²", "9" * 5000, "-1", "\0\0\0", "one"])
def test_a_line_that_is_no_number_names_no_tile(out, line):
    journal = Journal(out, {})
    with journal.path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n4\n")
    assert Journal(out, {}).done == {4}


def test_a_journal_of_498e827_is_understood(out):
    """Its format: what the output depends on in one line, then a tile a line."""
    identity = {"settings": {"tile": [8, 24, 24]}, "input": "ab", "model": "cd"}
    header = '{"input": "ab", "model": "cd", "settings": {"tile": [8, 24, 24]}}'
    out.mkdir()
    out.with_name("out.ome.zarr.progress").write_text(f"{header}\n5\n2\n")
    check(out, resume=True)
    assert is_unfinished(out)
    assert begun_with(out) == identity
    assert Journal(out, identity).done == {2, 5}


def test_a_journal_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        Journal(tmp_path / "nowhere" / "out.ome.zarr", {})
    (tmp_path / "folder").mkdir()
    journal = Journal(tmp_path / "folder" / "out.ome.zarr", {})
    journal.path.unlink()
    (tmp_path / "folder").rmdir()
    with pytest.raises(InputError, match="cannot be written"):
        journal.mark(1)
    assert journal.done == set()


def test_a_journal_of_another_prediction_is_refused_by_what_differs(out):
    Journal(out, {"model": "a", "input": "x"})
    with pytest.raises(InputError, match="another model;"):
        Journal(out, {"model": "b", "input": "x"})


def test_of_settings_it_says_which_and_what_they_were(out):
    Journal(out, {"settings": {"tile": [8, 24, 24], "uncertainty": False, "threshold": 0.5}})
    words = "with tile 8 24 24 and not 8 32 32, uncertainty off and not on; go on with"
    with pytest.raises(InputError, match=words):
        Journal(out, {"settings": {"tile": [8, 32, 32], "uncertainty": True, "threshold": 0.5}})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no journal\n",
        b"[1, 2]\n",
        b"3\n",
        b'{"settings": 3}\n',
        b"\xff\xfe\x00\n",
        b'{"settings": {"tile": [8, 24\n',
        b"[" * 100_000,
    ],
)
def test_a_wrong_journal_is_a_sentence(out, text):
    out.mkdir()
    journal = out.with_name("out.ome.zarr.progress")
    journal.write_bytes(text)
    for ask in (lambda: check(out, resume=True), lambda: begun_with(out), lambda: Journal(out, {})):
        with pytest.raises(InputError, match=r"out\.ome\.zarr\.progress is no journal"):
            ask()
    assert journal.read_bytes() == text


@pytest.mark.parametrize(
    ("complete", "words"),
    [
        (True, "is complete already, there is nothing to resume"),
        (False, r"cannot be resumed without out\.ome\.zarr\.progress"),
    ],
)
def test_an_output_without_a_journal_says_whether_it_is_complete(out, complete, words):
    group = zarr.open_group(out, mode="w")
    group.update_attributes({ABOUT: {COMPLETE: complete}})
    with pytest.raises(InputError, match=words):
        check(out, resume=True)


def test_what_cannot_be_begun_or_resumed_is_refused(out):
    check(out, resume=False)
    with pytest.raises(InputError, match="does not exist, there is nothing to resume"):
        check(out, resume=True)
    out.mkdir()
    with pytest.raises(InputError, match="was not made by napari-midl, so it cannot be resumed"):
        check(out, resume=True)
    with pytest.raises(InputError, match="exists already; choose another output"):
        check(out, resume=False)
    assert not is_unfinished(out)
    out.with_name("out.ome.zarr.progress").write_text(json.dumps({}) + "\n")
    with pytest.raises(InputError, match="exists already; pass --resume"):
        check(out, resume=False)
    assert is_unfinished(out)

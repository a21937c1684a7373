from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import remove_leftovers, whole_file, whole_folder


def test_two_writers_at_once_publish_whole_files_only(tmp_path):
    path = tmp_path / "a.txt"
    texts = {letter * 100_000 for letter in "ab"}
    path.write_text("a" * 100_000)

    def write(text: str) -> None:
        for _ in range(40):
            with whole_file(path) as beside, beside.open("w") as file:
                for start in range(0, len(text), 10_000):
                    file.write(text[start : start + 10_000])
                    file.flush()

    with ThreadPoolExecutor(2) as threads:
        writing = [threads.submit(write, text) for text in texts]
        while not all(future.done() for future in writing):
            assert path.read_text() in texts
        for future in writing:
            future.result()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, OSError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")
    raised = InputError if error is OSError else error
    with pytest.raises(raised), whole_file(path) as beside:
        beside.write_text("half")
        raise error
    assert path.read_text() == "before"
    with pytest.raises(raised), whole_folder(tmp_path / "b") as folder:
        folder.mkdir()
        (folder / "half").touch()
        raise error
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_came_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "b"
    with pytest.raises(InputError, match="b exists already"), whole_folder(path) as beside:
        beside.mkdir()
        path.mkdir()
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="b exists already"), whole_folder(path):
        pass


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    path = tmp_path / "a [1].txt"
    kept = [path, tmp_path / ".b.0123abcd.part", tmp_path / "a [1].txt.part"]
    kept.append(tmp_path / ".a [1].txt.b.0123abcd.part")
    for each in kept:
        each.touch()
    (tmp_path / ".a [1].txt.0123abcd.part").touch()
    (tmp_path / ".a [1].txt.4567abcd.part").mkdir()
    (tmp_path / ".a [1].txt.4567abcd.part" / "0").touch()
    remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)

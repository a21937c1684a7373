"""What every operation promises, whichever it is: a new one is tested by an example alone."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.operations import Operation, options_of
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.methods import all_operations
from tests.operations.disk import Disk, content, watched
from tests.operations.examples import EXAMPLES, operation_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OPERATIONS = all_operations()
MOST_WRITES = 12
each_operation = pytest.mark.parametrize("name", sorted(OPERATIONS))
each_example = pytest.mark.parametrize("example", sorted(EXAMPLES))


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    return folder


class Made:
    """An operation on its example, with an output in a folder of its own."""

    def __init__(self, example: str, inputs: Path, folder: Path) -> None:
        self.options, output = EXAMPLES[example](inputs)
        self.name, self.folder, self.out = operation_of(example), folder, folder / output
        folder.mkdir()

    def operation(self, **others: Any) -> Operation[Any]:
        return OPERATIONS[self.name].of(**self.options, out=self.out, **others)

    @property
    def record(self) -> Path:
        return self.operation().out.record(self.out)

    @property
    def streams(self) -> bool:
        return any(option.name == "resume" for option in options_of(OPERATIONS[self.name]))

    def is_whole(self) -> bool:
        """The output is there, and its record tells its hash."""
        if not self.out.exists() or not self.record.exists():
            return False
        recorded = read_run(self.record).outputs[self.out.name]["sha256"]
        return recorded == self.operation(**self.going_on()).out.identity(self.out)

    def going_on(self) -> dict[str, Any]:
        return {"resume": True} if self.streams and self.out.exists() else {}


@pytest.fixture
def make(inputs: Path, tmp_path: Path):
    return lambda example: Made(example, inputs, tmp_path / "out")


def test_every_operation_has_an_example():
    assert set(map(operation_of, EXAMPLES)) == set(OPERATIONS)


@each_operation
def test_it_has_a_command_that_describes_every_option(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*name.split("."), "--help"])
    assert ended.value.code in (0, None)
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    for option in options_of(OPERATIONS[name]):
        assert option.help, f"{option.name} is not described"
        word = option.name.replace("_", "-")
        assert f"--{word} " in shown or f" {word.upper()} " in shown


@each_example
def test_its_command_does_what_the_python_call_does(example, make, monkeypatch, capsys):
    made = make(example)
    words = []
    for key, value in (made.options | {"out": made.out}).items():
        if key == OPERATIONS[made.name].argument:
            words[:0] = map(str, value if isinstance(value, tuple) else (value,))
            continue
        flag = f"--{key.replace('_', '-')}"
        if isinstance(value, bool):
            words += [flag] if value else []
        else:
            values = value if isinstance(value, tuple) else (value,)
            words += [flag, *map(str, values)]
    with pytest.raises(SystemExit) as ended:
        main([*made.name.split("."), *words])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    assert str(made.out) in said.out
    assert made.is_whole()


@each_example
def test_it_refuses_a_taken_output_and_leaves_it(example, make):
    made = make(example)
    made.out.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        run(made.operation().perform())
    assert made.out.read_text() == "mine"
    assert list(made.folder.iterdir()) == [made.out]


@each_example
def test_its_output_is_never_its_input(example, make):
    made = make(example)
    paths = {k: v for k, v in made.options.items() if hasattr(v, "is_file") and v.is_file()}
    for value in paths.values():
        before = value.read_bytes()
        with pytest.raises(InputError):
            run(OPERATIONS[made.name].of(**made.options, out=value).perform())
        assert value.read_bytes() == before


@each_example
@pytest.mark.usefixtures("two_threads")
def test_its_record_replays_from_another_folder(example, make, tmp_path, monkeypatch):
    made = make(example)
    outcome = run(made.operation().perform())
    assert read_run(made.record) == outcome.run
    before = _files(made.folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    comparison = run(replay(made.record))
    assert comparison.same, comparison.lines
    assert list(elsewhere.iterdir()) == []
    assert _files(made.folder) == before


@each_example
def test_cancelled_it_leaves_nothing_that_passes_for_whole(example, make):
    made = make(example)
    # At once, and once something is written.
    for written in (0, 1):
        with watched(Disk(made.folder)) as disk, closing(made.operation().perform()) as job:
            next(job)
            while disk.writes < written and next(job, None) is not None:
                pass
        if not made.is_whole():
            assert not made.record.exists()
            assert _parts(made.folder) == []
            assert not made.out.exists() or _unfinished(made)
    if not made.is_whole():
        run(made.operation(**made.going_on()).perform())
    assert made.is_whole()


@each_example
@pytest.mark.usefixtures("two_threads")
def test_killed_before_each_write_it_ends_with_the_same_bits(example, make, tmp_path):
    made, states = make(example), tmp_path / "states"
    with watched(Disk(made.folder, states=states)) as disk:
        whole = run(made.operation().perform()).run.outputs
    tried = []
    for kill_at in _some(range(disk.writes)):
        left = content(states / f"{kill_at}")
        if left in tried:
            continue
        tried.append(left)
        shutil.rmtree(made.folder)
        shutil.copytree(states / f"{kill_at}", made.folder)
        if made.out.exists() and not _unfinished(made):
            assert made.is_whole()
            continue
        again = run(made.operation(**made.going_on()).perform()).run.outputs
        assert _hashes(again) == _hashes(whole), f"killed before write {kill_at}"
        assert _parts(made.folder) == []


@each_example
def test_a_full_disk_is_a_sentence_and_keeps_what_was_there(example, make):
    made = make(example)
    with watched(Disk(made.folder)) as disk:
        run(made.operation().perform())
    for full_at in _some(disk.fills):
        shutil.rmtree(made.folder)
        made.folder.mkdir()
        (made.folder / "other.txt").write_text("mine")
        with watched(Disk(made.folder, full_at=full_at)):
            try:
                run(made.operation().perform())
            except InputError as error:
                assert str(error).endswith(".") and "\n" not in str(error)
            else:
                # zarr made fewer folders than in the first run.
                assert made.is_whole()
        assert (made.folder / "other.txt").read_text() == "mine"
        assert made.is_whole() or not made.record.exists() or _unfinished(made)


def _some(writes: Sequence[int]) -> list[int]:
    """All writes where they are few; the first, the last and some between of what streams.

    Streaming is one room for all, and tests/engine/test_streaming.py kills it at each write.
    """
    if len(writes) <= MOST_WRITES:
        return list(writes)
    ends = MOST_WRITES // 3
    between = np.linspace(ends, len(writes) - ends, ends, dtype=int, endpoint=False)
    return [*writes[:ends], *(writes[k] for k in between), *writes[-ends:]]


def _unfinished(made: Made) -> bool:
    return made.streams and is_unfinished(made.out)


def _hashes(outputs: dict[str, Any]) -> dict[str, str]:
    return {name: each["sha256"] for name, each in outputs.items()}


def _files(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def _parts(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.name.endswith((".part", ".partial"))]

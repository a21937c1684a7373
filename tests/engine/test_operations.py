"""One operation of a toy tool: what is derived from its fields, and how its output is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pytest
import tifffile
import torch

from napari_midl.engine.inputs import FileIn, ImageIn
from napari_midl.engine.jobs import Progress, run
from napari_midl.engine.operations import OPERATIONS, Operation, operation, options_of
from napari_midl.engine.outputs import FileOut
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.engine.settings import Settings, within
from napari_midl.errors import InputError
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SumSettings(Settings):
    """How to add up.

    Parameters
    ----------
    weight : float
        Factor of the sum.
    """

    weight: Annotated[float, within(0.0, 10.0)] = 1.0


@dataclass(frozen=True)
class SumOut(FileOut):
    """A text file and the table beside it."""

    endings = (".txt",)

    def companions(self, path: Path) -> list[Path]:
        return [path.with_suffix(".csv")]


@dataclass(frozen=True, kw_only=True)
class Add(Operation[float]):
    """Add up an image and a file of numbers.

    Parameters
    ----------
    image : ImageIn
        The image.
    numbers : FileIn
        Numbers, one a line.
    out : SumOut
        Where the sum goes.
    settings : SumSettings
        How.
    """

    image: ImageIn
    numbers: FileIn | None = None
    out: SumOut
    settings: SumSettings = SumSettings()

    def job(self, run):
        volume = yield from run.open(self.image)
        total = float(np.asarray(volume.data).sum())
        if self.numbers is not None:
            path = yield from run.open(self.numbers)
            total += float(np.loadtxt(path).sum())
        yield Progress(1, 2, "adding")
        total *= self.settings.weight
        if self.out.path is not None:
            run.staged().write_text(str(total))
            run.staged().with_suffix(".csv").write_text(f"sum\n{total}\n")
        run.results["sum"] = total
        return total


@dataclass(frozen=True, kw_only=True)
class Compare(Operation[None]):
    """Compare two images.

    Parameters
    ----------
    left, right : ImageIn
        The images.
    """

    left: ImageIn
    right: ImageIn
    out: SumOut

    def job(self, run):
        left = yield from run.open(self.left)
        right = yield from run.open(self.right)
        run.staged().write_text(str(left.shape == right.shape))


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for name, toy in (("toy.add", Add), ("toy.compare", Compare)):
        monkeypatch.setitem(OPERATIONS, name, operation(name, argument="image")(toy))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    tifffile.imwrite(folder / "i.tif", np.full((2, 4, 6), 1, np.uint8))
    return folder / "i.tif"


def test_options_are_named_by_field_and_by_part_where_one_port_has_it():
    assert [option.name for option in options_of(Add)] == [
        "image",
        "channel",
        "time",
        "axes",
        "voxel_size",
        "numbers",
        "out",
        "weight",
    ]
    assert [option.name for option in options_of(Compare)] == [
        "left",
        "left_channel",
        "left_time",
        "left_axes",
        "left_voxel_size",
        "right",
        "right_channel",
        "right_time",
        "right_axes",
        "right_voxel_size",
        "out",
    ]
    assert {o.name: o.help for o in options_of(Add)}["weight"] == "Factor of the sum."


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"image": "i.tif"}, "needs out"),
        ({"image": "i.tif", "out": "o.txt", "wait": 1}, "has no wait"),
        ({"image": "i.tif", "out": "o.txt", "weight": 11}, "weight is 11; give a number from 0"),
        ({"image": "i.tif", "out": "o.txt", "weight": "a"}, "weight is 'a'; give a number"),
        ({"image": "i.tif", "out": "o.txt", "channel": 0.5}, "channel is 0.5; give a whole"),
        ({"image": 3, "out": "o.txt"}, "image is 3; give a path"),
    ],
)
def test_a_wrong_option_is_a_sentence(options, named):
    with pytest.raises(InputError, match=named):
        Add.of(**options)


def test_an_output_comes_with_its_record_and_what_belongs_to_it(image, tmp_path):
    out = tmp_path / "new" / "o.txt"
    outcome = run(Add.of(image=image, out=out, weight=2).perform())
    assert outcome.result == 2 * 48
    assert sorted(p.name for p in out.parent.iterdir()) == ["o.csv", "o.txt", "o.txt.run.json"]
    record = read_run(record_path(out))
    assert record == outcome.run
    assert record.arguments == {
        "image": str(image),
        "channel": 0,
        "time": 0,
        "axes": "",
        "voxel_size": "",
        "numbers": None,
        "out": str(out),
    }
    assert record.settings == {"weight": 2.0}
    assert set(record.outputs) == {"o.txt", "o.csv"}


def test_what_lies_in_memory_is_kept_beside_the_output_and_replays(image, tmp_path):
    numbers = FileIn(None, write=lambda path: path.write_text("1\n2\n"), kept_as="numbers.txt")
    out = tmp_path / "o.txt"
    done = Add(image=ImageIn(image), numbers=numbers, out=SumOut(out))
    assert run(done.perform()).result == 48 + 3
    assert (tmp_path / "o numbers.txt").read_text() == "1\n2\n"
    assert run(replay(record_path(out))).same


def test_a_kept_input_writes_over_nothing(image, tmp_path):
    (tmp_path / "o numbers").write_text("mine")
    numbers = FileIn(None, write=lambda path: path.write_text("1\n"))
    with pytest.raises(InputError, match="o numbers exists already"):
        run(Add(image=ImageIn(image), numbers=numbers, out=SumOut(tmp_path / "o.txt")).perform())
    assert (tmp_path / "o numbers").read_text() == "mine"


def test_a_kept_input_that_a_person_changed_is_not_written_over(image, tmp_path):
    numbers = FileIn(None, write=lambda path: path.write_text("1\n"))
    done = Add(image=ImageIn(image), numbers=numbers, out=SumOut(tmp_path / "o.txt"))
    run(done.perform())
    (tmp_path / "o.txt").unlink()  # as if killed before the last move
    again = replace(done, numbers=FileIn(None, write=lambda path: path.write_text("2\n")))
    (tmp_path / "o numbers").write_text("mine")
    with pytest.raises(InputError, match="o numbers exists already"):
        run(again.perform())
    (tmp_path / "o numbers").write_text("1\n")
    assert run(again.perform()).result == 48 + 2


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("not enough memory: 9")]
)
def test_too_little_memory_is_a_sentence(image, tmp_path, monkeypatch, error):
    def read(path):
        raise error

    monkeypatch.setattr(np, "loadtxt", read)
    (tmp_path / "numbers.txt").write_text("1")
    adding = Add.of(image=image, numbers=tmp_path / "numbers.txt", out=tmp_path / "sum.txt")
    with pytest.raises(InputError, match=r"toy\.add needs more memory than there is; close other"):
        run(adding.perform())
    assert not (tmp_path / "sum.txt").exists()


def test_another_fault_of_the_program_is_not_taken_for_one_of_memory(image, tmp_path, monkeypatch):
    def read(path):
        raise RuntimeError("a fault")

    monkeypatch.setattr(np, "loadtxt", read)
    (tmp_path / "numbers.txt").write_text("1")
    adding = Add.of(image=image, numbers=tmp_path / "numbers.txt", out=tmp_path / "sum.txt")
    with pytest.raises(RuntimeError, match="a fault"):
        run(adding.perform())


def test_without_an_output_the_result_stays_in_memory(image, tmp_path):
    numbers = FileIn(None, write=lambda path: path.write_text("1\n"))
    volume = Volume.from_array(np.ones((2, 2, 2)))
    done = Add(image=ImageIn.of(volume), numbers=numbers, out=SumOut(None))
    assert run(done.perform()).result == 9
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_an_image_that_was_in_memory_only_cannot_be_replayed(tmp_path):
    volume = Volume.from_array(np.ones((2, 2, 2)))
    out = tmp_path / "o.txt"
    run(Add(image=ImageIn.of(volume), out=SumOut(out)).perform())
    with pytest.raises(InputError, match="came from no file"):
        run(replay(record_path(out)))


@pytest.mark.parametrize("written", ["/tmp/../{out}", "{out}", "../../o.txt"])
def test_a_replay_writes_into_its_own_folder_only(image, tmp_path, written):
    out = tmp_path / "o.txt"
    run(Add.of(image=image, out=out).perform())
    record = record_path(out)
    text = record.read_text().replace(f'"out": "{out}"', f'"out": "{written.format(out=out)}"')
    record.write_text(text)
    out.write_text("mine")
    assert not run(replay(record)).same
    assert out.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "o.csv", "o.txt", "o.txt.run.json"]


def test_a_replay_sees_that_the_output_was_changed(image, tmp_path):
    out = tmp_path / "o.txt"
    run(Add.of(image=image, out=out).perform())
    out.write_text("other")
    comparison = run(replay(record_path(out)))
    assert not comparison.same
    assert "o.txt as it lies there: not as recorded" in comparison.lines


def test_a_file_that_belongs_to_the_output_is_not_written_over(image, tmp_path):
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(InputError, match=r"o\.csv exists already and belongs beside o\.txt"):
        run(Add.of(image=image, out=tmp_path / "o.txt").perform())
    assert (tmp_path / "o.csv").read_text() == "mine"


def test_a_person_who_was_asked_may_replace(image, tmp_path):
    out = tmp_path / "o.txt"
    out.write_text("old")
    run(Add(image=ImageIn(image), out=SumOut(out, replace=True)).perform())
    assert out.read_text() == "48.0"


def test_two_runs_never_write_one_output(image, tmp_path):
    first = Add.of(image=image, out=tmp_path / "o.txt").perform()
    next(first)
    with pytest.raises(InputError, match="is being written by another run"):
        run(Add.of(image=image, out=tmp_path / "o.txt").perform())
    assert run(first).result == 48
    assert (tmp_path / "o.txt").read_text() == "48.0"


def test_an_output_that_came_meanwhile_is_kept(image, tmp_path):
    job = Add.of(image=image, out=tmp_path / "o.txt").perform()
    next(job)
    (tmp_path / "o.txt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        run(job)
    assert (tmp_path / "o.txt").read_text() == "mine"
    assert not (tmp_path / "o.csv").exists()


def test_a_file_that_came_meanwhile_where_one_belongs_is_kept(image, tmp_path):
    job = Add.of(image=image, out=tmp_path / "o.txt").perform()
    next(job)
    (tmp_path / "o.csv").write_text("mine")
    with pytest.raises(InputError, match=r"o\.csv exists already"):
        run(job)
    assert (tmp_path / "o.csv").read_text() == "mine"
    assert not (tmp_path / "o.txt").exists()


def test_a_run_leaves_alone_what_another_is_writing(image, tmp_path):
    others = tmp_path / ".o.txt.b.txt.1-0123abcd.part"
    others.mkdir()
    left = tmp_path / ".o.txt.1-0123abcd.part"
    left.mkdir()
    run(Add.of(image=image, out=tmp_path / "o.txt").perform())
    assert others.exists()
    assert not left.exists()


def test_an_input_inside_the_folder_to_be_replaced_is_kept(tmp_path):
    folder = tmp_path / "o.txt"
    folder.mkdir()
    tifffile.imwrite(folder / "i.tif", np.ones((2, 4, 6), np.uint8))
    with pytest.raises(InputError, match="is read by this run too"):
        run(Add(image=ImageIn(folder / "i.tif"), out=SumOut(folder, replace=True)).perform())
    assert (folder / "i.tif").exists()


def test_a_lock_that_cannot_be_taken_is_a_sentence(image, tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(InputError, match="cannot be written"):
        run(Add.of(image=image, out=tmp_path / "o.txt").perform())


def test_of_one_input_given_twice_both_are_noted(image, tmp_path):
    port = ImageIn(image)

    outcome = run(Compare(left=port, right=port, out=SumOut(tmp_path / "o.txt")).perform())
    assert set(outcome.run.inputs) == {"left", "right"}

"""A part of an image: what every streamed operation promises of it, on the example of each."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr

from napari_midl.cli import main
from napari_midl.engine.jobs import run
from napari_midl.engine.journal import finished_box, is_unfinished
from napari_midl.engine.operations import OPERATIONS, Operation
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.errors import InputError
from napari_midl.methods import all_operations
from napari_midl.volumes.open import open_volume
from tests.operations.examples import EXAMPLES

if TYPE_CHECKING:
    from pathlib import Path

all_operations()


@dataclass
class Case:
    """One operation in small tiles, a box in its input, and one beside that."""

    name: str
    box: str
    other: str
    tile: Any

    def options(self, folder: Path) -> dict[str, Any]:
        folder.mkdir(exist_ok=True)
        return EXAMPLES[self.name](folder)[0] | {"tile": self.tile}


CASES = [
    Case("vessels.predict", "3:5,0:20,30:48", ":,40:48,:10", (12, 16, 16)),
    Case("staining.stain", "0:20,70:90", "70:,:10", 64),
    Case("staining.despeckle", "0:1,0:20,70:90", "0:1,70:,:10", 64),
    Case("segment.predict", "0:1,0:20,40:60", "0:1,40:,:10", (1, 32, 32)),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request) -> Case:
    return request.param


@pytest.fixture
def options(case, tmp_path) -> dict[str, Any]:
    return case.options(tmp_path / "inputs")


@pytest.fixture
def whole(case, options, tmp_path) -> np.ndarray:
    out = tmp_path / "whole.ome.zarr"
    run(operation(case, options, out).perform())
    return voxels(out)


def operation(case: Case, options: dict[str, Any], out: Path, **more: Any) -> Operation[Any]:
    return OPERATIONS[case.name].of(**options, out=out, **more)


def voxels(out: Path) -> np.ndarray:
    return zarr.open_group(out, mode="r")["0"][:]


def part(image: np.ndarray, text: str) -> tuple[Any, ...]:
    """The index of a box along the last axes."""
    ends = [each.split(":") for each in text.split(",")]
    return (..., *(slice(int(a or 0), int(b) if b else None) for a, b in ends))[-image.ndim :]


def test_a_box_has_the_bits_of_the_whole_and_says_that_it_is_a_part(case, options, whole, tmp_path):
    out = tmp_path / "box.ome.zarr"
    run(operation(case, options, out, box=case.box).perform())
    found = voxels(out)
    assert found.shape == whole.shape
    at = part(whole, case.box)
    np.testing.assert_array_equal(found[at], whole[at])
    assert found.any() and (found != whole).any()
    assert open_volume(out).space == open_volume(tmp_path / "whole.ome.zarr").space
    about = zarr.open_group(out, mode="r").attrs["napari-midl"]
    assert about["complete"] is False
    assert about["box"] == finished_box(out) != ""
    assert not is_unfinished(out)


def test_more_is_added_by_another_box_and_by_the_rest(case, options, whole, tmp_path):
    out = tmp_path / "box.ome.zarr"
    run(operation(case, options, out, box=case.box).perform())
    with pytest.raises(InputError, match="exists already; pass --resume"):
        run(operation(case, options, out, box=case.other).perform())
    run(operation(case, options, out, box=case.other, resume=True).perform())
    for box in (case.box, case.other):
        at = part(whole, box)
        np.testing.assert_array_equal(voxels(out)[at], whole[at])
    assert (voxels(out) != whole).any()
    run(operation(case, options, out, resume=True).perform())
    np.testing.assert_array_equal(voxels(out), whole)
    assert zarr.open_group(out, mode="r").attrs["napari-midl"]["complete"] is True
    assert not finished_box(out)
    assert sorted(p.name for p in tmp_path.iterdir() if "progress" in p.name) == []


@pytest.mark.usefixtures("two_threads")
def test_a_box_that_was_stopped_goes_on(case, options, whole, tmp_path):
    out = tmp_path / "box.ome.zarr"
    wanted = ":,:,:" if case.box.count(",") == 2 else ":,:"
    with closing(operation(case, options, out, box=wanted).perform()) as job:
        while next(job).preview is None:
            pass
    assert is_unfinished(out) and not finished_box(out)
    run(operation(case, options, out, box=wanted, resume=True).perform())
    np.testing.assert_array_equal(voxels(out), whole)
    assert not is_unfinished(out)


@pytest.mark.usefixtures("two_threads")
def test_the_record_of_a_box_replays(case, options, tmp_path):
    out = tmp_path / "box.ome.zarr"
    run(operation(case, options, out, box=case.box).perform())
    assert read_run(record_path(out)).arguments["box"] == case.box
    comparison = run(replay(record_path(out)))
    assert comparison.same, comparison.lines
    # Also once more was added, of which the record says nothing.
    record = record_path(out).read_bytes()
    run(operation(case, options, out, resume=True).perform())
    record_path(out).write_bytes(record)
    comparison = run(replay(record_path(out)))
    assert comparison.same, comparison.lines


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("here", "'here' is no box; write it as z0:z1,y0:y1,x0:x1"),
        ("0:5", "'0:5' is no box"),
        ("0:1,0:4,-3:9", "'0:1,0:4,-3:9' is no box"),
        ("0:1,0:999,0:4", "takes y from 0 to 999, and .* has y from 0 to"),
        ("0:1,9:9,0:4", "takes y from 9 to 9"),
    ],
)
def test_what_is_no_box_in_the_image_is_a_sentence_and_writes_nothing(
    case, options, tmp_path, box, said
):
    out = tmp_path / "out" / "box.ome.zarr"
    with pytest.raises(InputError, match=said):
        run(operation(case, options, out, box=box).perform())
    assert not out.parent.exists()


def test_the_command_takes_a_box(tmp_path, capsys):
    case = CASES[0]
    options, out = case.options(tmp_path / "inputs"), tmp_path / "box.ome.zarr"
    words = ["vessels", "predict", str(options["image"]), "--out", str(out)]
    words += ["--tile", *map(str, case.tile)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--box", case.box])
    assert ended.value.code == 0, capsys.readouterr().err
    assert finished_box(out) == case.box
    with pytest.raises(SystemExit) as ended:
        main([*words, "--resume", "--box", "0:4,0:4,0:4096"])
    assert ended.value.code == 2
    assert "takes x from 0 to 4096" in " ".join(capsys.readouterr().err.split())
    assert finished_box(out) == case.box

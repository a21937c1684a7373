from __future__ import annotations

from dataclasses import replace

import pytest

from napari_midl.engine.jobs import Progress, run
from napari_midl.engine.runs import Run, read_run, record_path, replay, write_run
from napari_midl.errors import InputError

RUN = Run("toy.add", {"a": 1}, {"b": 2}, outputs={"sum": {"sha256": "3"}}, seconds=1.5)


def again(sha256: str):
    def operation(recorded, folder):
        yield Progress(0, 1)
        return replace(recorded, outputs={"sum": {"sha256": sha256, "path": str(folder)}})

    return {"toy.add": operation}


def test_a_record_comes_back(tmp_path):
    write_run(RUN, tmp_path / "r.run.json")
    assert read_run(tmp_path / "r.run.json") == RUN
    assert RUN.versions["python"]


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "r.run.json").mkdir()
    with pytest.raises(InputError, match=r"r\.run\.json cannot be written"):
        write_run(RUN, tmp_path / "r.run.json")
    assert [p.name for p in tmp_path.iterdir()] == ["r.run.json"]


@pytest.mark.parametrize("sha256, same", [("3", True), ("4", False)])
def test_a_replay_says_whether_the_bits_are_the_same(tmp_path, sha256, same):
    write_run(RUN, tmp_path / "r.run.json")
    comparison = run(replay(tmp_path / "r.run.json", again(sha256)))
    assert comparison.same is same
    assert comparison.lines == [f"output sum: {'the same' if same else 'differs'}"]


def test_what_is_no_record_is_refused(tmp_path):
    (tmp_path / "r.json").write_text('{"version": 1, "what": 3}')
    with pytest.raises(InputError, match="no run record"):
        read_run(tmp_path / "r.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "missing.json")


def test_an_operation_that_is_not_ours_is_refused(tmp_path):
    write_run(replace(RUN, operation="os.system"), tmp_path / "r.run.json")
    with pytest.raises(InputError, match=r"'os.system', which cannot be replayed"):
        run(replay(tmp_path / "r.run.json", again("3")))


def test_the_record_lies_beside_the_output(tmp_path):
    assert record_path(tmp_path / "a.ome.zarr") == tmp_path / "a.ome.zarr.run.json"
    assert record_path(tmp_path / "m.safetensors") == tmp_path / "m.safetensors.run.json"

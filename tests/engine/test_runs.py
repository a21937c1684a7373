from __future__ import annotations

import json
from dataclasses import replace

import pytest

from napari_midl.engine.jobs import run
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import Run, read_run, record_path, schema, write_run
from napari_midl.errors import InputError

RUN = Run("toy.add", {"a": 1}, {"b": 2}, outputs={"o.txt": {"sha256": "3"}}, seconds=1.5)


def test_a_record_comes_back(tmp_path):
    write_run(RUN, tmp_path / "r.run.json")
    assert read_run(tmp_path / "r.run.json") == RUN
    assert RUN.versions["python"]


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "r.run.json").mkdir()
    with pytest.raises(InputError, match=r"r\.run\.json cannot be written"):
        write_run(RUN, tmp_path / "r.run.json")
    assert [p.name for p in tmp_path.iterdir()] == ["r.run.json"]


def test_a_record_of_version_1_is_brought_up_to_date(tmp_path):
    old = {
        "version": 1,
        "operation": "staining.stain",
        "arguments": {"reflectance": "/r.tif", "fluorescence": "/f.tif", "channels": [1, 2]},
        "settings": {"method": "linear"},
        "outputs": {"image": {"path": "/there/stained.ome.zarr", "sha256": "ab"}},
    }
    (tmp_path / "r.run.json").write_text(json.dumps(old))
    known = read_run(tmp_path / "r.run.json")
    assert known.arguments == {
        "reflectance": "/r.tif",
        "fluorescence": "/f.tif",
        "reflectance_channel": 1,
        "fluorescence_channel": 2,
        "out": "stained.ome.zarr",
    }
    assert known.outputs["stained.ome.zarr"]["sha256"] == "ab"


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "what": 3}',
        "[]",
        "3",
        "{",
        '{"version": 2, "operation": 3, "arguments": {}, "settings": {}}',
        '{"version": 2, "operation": "a.b", "arguments": [], "settings": {}}',
        '{"version": 2, "operation": "a.b", "arguments": {}, "settings": {}, "outputs": {"o": 1}}',
        '{"version": 1, "operation": "a.b", "arguments": {"channels": 3}, "settings": {}}',
        '{"version": 1, "operation": "a.b", "arguments": {"channels": [1]}, "settings": {}}',
        100_000 * "[",
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match="no run record"):
        read_run(tmp_path / "r.json")


def test_a_record_that_is_missing_or_of_the_future_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_run(tmp_path / "missing.json")
    (tmp_path / "r.json").write_text('{"version": 99}')
    with pytest.raises(InputError, match="later release"):
        read_run(tmp_path / "r.json")


def test_an_operation_that_is_not_ours_is_refused(tmp_path):
    write_run(replace(RUN, operation="os.system"), tmp_path / "r.run.json")
    with pytest.raises(InputError, match=r"'os.system', which cannot be replayed"):
        run(replay(tmp_path / "r.run.json"))


@pytest.mark.parametrize("outputs", [{}, {"a.csv": {"path": "a.csv"}}])
def test_a_record_without_a_hash_is_not_called_the_same(tmp_path, outputs):
    named = {"arguments": {**RUN.arguments, "out": "a.csv"}, "outputs": outputs}
    write_run(replace(RUN, operation="vessels.analyse", **named), tmp_path / "r.run.json")
    with pytest.raises(InputError, match="nothing to compare with"):
        run(replay(tmp_path / "r.run.json"))


def test_the_schema_names_every_field_of_a_record(tmp_path):
    write_run(RUN, tmp_path / "r.run.json")
    written = json.loads((tmp_path / "r.run.json").read_text())
    assert set(schema()["properties"]) == set(written)


def test_the_record_lies_beside_the_output(tmp_path):
    assert record_path(tmp_path / "a.ome.zarr") == tmp_path / "a.ome.zarr.run.json"
    assert record_path(tmp_path / "m.safetensors") == tmp_path / "m.safetensors.run.json"

"""Records for others: their schema, and a run as an RO-Crate that the library reads back."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import tifffile
from jsonschema import Draft202012Validator

from napari_midl.cli import main
from napari_midl.engine.crate import PROFILE, write_crate
from napari_midl.engine.hashes import hash_path
from napari_midl.engine.jobs import run
from napari_midl.engine.runs import Run, read_run, record_path, schema, write_run
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.operations import Morph  # noqa: F401
from napari_midl.methods.vessels.operations import Analyse, Batch  # noqa: F401

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The record of a table that was made of a mask."""
    mask = np.zeros((5, 9, 40), np.uint8)
    mask[2, 4, 5:35] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    out = tmp_path / "branches.csv"
    run(Analyse.of(mask=tmp_path / "mask.tif", min_length=2.0, out=out).perform())
    return record_path(out)


def test_the_published_schema_is_that_of_the_program(capsys):
    published = json.loads((DOCS / "run-record.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
    with pytest.raises(SystemExit):
        main(["runs", "schema"])
    assert json.loads(capsys.readouterr().out) == published


def test_a_record_is_valid_by_its_schema_and_a_damaged_one_is_not(record):
    validator = Draft202012Validator(schema())
    values = json.loads(record.read_text(encoding="utf-8"))
    validator.validate(values)
    values["seconds"] = "long"
    assert not validator.is_valid(values)


def test_a_crate_tells_what_was_made_of_what_and_by_what(record, tmp_path, capsys):
    rocrate = pytest.importorskip("rocrate.rocrate")
    out = tmp_path / "crate"
    with pytest.raises(SystemExit) as ended:
        main(["runs", "crate", str(record), "--out", str(out), "--licence", "CC0-1.0"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{out}\n"
    crate = rocrate.ROCrate(str(out))
    root = crate.root_dataset
    assert root["license"] == "CC0-1.0"
    assert root["conformsTo"].id == PROFILE
    (action,) = root["mentions"]
    assert action.type == "CreateAction"
    assert action["instrument"]["name"] == "napari-midl"
    (table,) = action["result"]
    assert table.id == "branches.csv"
    assert table["sha256"] == hash_path(out / "branches.csv")
    options = {e["name"]: e["value"] for e in action["object"] if e.type == "PropertyValue"}
    assert options["min_length"] == 2.0
    (mask,) = [e for e in action["object"] if e.type == "File"]
    assert mask.id == (tmp_path / "mask.tif").as_uri()
    assert pd.Timestamp(action["endTime"]) >= pd.Timestamp(action["startTime"])
    assert read_run(out / record.name).operation == "vessels.analyse"
    assert not (out / "inputs").exists()


def test_a_crate_takes_the_inputs_along_when_asked(record, tmp_path):
    rocrate = pytest.importorskip("rocrate.rocrate")
    write_crate(record, tmp_path / "crate", copy_inputs=True)
    copied = tmp_path / "crate" / "inputs" / "mask" / "mask.tif"
    assert copied.read_bytes() == (tmp_path / "mask.tif").read_bytes()
    (action,) = rocrate.ROCrate(str(tmp_path / "crate")).root_dataset["mentions"]
    assert "inputs/mask/mask.tif" in [each.id for each in action["object"]]


def test_inputs_of_one_name_are_all_taken_along(tmp_path):
    pytest.importorskip("rocrate")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        lines = f"name,x,y,z\n{folder},0,0,0\n"
        (tmp_path / folder / "points.csv").write_text(lines, encoding="utf-8")
    paths = {name: str(tmp_path / name / "points.csv") for name in ("a", "b")}
    arguments = {"landmarks": paths["a"], "other": paths["b"], "model": "base"}
    arguments |= {"out": "m.ply", "fraction": 0.5}
    write_run(Run("anatomy.morph", arguments, {}), tmp_path / "m.ply.run.json")
    write_crate(tmp_path / "m.ply.run.json", tmp_path / "crate", copy_inputs=True)
    copied = sorted((tmp_path / "crate" / "inputs").rglob("*.csv"))
    assert [path.read_bytes() for path in copied] == [
        Path(path).read_bytes() for path in paths.values()
    ]


def test_all_files_of_one_input_are_taken_along(tmp_path):
    rocrate = pytest.importorskip("rocrate.rocrate")
    images = [tmp_path / folder / "scan.tif" for folder in ("a", "b")]
    for image in images:
        image.parent.mkdir()
        image.write_text(image.parent.name, encoding="utf-8")
    arguments = {"images": list(map(str, images)), "model": "base", "out": "all.csv"}
    known = {"images": {"fingerprint": "1 2"}}
    write_run(Run("vessels.batch", arguments, {}, known), tmp_path / "all.csv.run.json")
    write_crate(tmp_path / "all.csv.run.json", tmp_path / "crate", copy_inputs=True)
    (action,) = rocrate.ROCrate(str(tmp_path / "crate")).root_dataset["mentions"]
    read = [each for each in action["object"] if each.type == "File"]
    assert [(tmp_path / "crate" / each.id).read_text() for each in read] == ["a", "b"]
    assert not any(each.get("identifier") for each in read)  # that is of both together
    images[1].unlink()
    with pytest.raises(InputError, match=r"b.scan\.tif is gone, which .* tells of"):
        write_crate(tmp_path / "all.csv.run.json", tmp_path / "other", copy_inputs=True)
    write_crate(tmp_path / "all.csv.run.json", tmp_path / "other")


@pytest.mark.parametrize("given", [".hdr", ".img"])
def test_both_files_of_an_image_in_a_pair_are_taken_along(tmp_path, given):
    rocrate = pytest.importorskip("rocrate.rocrate")
    mask = np.zeros((40, 9, 5), np.uint8)
    mask[5:35, 4, 2] = 1
    nib.save(nib.Nifti1Pair(mask, np.eye(4)), tmp_path / "mask.img")
    out = tmp_path / "branches.csv"
    run(Analyse.of(mask=tmp_path / f"mask{given}", min_length=2.0, out=out).perform())

    def crate(name: str, *how: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["runs", "crate", str(record_path(out)), "--out", str(tmp_path / name), *how])
        return ended.value.code

    assert crate("crate", "--copy-inputs") == 0
    for ending in (".hdr", ".img"):
        copied = tmp_path / "crate" / "inputs" / "mask" / f"mask{ending}"
        assert copied.read_bytes() == (tmp_path / f"mask{ending}").read_bytes()
    (action,) = rocrate.ROCrate(str(tmp_path / "crate")).root_dataset["mentions"]
    known = [each for each in action["object"] if each.get("identifier")]
    assert [each.id for each in known] == [f"inputs/mask/mask{given}"]
    (tmp_path / ("mask.img" if given == ".hdr" else "mask.hdr")).unlink()
    assert crate("other", "--copy-inputs") == 2 and not (tmp_path / "other").exists()
    assert crate("other") == 0  # which names the one that is there


def test_a_crate_of_an_unknown_operation_names_its_record(record, tmp_path):
    pytest.importorskip("rocrate")
    text = record.read_text(encoding="utf-8").replace("vessels.analyse", "vessels.dream")
    record.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"branches\.csv\.run\.json is of 'vessels\.dream'"):
        write_crate(record, tmp_path / "crate")


def test_a_crate_that_cannot_be_written_leaves_nothing(record, tmp_path):
    pytest.importorskip("rocrate")
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="exists already"):
        write_crate(record, tmp_path / "taken")
    (tmp_path / "branches.csv").unlink()
    with pytest.raises(InputError, match=r"branches\.csv is gone"):
        write_crate(record, tmp_path / "crate")
    assert not (tmp_path / "crate").exists()


def test_a_crate_says_what_to_install(record, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rocrate.rocrate", None)
    with pytest.raises(InputError, match=r"napari-midl\[crate\]"):
        write_crate(record, tmp_path / "crate")

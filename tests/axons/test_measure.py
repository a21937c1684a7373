"""Neurons through the command line: measured, exported, and traced with their widths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_midl.cli import main
from napari_midl.volumes.swc import read_swc

NEURON = """\
# a neuron of mine
1 1 50 40 0 4.5 -1
2 2 54 40 0 1.5 1
3 2 58 40 0 1.5 2
4 2 68 40 0 1 3
5 3 58 60 0 1 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("neuron.swc").write_text(NEURON, encoding="utf-8")
    return tmp_path


def ran(*command):
    with pytest.raises(SystemExit) as ended:
        main(["axons", *command])
    return int(ended.value.code or 0)


def refused(capfd, *command):
    before = sorted(Path().iterdir())
    assert ran(*command) == 2
    assert sorted(Path().iterdir()) == before
    return capfd.readouterr().err.strip().splitlines()[-1]


def _accept(*names):
    """TRACES.csv of the neuron, as the dock writes it where some are accepted."""
    table = pd.read_csv("neuron.csv", dtype=str)
    state = table["path"].isin(names).map({True: "accepted", False: "proposed"})
    table.assign(state=state, placed_by="person", why="").to_csv("judged.csv", index=False)


def test_traces_trees_and_spheres_are_three_tables(capfd):
    assert ran("measure", "neuron.swc", "--out", "m.csv", "--sholl-step", "6") == 0
    assert "4 traces in one tree, lengths in µm" in capfd.readouterr().out
    traces, trees, spheres = (pd.read_csv(f"m{name}.csv") for name in ("", " trees", " sholl"))
    assert traces["length (µm)"].tolist() == [0, 4, 10, 20]
    assert traces["branch order"].tolist() == [0, 0, 1, 1]
    assert trees["length (µm)"].tolist() == [34]
    assert trees["length of order 1 (µm)"].tolist() == [30]
    assert spheres["radius (µm)"].tolist() == [6, 12, 18]
    assert spheres["intersections"].tolist() == [1, 2, 2]


def test_uncertainty_that_an_swc_cannot_hold_is_left_empty():
    unsure = ["mean uncertainty", "highest uncertainty"]
    tifffile.imwrite("image.tif", np.zeros((64, 80), np.uint8))
    Path("t.csv").write_text("path,y,x,uncertainty\nA,20,20,0.2\nA,20,30,0.4\n", encoding="utf-8")
    assert ran("export", "t.csv", "--image", "image.tif", "--out", "again.swc") == 0
    assert ran("measure", "again.csv", "--out", "of table.csv") == 0
    assert pd.read_csv("of table.csv")[unsure].to_numpy().tolist() == [[0.3, 0.4]]
    assert ran("measure", "again.swc", "--out", "of swc.csv") == 0
    assert pd.read_csv("of swc.csv")[unsure].isna().all(axis=None)
    assert ran("export", "again.swc", "--image", "image.tif", "--out", "exported.csv") == 0
    exported = pd.read_csv("exported.csv")
    assert exported["uncertainty"].isna().all() and exported["id"].tolist() == [1, 2]
    # What came of it knows no more.
    assert ran("export", "exported.csv", "--image", "image.tif", "--out", "twice.csv") == 0
    assert Path("twice.csv").read_bytes() == Path("exported.csv").read_bytes()
    assert ran("measure", "twice.csv", "--out", "of twice.csv") == 0
    assert pd.read_csv("of twice.csv")[unsure].isna().all(axis=None)


def test_the_uncertainty_of_a_trace_is_that_of_what_is_told_of_it():
    told = "path,y,x,uncertainty\nA,20,20,\nA,20,30,0.2\nA,20,40,0.4\nB,9,9,\nB,9,12,\n"
    Path("t.csv").write_text(told, encoding="utf-8")
    assert ran("measure", "t.csv", "--out", "m.csv") == 0
    table = pd.read_csv("m.csv", index_col="path")
    assert table.loc["A", ["mean uncertainty", "highest uncertainty"]].tolist() == [0.3, 0.4]
    assert table.loc["B", ["mean uncertainty", "highest uncertainty"]].isna().all()


def test_what_becomes_of_an_swc_tells_only_what_was_found_anew(wave):
    image, middle = wave
    tifffile.imwrite("fibre.tif", image)
    nodes = [(x, y) for y, x in middle[::8].tolist()]

    def part(first, last):
        lines = [
            f"{k} 2 {x} {y} 0 1.5 {k - 1 if k > first + 1 else -1}"
            for k, (x, y) in enumerate(nodes[first:last], first + 1)
        ]
        return "\n".join(lines) + "\n"

    Path("parts.swc").write_text(part(0, 40) + part(50, 95), encoding="utf-8")
    Path("seeds.csv").write_text("path,y,x\na,46,100\n", encoding="utf-8")
    out = ("fibre.tif", "--traces", "parts.swc", "--out")
    assert ran("join", *out, "tree.csv") == 0
    told = pd.read_csv("tree.csv")["uncertainty"].notna()
    assert 0 < told.sum() < 20, "the bridge alone"
    assert ran("finetune", *out, "m.safetensors", "--steps", "1") == 0
    known = ("--seeds", "seeds.csv", "--known", "parts.swc", "--out", "new.csv")
    assert ran("trace", "fibre.tif", *known) == 0
    assert ran("measure", "parts.swc", "--out", "m.csv") == 0
    records = [*Path().glob("*.run.json")]
    assert len(records) == 4
    for record in records:
        json.loads(record.read_text(encoding="utf-8"), parse_constant=pytest.fail)


@pytest.mark.parametrize("command", ["export", "measure"])
def test_that_a_table_beside_an_swc_knows_more_is_said(command, capfd):
    tifffile.imwrite("image.tif", np.zeros((64, 80), np.uint8))
    Path("neuron.csv").write_text("of another,program\n", encoding="utf-8")
    Path("ours.swc").write_text(NEURON, encoding="utf-8")
    Path("ours.csv").write_text("path,index,z,y,x,uncertainty\nA,0,0,20,20,0\n", encoding="utf-8")
    for name, says in (("neuron", False), ("ours", True)):
        how = ["--image", "image.tif"] if command == "export" else []
        assert ran(command, f"{name}.swc", *how, "--out", f"of {name}.csv") == 0
        beside = f"{name}.csv beside it does: give that instead" in capfd.readouterr().out
        assert beside == says


def test_what_is_beside_is_not_written_over(capfd):
    Path("m sholl.csv").write_text("mine", encoding="utf-8")
    assert "m sholl.csv exists already" in refused(capfd, "measure", "neuron.swc", "--out", "m.csv")


def test_only_what_is_accepted_is_taken(capfd):
    tifffile.imwrite("image.tif", np.zeros((64, 80), np.uint8))
    export = ("export", "--image", "image.tif")
    assert ran(*export, "neuron.swc", "--out", "all.swc") == 0
    Path("all.csv").rename("neuron.csv")
    # Paths of the file: the soma, the way to the fork, and two branches.
    _accept("2", "4")
    only = ("judged.csv", "--accepted-only", "--out")
    assert ran("measure", *only, "m.csv") == 0
    table = pd.read_csv("m.csv")
    assert table["path"].tolist() == [2, 4] and set(table["state"]) == {"accepted"}
    assert pd.read_csv("m trees.csv")["length (voxel)"].tolist() == [28]
    assert ran(*export, *only, "some.swc") == 0
    assert read_swc(Path("some.swc"))["id"].tolist() == [1, 2, 3, 5]
    _accept()
    assert "has no accepted trace" in refused(capfd, "measure", *only, "none.csv")


def test_an_exported_file_is_the_file_that_was_read():
    tifffile.imwrite(
        "image.tif",
        np.zeros((64, 80), np.uint8),
        imagej=True,
        resolution=(1, 1),
        metadata={"unit": "um"},
    )
    assert ran("export", "neuron.swc", "--image", "image.tif", "--out", "again.swc") == 0
    pd.testing.assert_frame_equal(read_swc(Path("again.swc")), read_swc(Path("neuron.swc")))
    assert "# a neuron of mine\n" in Path("again.swc").read_text(encoding="utf-8")


def test_a_step_below_zero_is_refused(capfd):
    said = refused(capfd, "measure", "neuron.swc", "--out", "m.csv", "--sholl-step=-1")
    assert "give one above 0" in said


def test_a_traced_fibre_has_its_width(wave):
    tifffile.imwrite("fibre.tif", wave[0])
    Path("seeds.csv").write_text("path,y,x\na,46,100\n", encoding="utf-8")
    assert ran("trace", "fibre.tif", "--seeds", "seeds.csv", "--out", "t.swc") == 0
    # The fibre is a Gaussian of 1.5 px, half as high 1.77 px from its middle.
    radius = pd.read_csv("t.csv")["radius"]
    assert radius.median() == pytest.approx(1.77, rel=0.15)
    assert read_swc(Path("t.swc"))["radius"].median() == pytest.approx(1.77, rel=0.15)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,y,x,parent_path,parent_index\na,1,2,b,0\n", "line 2 names the parent_path b"),
        (
            "path,y,x,parent_path,parent_index\na,1,2,,\na,1,3,,\nb,1,2,a,2\n",
            "line 4 has no parent_index from 0 to 1",
        ),
        (
            "path,y,x,parent_path,parent_index\na,1,2,b,0\nb,1,2,a,0\n",
            "is its own parent by way of its parents",
        ),
        ("path,y,x,type\na,1,2,1.5\n", "line 2 has '1.5' as type; write a whole number"),
        ("path,y,x,radius\na,1,2,wide\n", "line 2 has 'wide' as radius"),
    ],
)
def test_a_table_that_is_no_tree_is_a_sentence(capfd, text, words):
    Path("t.csv").write_text(text, encoding="utf-8")
    said = refused(capfd, "measure", "t.csv", "--out", "m.csv")
    assert words in said and said.endswith(".")

"""Through the command line: one sentence, exit code 2, nothing written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_midl.cli import main

Wave = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wave: Wave) -> Path:
    """A working folder with a good image and good seeds."""
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("image.tif", wave[0])
    Path("seeds.csv").write_text("path,y,x,dy,dx\na,71,20,0,1\nb,46,100,,\n", encoding="utf-8")
    return tmp_path


def trace(capfd: pytest.CaptureFixture[str], *options: str, **files: str) -> tuple[int, str]:
    image, seeds = files.get("image", "image.tif"), files.get("seeds", "seeds.csv")
    out = files.get("out", "traces.csv")
    with pytest.raises(SystemExit) as ended:
        main(["axons", "trace", image, "--seeds", seeds, "--out", out, *options])
    return int(ended.value.code or 0), capfd.readouterr().err.strip().splitlines()[-1]


def ran(*command: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["axons", *command])
    return int(ended.value.code or 0)


def refused(capfd: pytest.CaptureFixture[str], *options: str, **files: str) -> str:
    before = sorted(p.name for p in Path().iterdir())
    code, sentence = trace(capfd, *options, **files)
    assert code == 2
    assert sentence.endswith(".")
    assert sorted(p.name for p in Path().iterdir()) == before
    return sentence


@pytest.mark.parametrize("out", ["traces.csv", "traces.swc"])
def test_good_input_is_traced_and_replays(
    folder: Path, capfd: pytest.CaptureFixture[str], out: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["axons", "trace", "image.tif", "--seeds", "seeds.csv", "--out", out])
    assert not ended.value.code
    (record,) = folder.glob("*.run.json")
    assert "1 trace, 1 lies on a fibre traced already" in capfd.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", record.name])
    assert not ended.value.code


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("path,y,x\na,60,900\n", ["seed a", "outside", "image"]),
        ("path,y,x\na,-3,20\n", ["seed a", "outside"]),
        ("path,y,x\na,46,100\nb,100,100\n", ["seed b", "no fibre"]),
        ("path,y\na,60\n", ["seeds.csv", "column x"]),
        ("path,y,x\na,sixty,20\n", ["seeds.csv line 2", "sixty", "number"]),
        ("path,y,x\na,60,20\na,61,30\n", ["line 3", "repeats"]),
        ("path,y,x\n", ["seeds.csv", "no row"]),
        ("path,y,x,dy,dx\na,60,20,1,\n", ["line 2", "dx"]),
        ("path;y;x\na;60;20\n", ["line 1", "semicolons"]),
        ("Path,Y,X\na,60,20\n", ["Path,Y,X", "path,y,x"]),
    ],
)
def test_bad_seeds(
    folder: Path, capfd: pytest.CaptureFixture[str], rows: str, words: list[str]
) -> None:
    Path("seeds.csv").write_text(rows, encoding="utf-8")
    sentence = refused(capfd)
    assert all(word in sentence for word in words), sentence


def test_missing_files(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "none.csv" in refused(capfd, seeds="none.csv")
    assert "none.tif" in refused(capfd, image="none.tif")
    assert ".csv or .swc" in refused(capfd, out="traces.txt")


def test_links_in_a_circle(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Path("one.tif").symlink_to("two.tif")
    Path("two.tif").symlink_to("one.tif")
    assert "one.tif" in refused(capfd, image="one.tif")


def test_nothing_is_replaced(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("seeds.csv", "mine.csv", "taken.swc"):
        kept = Path(name)
        kept.touch()
        before = kept.read_bytes()
        sentence = refused(capfd, out=str(kept.with_suffix(".swc")))
        assert name in sentence
        assert "read by this run" in sentence or "exists already" in sentence
        assert kept.read_bytes() == before
    assert "seeds.csv exists already" in refused(capfd, out="seeds.csv")


@pytest.mark.parametrize("out", ["/{folder}/elsewhere.csv", "../elsewhere.csv", ".."])
def test_a_replay_writes_nowhere_else(
    folder: Path, capfd: pytest.CaptureFixture[str], out: str
) -> None:
    assert ran("trace", "image.tif", "--seeds", "seeds.csv", "--out", "traces.csv") == 0
    record = folder / "traces.csv.run.json"
    held = json.loads(record.read_text())
    target = folder.parent / "elsewhere.csv"
    held["arguments"]["out"] = out.format(folder=folder.parent)
    record.write_text(json.dumps(held))
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(SystemExit):
        main(["runs", "replay", str(record)])
    assert not target.exists()
    assert sorted(folder.parent.rglob("*")) == before


def test_a_seed_on_no_fibre_can_be_left_out(folder: Path) -> None:
    Path("seeds.csv").write_text("path,y,x\na,71,20\nb,110,100\n", encoding="utf-8")
    assert ran("trace", "image.tif", "--seeds", "seeds.csv", "--out", "t.csv", "--skip") == 0
    assert set(pd.read_csv("t.csv")["path"]) == {"a"}


def test_where_nothing_is_traced_it_says_so_and_writes_no_node(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("empty.csv").write_text("path,y,x\nb,110,100\n", encoding="utf-8")
    for out in ("none.swc", "t.csv"):
        assert ran("trace", "image.tif", "--seeds", "empty.csv", "--skip", "--out", out) == 0
        assert "0 traces" in capfd.readouterr().out
    lines = Path("none.swc").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") for line in lines)


def test_two_places_are_connected_measured_and_exported(
    folder: Path, wave: Wave, capfd: pytest.CaptureFixture[str]
) -> None:
    (y, x), (end_y, end_x) = wave[1][20], wave[1][-20]
    places = ("--start", "0", str(y), str(x), "--end", "0", str(end_y), str(end_x))
    assert ran("connect", "image.tif", *places, "--path", "one", "--out", "one.csv") == 0
    assert ran("export", "one.csv", "--image", "image.tif", "--out", "two.swc") == 0
    assert ran("measure", "two.swc", "--out", "bare.csv") == 0
    assert ran("measure", "one.csv", "--image", "image.tif", "--out", "measured.csv") == 0
    assert Path("two.csv").read_bytes() == Path("one.csv").read_bytes()
    length = np.linalg.norm(np.diff(wave[1][20:-19], axis=0), axis=1).sum()
    assert pd.read_csv("measured.csv")["length (voxel)"][0] == pytest.approx(length, rel=0.03)
    # The image has no size of a pixel, and the SWC says so.
    assert pd.read_csv("bare.csv")["length (voxel)"][0] == pytest.approx(length, rel=0.03)
    for name in ("one.csv", "two.swc", "bare.csv", "measured.csv"):
        with pytest.raises(SystemExit) as ended:
            main(["runs", "replay", f"{name}.run.json"])
        assert not ended.value.code


def test_a_record_of_version_1_replays(folder: Path) -> None:
    assert ran("trace", "image.tif", "--seeds", "seeds.csv", "--out", "traces.swc") == 0
    record = folder / "traces.swc.run.json"
    held = json.loads(record.read_text())
    held["version"] = 1
    held["arguments"] |= {"out": "traces.swc"}
    del held["arguments"]["time"], held["arguments"]["skip"]
    held["outputs"] = {"traces": held["outputs"]["traces.swc"]}
    record.write_text(json.dumps(held))
    with pytest.raises(SystemExit) as ended:
        main(["runs", "replay", str(record)])
    assert not ended.value.code


def test_a_time_point_is_chosen(
    folder: Path, wave: Wave, capfd: pytest.CaptureFixture[str]
) -> None:
    series = np.stack([np.random.default_rng(0).integers(0, 20, wave[0].shape, np.uint8), wave[0]])
    tifffile.imwrite("series.ome.tif", series, metadata={"axes": "TYX"})
    assert "no fibre" in refused(capfd, image="series.ome.tif")
    for command, *options in (
        ("trace", "--seeds", "seeds.csv", "--out", "t.csv"),
        ("finetune", "--traces", "t.csv", "--out", "m.safetensors", "--steps", "1"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["axons", command, "series.ome.tif", "--time", "1", *options])
        assert not ended.value.code
    assert '"time": 1' in Path("m.safetensors.run.json").read_text(encoding="utf-8")


def test_flat_and_small_images(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite("flat.tif", np.full((120, 200), 7, np.uint8))
    assert "everywhere" in refused(capfd, image="flat.tif")
    tifffile.imwrite("small.tif", np.arange(64, dtype=np.uint8).reshape(8, 8))
    assert "smaller than" in refused(capfd, image="small.tif")


def test_a_model_of_another_tool(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from napari_midl.engine.models import shipped_weights

    assert "vessels" in refused(capfd, "--model", str(shipped_weights("vessels-base")))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("1 2 0 0 0 1 2\n2 2 1 0 0 1 1\n", "parent"),
        ("1 2 0 0 0 1 -1\n2 2 1 0 0 1 3\n3 2 2 0 0 1 2\n", "cycle"),
        ("1 2 0 0 0\n", "seven numbers"),
        ("", "no node"),
    ],
)
def test_bad_swc(folder: Path, capfd: pytest.CaptureFixture[str], text: str, word: str) -> None:
    Path("traces.swc").write_text(text, encoding="utf-8")
    before = sorted(p.name for p in folder.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(["axons", "finetune", "image.tif", "--traces", "traces.swc", "--out", "m.safetensors"])
    assert ended.value.code == 2
    assert word in capfd.readouterr().err.strip().splitlines()[-1]
    assert sorted(p.name for p in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("end", "more", "words"),
    [
        (["0", "60", "900"], [], "A place at (0, 60, 900) lies outside image"),
        (["3", "60", "90"], [], "A place at (3, 60, 90) lies outside image"),
        (["0", "60", "90"], ["--path", " "], "path is empty; give the trace a name"),
    ],
)
def test_bad_places_to_connect(
    folder: Path, capfd: pytest.CaptureFixture[str], end: list[str], more: list[str], words: str
) -> None:
    command = ["connect", "image.tif", "--start", "0", "60", "20", "--end", *end]
    assert ran(*command, *more, "--out", "one.csv") == 2
    said = capfd.readouterr().err
    assert words in said and "row" not in said
    assert not Path("one.csv").exists()

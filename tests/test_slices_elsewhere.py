"""Stacks whose slices were saved as time points or channels: said, and told with --axes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_midl.cli import main
from napari_midl.engine.models import save_model
from napari_midl.methods.vessels.models import scratch
from napari_midl.volumes.axes import slices_elsewhere, swapped
from napari_midl.volumes.open import open_volume

Z, Y, X = 14, 72, 96


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A fibre that rises through the slices, which are kept as T, C, Z and without a name."""
    monkeypatch.chdir(tmp_path)
    z, y, x = np.indices((Z, Y, X))
    away = (z - 3 - x / 16) ** 2 / 3 + (y - 36) ** 2 / 6
    noise = np.random.default_rng(0).normal(0, 5, away.shape)
    voxels = (30 + 200 * np.exp(-away) + noise).clip(0, 255).astype(np.uint8)
    for name, axes in (("frames", "TYX"), ("channels", "CYX"), ("slices", "ZYX")):
        about = {"axes": axes, "unit": "um", "spacing": 1.0}
        tifffile.imwrite(f"{name}.tif", voxels, imagej=True, resolution=(2, 2), metadata=about)
    labels = np.zeros((Z, Y, X), np.uint8)
    labels[4, 30:40, 20:60], labels[4, 50:60, 20:60] = 2, 1
    tifffile.imwrite("labels.tif", labels, imagej=True, metadata={"axes": "TYX"})
    seed = "path,y,x,z,dy,dx,dz\na,36,24,4.5,0,1,0.0625\n"
    Path("seeds.csv").write_text(seed, encoding="utf-8")
    save_model(scratch(), Path("model.safetensors"))
    return tmp_path


def ran(*command):
    with pytest.raises(SystemExit) as ended:
        main(command)
    return int(ended.value.code or 0)


TRACE = ["--seeds", "seeds.csv", "--out", "out.csv"]
COMMANDS = {
    "trace": ["axons", "trace", "{}", *TRACE],
    "predict": ["vessels", "predict", "{}", "--model", "model.safetensors", "--out", "o.ome.zarr"],
    "finetune": [
        *["vessels", "finetune", "{}", "--labels", "labels.tif", "--model", "model.safetensors"],
        *["--out", "out.safetensors", "--steps", "1", "--patch", "8", "16", "16"],
    ],
    "propose": ["vessels", "propose", "{}", "--model", "model.safetensors", "--out", "o.csv"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("name", "word"), [("frames", "time points"), ("channels", "channels")])
def test_what_needs_slices_says_what_there_is_and_how_to_choose(folder, capfd, command, name, word):
    before = sorted(folder.iterdir())
    assert ran(*(part.format(f"{name}.tif") for part in COMMANDS[command])) == 2
    said = capfd.readouterr().err.strip().splitlines()[-1]
    assert f"{name}.tif has {Z} {word} and no Z" in said
    assert "--axes ZYX" in said
    assert said.endswith(".")
    assert sorted(folder.iterdir()) == before


def test_the_way_out_leads_out(folder):
    """The same trace and, to the bit, the same prediction as of the file that says slices."""
    for name in ("frames", "channels", "slices"):
        out = ["--seeds", "seeds.csv", "--out", f"{name}.csv"]
        assert ran("axons", "trace", f"{name}.tif", "--axes", "ZYX", *out) == 0
    names = ("frames", "channels", "slices")
    traces = [Path(f"{name}.csv").read_text(encoding="utf-8") for name in names]
    assert traces[0] == traces[1] == traces[2]
    assert len(traces[0].splitlines()) > 20
    predict = ["--model", "model.safetensors", "--tile", "16", "64", "64", "--out"]
    for name in ("frames", "slices"):
        image = ["vessels", "predict", f"{name}.tif", "--axes", "zyx"]
        assert ran(*image, *predict, f"{name}.ome.zarr") == 0
    frames, slices = open_volume("frames.ome.zarr"), open_volume("slices.ome.zarr")
    assert frames.space == slices.space
    np.testing.assert_array_equal(frames.data, slices.data)


@pytest.mark.usefixtures("few_pixel_steps")
def test_labels_that_were_saved_as_time_points_lie_on_the_slices(folder):
    """As many as the image has slices can be nothing else."""
    command = [part.format("slices.tif") for part in COMMANDS["finetune"]]
    assert ran(*command) == 0
    assert Path("out.safetensors").exists()


def test_the_names_of_the_axes_are_recorded_and_replayed(folder):
    assert ran("axons", "trace", "frames.tif", "--axes", "ZYX", *TRACE) == 0
    (record,) = folder.glob("*.run.json")
    assert json.loads(record.read_text())["arguments"]["axes"] == "ZYX"
    assert ran("runs", "replay", record.name) == 0


@pytest.mark.parametrize("axes", ["ZY", "QYX", "TZYX"])
def test_names_that_do_not_fit_are_said(folder, capfd, axes):
    assert ran("axons", "trace", "frames.tif", "--axes", axes, *TRACE) == 2
    assert f"--axes {axes} does not fit" in capfd.readouterr().err.strip().splitlines()[-1]


def test_a_plane_of_a_time_series_is_traced_where_no_seed_lies_deeper(folder):
    Path("seeds.csv").write_text("path,y,x,dy,dx\na,36,24,0,1\n", encoding="utf-8")
    out = ["--seeds", "seeds.csv", "--out", "out.csv"]
    assert ran("axons", "trace", "frames.tif", "--time", "4", *out) == 0


def test_what_may_be_slices():
    assert slices_elsewhere("TYX", (9, 4, 4)) == ("T", 9)
    assert slices_elsewhere("TCZYX", (2, 9, 1, 4, 4)) == ("C", 9)
    assert slices_elsewhere("TZYX", (9, 2, 4, 4))[1] == 1
    assert slices_elsewhere("YX", (4, 4))[1] == 1
    assert swapped("TCZYX", "T") == "ZCTYX"


@pytest.mark.parametrize("kind", ["npy", "zarr", "ome.tif", "array"])
def test_names_of_axes_of_any_format(tmp_path, kind):
    voxels = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5)
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, voxels)
    elif kind == "zarr":
        zarr.save_array(path, voxels)
    elif kind == "ome.tif":
        tifffile.imwrite(path, voxels, photometric="minisblack", metadata={"axes": "TCYX"})
    source = voxels if kind == "array" else path
    named = open_volume(source, "CZYX")
    assert named.axes == ("C", "Z", "Y", "X")
    np.testing.assert_array_equal(named.data, voxels)
    turned = open_volume(source, "zcyx")
    assert turned.axes == ("C", "Z", "Y", "X")
    np.testing.assert_array_equal(turned.data, voxels.swapaxes(0, 1))


def test_a_depth_that_is_not_said_is_not_known_once_there_are_slices(tmp_path):
    about = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((4, 8, 9), np.uint8), photometric="minisblack", metadata=about)
    assert open_volume(path).spatial().space.known
    assert open_volume(path, "ZYX").space.scale == (None, 0.5, 0.5)

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
import tifffile

from napari_midl import cli, doctor, terminal
from napari_midl.engine.jobs import Progress
from napari_midl.engine.models import shipped_weights
from napari_midl.methods.vessels.settings import (
    FinetuneSettings,
    PredictSettings,
    PretrainSettings,
)

FINETUNE = ["vessels", "finetune", "image.tif", "--labels", "labels.tif", "--out", "m.safetensors"]


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; gives its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main([str(a) for a in arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def stroked(call, tmp_path):
    """A small image with a bright rod, and strokes on two of its slices."""
    rng = np.random.default_rng(0)
    rod = np.zeros((16, 64, 64), bool)
    rod[:, 24:32, :] = True
    image = (rng.normal(60, 10, rod.shape) + 120 * rod).clip(0, 255).astype(np.uint8)
    labels = np.zeros(rod.shape, np.uint8)
    labels[[4, 12]] = np.where(rod[[4, 12]], 2, 1)
    tifffile.imwrite(tmp_path / "image.tif", image)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    return tmp_path


def child(script, *arguments):
    return [sys.executable, "-c", script, *map(str, arguments)]


def is_one_sentence(text):
    return text.endswith((".\n", "?\n")) and text.count("\n") == 1 and "Traceback" not in text


@pytest.mark.parametrize(
    ("command", "settings"),
    [("finetune", FinetuneSettings), ("predict", PredictSettings), ("pretrain", PretrainSettings)],
)
def test_every_setting_is_a_described_option(call, command, settings):
    code, out, _ = call("vessels", command, "--help")
    assert code == 0
    for field in fields(settings):
        option = f"--{field.name.replace('_', '-')} "
        line = next(line for line in out.splitlines() if option in line)
        assert line.split(option)[1].strip(" │"), f"{option} is not described"


def test_help_names_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    assert all(name in out for name in ("demo", "doctor", "vessels", "runs"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (FINETUNE, "image.tif"),
        ([*FINETUNE, "--minutes", "1e9"], "minutes"),
        ([*FINETUNE, "--loss", "guess"], "guess"),
        ([*FINETUNE, "--minuets", "1"], "--minuets"),
        (FINETUNE[:3], "--labels"),
        (
            ["vessels", "predict", "image.tif", "--model", "base", "--out", "o.ome.zarr"],
            "image.tif",
        ),
        (["runs", "replay", "missing.run.json"], "missing.run.json"),
        (["missing.tif"], "missing.tif"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(call, tmp_path, arguments, named):
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert is_one_sentence(err)
    assert named in err
    assert list(tmp_path.iterdir()) == []


def test_no_screen_is_a_sentence(call, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, _, err = call()
    assert code == 2
    assert is_one_sentence(err)
    assert "screen" in err


def test_without_a_qt_binding_a_window_is_a_sentence(call, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "qtpy.QtWidgets", None)
    code, _, err = call()
    assert code == 2
    assert is_one_sentence(err)
    assert 'pip install "napari-midl[all]"' in err


def test_missing_torch_names_what_to_install(tmp_path):
    script = "import sys; sys.modules['torch'] = None; from napari_midl.cli import main; main()"
    for name in ("image.tif", "labels.tif"):
        tifffile.imwrite(tmp_path / name, np.zeros((5, 8, 8), np.uint8))
    ended = subprocess.run(child(script, *FINETUNE), capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 2
    assert 'pip install "napari-midl[torch]"' in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_starts_without_torch_qt_or_napari():
    script = (
        "import sys\nfrom napari_midl.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'qtpy', 'napari', 'dask', 'scipy'} & set(sys.modules)))"
    )
    ended = subprocess.run(child(script), capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupt_closes_the_job_and_leaves_with_130(tmp_path):
    # A shell that starts the tests in the background has them ignore SIGINT, and so all they start.
    script = """
import signal, sys, time, types
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)
from napari_midl.engine.jobs import Progress
def run_demo(outdir):
    try:
        while True:
            yield Progress(0, 0, "working")
            time.sleep(0.01)
    finally:
        Path(outdir).write_text("closed")
sys.modules["napari_midl.demo"] = types.SimpleNamespace(run_demo=run_demo)
import napari_midl.terminal
napari_midl.terminal.PLAIN_EVERY = 0
from napari_midl.cli import main
main(["demo", sys.argv[1]])
"""
    mark = tmp_path / "mark"
    with subprocess.Popen(child(script, mark), stderr=subprocess.PIPE, text=True) as job:
        try:
            assert job.stderr.readline() == "working\n"
            os.kill(job.pid, signal.SIGINT)
            _, err = job.communicate(timeout=60)
        finally:
            job.kill()  # what goes on would disturb the tests after it
    assert job.returncode == 130
    assert "Traceback" not in err
    assert mark.read_text() == "closed"


def test_plain_progress_says_time_left_and_latest_metrics(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    report = terminal.PlainProgress()
    for clock[0], done in ((0.0, 0), (5.0, 1), (20.0, 2), (4000.0, 3), (4010.0, 4)):
        report(Progress(done, 4, "training", {"loss": 0.75} if done == 1 else {}))
    assert capsys.readouterr().err.splitlines() == [
        "training, 50%, 20 s left, loss 0.75",
        "training, 75%, 22 min 13 s left, loss 0.75",
        "training, 100%, loss 0.75",
    ]


def test_plain_progress_says_no_time_left_that_it_cannot_know(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: clock[0])
    report = terminal.PlainProgress()
    # A minute of six weeks, and a part of a job whose length nobody knows.
    for clock[0], done, total in ((0.0, 0.0, 1.0), (60.0, 1.7e-5, 1.0), (80.0, 7.0, 0.0)):
        report(Progress(done, total, "training"))
    assert capsys.readouterr().err.splitlines() == ["training, 0%", "training"]


def test_finetune_predict_and_replay(call, stroked):
    code, out, err = call(*FINETUNE, "--model", "scratch", "--steps", "3", "--held-out", "0")
    assert code == 0, err
    assert out.startswith("Trained for 3 steps.\n") and out.endswith("\nm.safetensors\n")
    assert "scratch has no use for --held-out: it learns in seconds" in out
    assert json.loads((stroked / "m.safetensors.run.json").read_text())["settings"]["steps"] == 3
    tile = ("--tile", 16, 32, 32)
    predict = ("vessels", "predict", "image.tif", "--model", "m.safetensors", "--out", "v.ome.zarr")
    code, _, err = call(*predict, *tile)
    assert code == 0, err
    code, out, err = call("runs", "replay", "v.ome.zarr.run.json")
    assert code == 0, out + err
    assert out.endswith("identical\n")

    record = json.loads((stroked / "v.ome.zarr.run.json").read_text())
    record["outputs"]["v.ome.zarr"]["sha256"] = "0" * 64
    (stroked / "v.ome.zarr.run.json").write_text(json.dumps(record))
    code, out, _ = call("runs", "replay", "v.ome.zarr.run.json")
    assert code == 1
    assert "output v.ome.zarr: differs" in out


def test_doctor_finds_every_shipped_model_whole():
    checks = {check.name: check for check in doctor.report()}
    shipped = sorted(
        path.name for path in shipped_weights("vessels-base").parent.glob("*.safetensors")
    )
    assert len(shipped) > 1
    assert {name: checks[name].ok for name in shipped} == dict.fromkeys(shipped, True)


def test_doctor_tells_damaged_from_whole_weights(tmp_path):
    (tmp_path / "whole.safetensors").write_bytes(b"abc")
    (tmp_path / "torn.safetensors").write_bytes(b"ab")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "SHA256SUMS").write_text(
        "".join(f"{sha256}  {name}.safetensors\n" for name in ("whole", "torn", "gone"))
    )
    checks = {check.name: check for check in doctor.report(tmp_path)}
    assert checks["whole.safetensors"].ok
    assert checks["torn.safetensors"].value == "damaged"
    assert checks["gone.safetensors"].value == "missing"
    assert checks["torn.safetensors"].fix
    assert checks["napari"].ok


@pytest.mark.parametrize(
    ("release", "python", "ok"),
    [("6.12.0", (3, 11, 7), False), ("6.12.0", (3, 12, 0), True), ("6.11.1", (3, 11, 7), True)],
)
def test_doctor_warns_of_the_binding_that_aborts(monkeypatch, tmp_path, release, python, ok):
    real = doctor.metadata.version
    monkeypatch.setattr(
        doctor.metadata, "version", lambda name: release if name == "PySide6" else real(name)
    )
    monkeypatch.setattr(doctor.sys, "version_info", python)
    (binding,) = [c for c in doctor.report(tmp_path) if c.name == "Qt binding"]
    assert binding.ok is ok
    assert ("PySide6!=6.12.0" in binding.fix) is not ok


def test_doctor_leaves_with_1_only_if_something_is_wrong(call, monkeypatch):
    fine, noted = doctor.Check("a", True, "1"), doctor.Check("b", None, "none", "get [b]")
    monkeypatch.setattr(doctor, "report", lambda: [fine, noted])
    code, out, _ = call("doctor")
    assert code == 0
    assert "get [b]" in out
    monkeypatch.setattr(doctor, "report", lambda: [fine, doctor.Check("c", False, "gone", "fix")])
    assert call("doctor")[0] == 1


def test_the_package_itself_is_the_command():
    said = subprocess.run(
        [sys.executable, "-m", "napari_midl", "--version"], capture_output=True, text=True
    )
    assert said.returncode == 0
    assert said.stdout.strip() == doctor.metadata.version("napari-midl")

"""Kill -9 at random moments of a prediction, resume, and compare the bits."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile

from benchmarks import report
from napari_midl.methods.vessels.synthetic import synthetic_sample
from napari_midl.volumes.open import open_volume

KILLS = 10
SHAPE = (32, 128, 128)


def main(_: list[str]) -> None:
    """Print the table."""
    generator = random.Random(0)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tifffile.imwrite(folder / "image.tif", synthetic_sample(SHAPE)[0])
        started = time.monotonic()
        _predict(folder, "whole").wait()
        seconds = time.monotonic() - started
        expected = _hash(folder / "whole.ome.zarr")
        for kill in range(KILLS):
            process = _predict(folder, f"kill{kill}")
            time.sleep(generator.uniform(0.35, 0.95) * seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
            notes = folder / f"kill{kill}.ome.zarr.progress"
            finished = len(notes.read_text().splitlines()) - 1 if notes.exists() else "none"
            again = _predict(folder, f"kill{kill}", *(["--resume"] if notes.exists() else []))
            again.wait()
            same = _hash(folder / f"kill{kill}.ome.zarr") == expected
            rows.append({"kill": kill, "tiles before": finished, "same bits": same})
            print(report.markdown(rows[-1:]), flush=True)
    report.write("resume", rows)
    print(f"{sum(row['same bits'] for row in rows)} of {KILLS} the same")


def _predict(folder: Path, name: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "napari_midl.cli", "vessels", "predict", "image.tif"]
    command += ["--model", "base", "--out", f"{name}.ome.zarr", "--tile", "16", "32", "32"]
    return subprocess.Popen([*command, *options], cwd=folder, stderr=subprocess.DEVNULL)


def _hash(path: Path) -> str:
    if not path.exists():
        return "no output"
    digest = hashlib.sha256()
    for volume in (open_volume(path), open_volume(path / "labels" / "vessels")):
        for level in volume.levels:
            digest.update(np.ascontiguousarray(level.compute()).tobytes())
    return digest.hexdigest()

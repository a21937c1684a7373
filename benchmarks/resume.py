"""Kill -9 at random moments of a prediction or a stain, resume, and compare the bits."""

from __future__ import annotations

import argparse
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
from napari_midl.engine.trees import synthetic_sample
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.open import open_volume

KILLS = 10
SHAPE, MOSAIC = (32, 128, 128), (768, 768)
COMMANDS = {
    "vessels": "vessels predict image.tif --model unet --tile 16 32 32",
    "staining": "staining stain --reflectance reflectance.tif --fluorescence fluorescence.tif "
    "--doubt --tile 128",
}


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks resume", description=__doc__)
    parser.add_argument("tool", nargs="?", choices=[*COMMANDS], default="vessels")
    tool = parser.parse_args(arguments).tool
    generator = random.Random(0)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_inputs(folder)
        started = time.monotonic()
        _start(folder, tool, "whole").wait()
        seconds = time.monotonic() - started
        expected = _hash(folder / "whole.ome.zarr")
        for kill in range(KILLS):
            process = _start(folder, tool, f"kill{kill}")
            time.sleep(generator.uniform(0.35, 0.95) * seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
            notes = folder / f"kill{kill}.ome.zarr.progress"
            finished = (
                len(notes.read_text(encoding="utf-8").splitlines()) - 1
                if notes.exists()
                else "none"
            )
            again = _start(folder, tool, f"kill{kill}", *(["--resume"] if notes.exists() else []))
            again.wait()
            same = _hash(folder / f"kill{kill}.ome.zarr") == expected
            rows.append({"kill": kill, "tiles before": finished, "same bits": same})
            print(report.markdown(rows[-1:]), flush=True)
    report.write(f"resume-{tool}", rows)
    print(f"{sum(row['same bits'] for row in rows)} of {KILLS} the same")


def _write_inputs(folder: Path) -> None:
    tifffile.imwrite(folder / "image.tif", synthetic_sample(SHAPE)[0])
    drawn = synthetic_mosaic(MOSAIC, np.random.default_rng(0))
    for name, channel in (("fluorescence", drawn.fluorescence), ("reflectance", drawn.reflectance)):
        tifffile.imwrite(folder / f"{name}.tif", (255 * channel).round().astype(np.uint8))


def _start(folder: Path, tool: str, name: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "napari_midl.cli", *COMMANDS[tool].split()]
    command += ["--out", f"{name}.ome.zarr", *options]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)


def _hash(path: Path) -> str:
    if not path.exists():
        return "no output"
    digest = hashlib.sha256()
    for image in (path, *sorted((path / "labels").glob("[!.]*/"))):
        for level in open_volume(image).levels:
            digest.update(np.ascontiguousarray(level).tobytes())
    return digest.hexdigest()

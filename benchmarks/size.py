"""What the size of an image costs: opening, scrolling, painting and predicting in a window.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks size``. Each image is
a cube in chunks of 64 cubed in an OME-Zarr, of which only a part around the middle holds
anything. Each is opened in a process of its own, with the vessels dock beside it; a timer asks to
be called every 10 ms, and what it is late by is what a click would wait.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import report
from benchmarks.responsiveness import late
from napari_midl.engine.trees import synthetic_sample
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

CHUNKS = (64,) * 3
REPEATS, SECONDS, STEP_MS = 9, 20, 50


def make(path: Path, edge: int) -> None:
    """A cube with vessels in the middle, as much as a window shows of the finest level."""
    image = OmeZarrImage.create(
        path,
        shape=(edge,) * 3,
        dtype="uint8",
        axes="ZYX",
        chunks=CHUNKS,
        space=Space.of((1.0,) * 3, "micrometer"),
    )
    sample = synthetic_sample()[0]
    part = min(edge, 1024)
    start = (edge - part) // 2
    tiles = [-(-n // m) for n, m in zip((min(part, 256), part, part), sample.shape, strict=True)]
    block = np.tile(sample, tiles)[: min(part, 256), :part, :part]
    middle = (edge - len(block)) // 2
    image.write(
        (slice(middle, middle + len(block)), *(slice(start, start + part),) * 2),
        block,
    )


def measure(path: Path) -> dict[str, float]:
    """All figures of one image."""
    process = psutil.Process()
    open_volume(path)  # what is imported is not counted
    before, times = process.memory_info().rss, []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        volume = open_volume(path)
        times.append(time.perf_counter() - begun)
    row = {
        "open ms": 1000 * statistics.median(times),
        "open MiB": (process.memory_info().rss - before) / 2**20,
    }
    edge = volume.shape[0]
    begun = time.perf_counter()
    volume.read((slice(edge // 2, edge // 2 + 1), slice(0, 512), slice(0, 512)))
    row["part of a plane ms"] = 1000 * (time.perf_counter() - begun)
    return row | in_window(path, edge)


def in_window(path: Path, edge: int) -> dict[str, float]:
    """The figures of a window: lateness while scrolled, painted and predicted; and memory."""
    import napari
    from napari.layers import Labels
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1500, 950)
    late(1)
    begun = time.perf_counter()
    viewer.open(path, plugin="napari-midl")
    QApplication.processEvents()
    row = {"first plane ms": 1000 * (time.perf_counter() - begun)}
    dock: Any = viewer.window.add_plugin_dock_widget("napari-midl", "Vessels")[1]
    viewer.dims.set_point(0, edge // 2)
    late(2)
    process = psutil.Process()
    memory = [process.memory_info().rss]
    at = [edge // 2]

    def scroll() -> None:
        at[0] = at[0] + 1 if at[0] < edge // 2 + 100 else edge // 2 - 100
        viewer.dims.set_point(0, at[0] % edge)
        memory.append(process.memory_info().rss)

    def paint() -> None:
        z, y, x = patches[0].data.shape
        row, column = np.random.default_rng(len(memory)).integers(0, (y, x))
        patches[0].paint((z // 2, int(row), int(column)), 1 + len(memory) % 2)

    def timed(every: dict[Any, int]) -> float:
        timers = []
        for call, wait in every.items():
            timer = QTimer()
            timer.timeout.connect(call)
            timer.start(wait)
            timers.append(timer)
        found = late(SECONDS)
        for timer in timers:
            timer.stop()
        row.update({f"{what} {key}": value for key, value in found.items() if "median" not in key})
        return found["worst ms"]

    what = "scroll"
    timed({scroll: STEP_MS})
    dock.annotate.paint_around((edge // 2,) * 3)
    patches = [layer for layer in viewer.layers if isinstance(layer, Labels) and layer.editable]
    late(2)
    what = "scroll and paint"
    timed({scroll: STEP_MS, paint: 10 * STEP_MS})
    dock.predict.go.click()
    late(10)
    memory[:] = [process.memory_info().rss]
    what = "and predict"
    timed({scroll: STEP_MS, paint: 10 * STEP_MS})
    row["memory while predicting, first MiB"] = memory[0] / 2**20
    row["at most MiB"] = max(memory) / 2**20
    dock.bench.runner.cancel()
    late(1)
    viewer.close()
    return row


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks size", description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[256, 2048, 8192])
    parser.add_argument("--one", type=Path, help="measure this image in this process")
    options = parser.parse_args(arguments)
    if options.one is not None:
        print(json.dumps(measure(options.one)))
        return
    rows: list[dict[str, Any]] = []
    for edge in options.edges:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.ome.zarr"
            make(path, edge)
            command = [sys.executable, "-m", "benchmarks", "size", "--one", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append({"voxels": f"{edge}^3", **json.loads(done.stdout.splitlines()[-1])})
    print(report.markdown(rows))
    report.write("size", rows)

"""How long a person waits: in a plane, in stacks, and beside brightest-path-lib.

brightest-path-lib is a peer and no dependency: ``pip install --target FOLDER brightest-path-lib``
and put the folder on PYTHONPATH, or its rows are left out.
"""

from __future__ import annotations

import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.axons_seed import seed_at
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, connect, trace
from napari_midl.methods.axons.polarity import seen_as
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import Seed
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_midl.engine.models import Model

_STACK = (34, 1024, 1024)


def speed(model: Model, data: Path) -> list[dict[str, Any]]:
    """Of a plane the processor's time and ratios of it, of stacks the time that passes."""
    rows = {**_plane(model, data), **_first_click(model), **_fly(model, data)}
    return [{"what": name, "value": value} for name, value in rows.items()]


def _plane(model: Model, data: Path) -> dict[str, float]:
    volume = open_volume(data / "depaola_08.jpg").spatial()
    table = pd.read_csv(data / "depaola_08_traces.csv")
    line = table[table["path"] == "A"][["y", "x"]].to_numpy()
    tracing = Tracing(volume, model, TraceSettings(width=1.0))
    seed = seed_at(line, 3)
    one = _best(lambda: run(tracing.follow([seed])))
    length = run(tracing.follow([seed]))[0].length((1.0, 1.0, 1.0))
    hundred = _best(lambda: run(tracing.follow([seed] * 100)), 3)
    ours = _best(lambda: run(connect(tracing, [(0, *line[0]), (0, *line[-1])], "both")))
    rows = {
        "ms for 500 px from one seed": 1e3 * one * 500 / length,
        "rate of 100 seeds / rate of one": 100 * one / hundred,
        "ms to join both ends of that fibre": 1e3 * ours,
    }
    try:
        from brightest_path_lib.algorithm import NBAStarSearch
    except ImportError:
        print("brightest-path-lib is not installed, so that nothing is compared with it.")
        return rows
    image = np.asarray(volume.data[0])
    ends = np.rint(line[[0, -1]]).astype(int).clip(0, 511)
    theirs = _best(lambda: NBAStarSearch(image, ends[0], ends[1]).search(), 2)
    return rows | {
        "ms of brightest-path-lib between both ends": 1e3 * theirs,
        "brightest-path-lib / ours from one seed": theirs / one,
        "brightest-path-lib / ours between both ends": theirs / ours,
    }


def _first_click(model: Model) -> dict[str, float]:
    """In a stack with one fibre across it, as it lies on the disk."""
    rng = np.random.default_rng(0)
    stack = rng.integers(0, 60, _STACK, np.uint8)
    x = np.arange(_STACK[2])
    y = np.rint(512 + 100 * np.sin(x / 120)).astype(int)
    for dy in range(-2, 3):
        stack[17, y + dy, x] = 200
    seed = Seed("first", (17.0, float(y[500]), 500.0))
    volume = Volume.from_array(stack, name="stack")
    begun = time.perf_counter()
    tracing = Tracing(volume, model, seen_as(volume, TraceSettings(), [seed.position]))
    ready = time.perf_counter()
    job = trace(tracing, [seed], most=16)
    next(step for step in job if isinstance(step.preview, Grown) and _seen(step.preview))
    seen = time.perf_counter()
    size = " x ".join(map(str, _STACK))
    return {
        f"s from the first click in {size} voxels, of which nothing is ready, to a line": seen
        - begun,
        "s of that to make them ready": ready - begun,
    }


def _seen(grown: Grown) -> bool:
    return any(len(trace.points) > 1 for trace in grown.growing)


def _fly(model: Model, data: Path) -> dict[str, float]:
    """From one corner of a neuron to the other, through the brightest voxels near them."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(data / "fly_neuron_3d.tif.zip") as packed:
            packed.extractall(folder)
        (path,) = (p for p in Path(folder).rglob("*.tif") if not p.name.startswith("."))
        volume = open_volume(path).spatial()
        tracing = Tracing(volume, model, TraceSettings())
        bright = np.argwhere(np.asarray(volume.data) > np.percentile(volume.data, 99.9))
        far = bright.sum(axis=1)
        ends = [tuple(map(float, bright[k])) for k in (far.argmin(), far.argmax())]
        begun = time.perf_counter()
        steps, shares = _steps(connect(tracing, ends, "across"))
        whole = time.perf_counter() - begun
    size = " x ".join(map(str, volume.shape))
    return {
        f"s from - to across {size} voxels": whole,
        "longest step of that, s": max(steps),
        "places of its progress": float(len(shares)),
    }


def _steps(job: Iterable[Any]) -> tuple[list[float], set[float]]:
    """Seconds between what a job reports, and the different shares that it tells."""
    seconds, shares, last = [], set(), time.perf_counter()
    for step in job:
        now = time.perf_counter()
        seconds.append(now - last)
        shares.add(round(step.done / max(step.total, 1), 3))
        last = now
    return seconds, shares


def _best(call: Callable[[], Any], repeats: int = 5) -> float:
    """Least seconds of the processor, which tells the same on a busy machine."""
    seconds = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        seconds.append(time.process_time() - started)
    return min(seconds)

"""From the end of a stroke to the updated view, and how long the window keeps a click meanwhile.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks vessels_live IMAGE
LABELS``. Strokes of 8 x 8 voxels, taken from the labels in turn as vessel and background, are put
into the patch of the slice in view, as a hand would, ``--hand`` seconds after the class was chosen;
each waits for the preview.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from benchmarks import report
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.score import dice
from napari_midl.volumes.open import open_volume
from napari_midl.widgets.vessels.dock import VesselsDock

TICK_MS, STROKES, SIDE, LONGEST = 10, 16, 8, 60.0


def main(arguments: list[str]) -> None:
    """Print the table."""
    import napari

    parser = argparse.ArgumentParser(prog="python -m benchmarks vessels_live", description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--hand", type=float, default=1.0, help="seconds that a stroke takes")
    options = parser.parse_args(arguments)
    mask = np.asarray(open_volume(options.labels).spatial().data) > 0
    viewer = napari.Viewer()
    with TemporaryDirectory() as folder:  # a project is kept beside its image
        viewer.open(shutil.copy(options.image, folder))
        dock = VesselsDock(viewer)
        viewer.window.add_dock_widget(dock)
        z = len(mask) // 2
        viewer.dims.set_current_step(0, z)
        rows = list(_strokes(dock, mask, z, options.hand))
        print(report.markdown(rows))
        waits = np.array([row["seconds to the view"] for row in rows[1:]])
        print(f"median {np.median(waits):.2f} s, worst {waits.max():.2f} s")
        report.write("vessels-live", rows, f"view of {dock.learn.preview.data.shape[1:]}")
        viewer.close()


def _strokes(dock, mask, z, hand):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    found: list[object] = []
    late, last = [], [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        late.append(max(0.0, 1000 * (now - last[0]) - TICK_MS))
        last[0] = now

    def rest(seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            QApplication.processEvents()
            time.sleep(0.002)

    timer = QTimer()
    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    dock.learn._preview._learning.found.connect(found.append)
    for number in range(STROKES):
        is_vessel = number % 2 == 0
        value = CLASSES.value(VESSEL if is_vessel else CLASSES.names[0])
        inside = [slice(0, n - SIDE) for n in mask.shape[1:]]
        places = np.argwhere(mask[z][tuple(inside)] == is_vessel)
        y, x = places[rng.integers(len(places))]
        dock.bench.patches.paint_with(value)
        patch = dock.bench.patches.take((z, int(y), int(x)))
        at = [z - patch.origin[0], slice(y, y + SIDE), slice(x, x + SIDE)]
        at[1:] = [slice(s.start - o, s.stop - o) for s, o in zip(at[1:], patch.origin[1:])]  # noqa: B905
        part = np.where(mask[z, y : y + SIDE, x : x + SIDE] == is_vessel, value, 0)
        stroke = np.zeros(patch.layer.data.shape, bool)
        stroke[tuple(at)] = part > 0
        late.clear()
        rest(hand)
        patch.layer.data_setitem(np.nonzero(stroke), value)
        began, before = time.perf_counter(), len(found)
        while len(found) == before and time.perf_counter() - began < LONGEST:
            rest(0.002)
            if number == 0:
                break  # one class only
        row = {"stroke": number + 1, "seconds to the view": time.perf_counter() - began}
        if len(found) > before:
            region, probability = found[-1]
            row["Dice in view"] = float(dice(probability >= 0.5, mask[region]))
        row["late ms, 95th percentile"] = float(np.percentile(late or [0], 95))
        yield row

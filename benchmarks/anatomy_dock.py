"""How long a dragged landmark waits for its mesh, and a click for the window, meanwhile.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks anatomy_dock``.
The sample scan in a real napari window with the dock; all landmarks placed, one of them moved.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from benchmarks import report
from benchmarks.lateness import late
from napari_midl.samples import CACHE_VARIABLE, LANDMARKS
from napari_midl.volumes.landmarks import read_landmarks

if TYPE_CHECKING:
    from napari_midl.widgets.anatomy.bench import AnatomyBench

NAME, MOVES, SECONDS, EVERY_MS = "angle right", 30, 10, 33


def main(_: list[str]) -> None:
    """Print the table."""
    import napari

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = os.environ[CACHE_VARIABLE] = folder
        viewer = napari.Viewer()
        dock = viewer.window.add_plugin_dock_widget("napari-midl", "Anatomy")[1]
        (layer,) = viewer.open_sample("napari-midl", "synthetic_mandible")
        bench = dock.bench
        bench.edit(bench.editor.replace, read_landmarks(Path(layer.metadata[LANDMARKS])))
        _wait_for_another(bench, None)
        rows = []
        for ndisplay in (2, 3):
            viewer.dims.ndisplay = ndisplay
            # In 3D the mesh alone: a volume is drawn without a graphics card for seconds.
            layer.visible = ndisplay == 2
            rows.append({"view": f"{ndisplay}D", **_measured(bench)})
        viewer.close()
    print(report.markdown(rows))
    report.write("anatomy_dock", rows, f"load average {os.getloadavg()[0]:.1f}")


def _measured(bench: AnatomyBench) -> dict[str, Any]:
    late(1)
    bench.points.dragging = True
    drags = [
        _seconds(bench, lambda k=k: bench.points.dragged.emit(_place(bench, k)))
        for k in range(MOVES)
    ]
    moves = iter(range(10**6))
    timer = QTimer()
    timer.timeout.connect(lambda: bench.points.dragged.emit(_place(bench, next(moves))))
    timer.start(EVERY_MS)
    lateness = late(SECONDS)
    timer.stop()
    bench.points.dragging = False
    late(1)
    rests = [
        _seconds(bench, lambda k=k: bench.points.edited.emit(_place(bench, k)))
        for k in range(MOVES // 3)
    ]
    return {
        "drag to mesh, median ms": 1000 * float(np.median(drags)),
        "at rest, full resolution, median ms": 1000 * float(np.median(rests)),
        **{f"window, {what}": value for what, value in lateness.items()},
    }


def _place(bench: AnatomyBench, k: int) -> dict[str, Any]:
    """The landmark, up to 3 mm from where it is."""
    index = bench.landmarks.names.index(NAME)
    return {NAME: bench.landmarks.points[index] + (0.1 * (k % 30 + 1), 0, 0)}


def _seconds(bench: AnatomyBench, move: Any) -> float:
    before, began = bench.shown, time.perf_counter()
    move()
    _wait_for_another(bench, before)
    return time.perf_counter() - began


def _wait_for_another(bench: AnatomyBench, before: Any) -> None:
    """Until another mesh is there and drawn."""
    while bench.shown is before:
        QApplication.processEvents()
    QApplication.processEvents()

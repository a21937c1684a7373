"""How long the window's event loop keeps a click waiting while a network is fine-tuned.

Needs a screen: ``xvfb-run -a -s "-screen 0 1600x1000x24" python -m benchmarks responsiveness``.
A timer asks to be called every 10 ms in a real napari window with the dock open; what it is
late by is what a click would wait.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from benchmarks import report
from napari_midl.engine.trees import synthetic_sample
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.volume import Volume
from napari_midl.widgets.worker import JobRunner

SECONDS, TICK_MS = 25, 10


def main(_: list[str]) -> None:
    """Print the table."""
    import napari

    image, mask, voxel_size = synthetic_sample()
    viewer = napari.Viewer()
    layer = viewer.add_image(image, scale=voxel_size)
    viewer.window.add_plugin_dock_widget("napari-midl", "MIDL: Vessels")
    viewer.dims.set_current_step(0, 24)
    region = (slice(24, 25), slice(0, 160), slice(0, 160))
    preview = viewer.add_image(np.zeros((1, 160, 160), np.float32), scale=voxel_size)
    labels = np.zeros(image.shape, np.uint8)
    labels[24] = np.where(mask[24], 2, 1)
    runner = JobRunner()
    rows = [{"while": "idle", **late(5)}]

    def job() -> Any:
        from napari_midl.methods.vessels import learn
        from napari_midl.methods.vessels.models import named_model

        volume = Volume.from_array(image, scale=voxel_size, name=layer.name)
        patch = Patch((0, 0, 0), labels)
        settings = FinetuneSettings(minutes=5)
        return (
            yield from learn.finetune(
                volume, [patch], named_model("unet"), settings, lambda: region
            )
        )

    def show(batch: list[Any]) -> None:
        for progress in batch:
            if progress.preview is not None:
                preview.data = progress.preview[1]

    runner.start("Fine-tune", job(), on_progress=show)
    late(5)
    rows.append({"while": "fine-tuning", **late(SECONDS)})
    cancelled = time.perf_counter()
    runner.cancel()
    while runner.running:
        QApplication.processEvents()
    ended = time.perf_counter() - cancelled
    print(report.markdown(rows))
    print(f"Cancel ended the job after {1000 * ended:.0f} ms")
    report.write("responsiveness", rows, f"cancel: {1000 * ended:.0f} ms")
    viewer.close()


def late(seconds: float) -> dict[str, float]:
    """Percentiles of the lateness of a timer, in milliseconds."""
    lateness: list[float] = []
    last = [time.perf_counter()]

    def tick() -> None:
        now = time.perf_counter()
        lateness.append(max(0.0, 1000 * (now - last[0]) - TICK_MS))
        last[0] = now

    timer, loop = QTimer(), QEventLoop()
    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec()
    timer.stop()
    p50, p95, worst = np.percentile(lateness, (50, 95, 100))
    return {"median ms": float(p50), "95th percentile ms": float(p95), "worst ms": float(worst)}

"""Drive the staining dock as a person would, and keep a picture of it for the documentation.

Usage: xvfb-run -a -s "-screen 0 1600x1000x24" python scripts/staining_dock_picture.py [OUT.png]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from qtpy.QtWidgets import QApplication, QScrollArea

from napari_midl.samples import synthetic_confocal
from napari_midl.widgets.staining import StainingDock

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = Path(__file__).parent.parent / "docs" / "pictures" / "staining-dock.png"
EDGE = 640


def waited(reached: Callable[[], bool], seconds: float = 300.0) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    assert reached(), "the dock did not get there"


def main(out: Path) -> None:
    """Stain a mosaic by two methods, review the second and hang the curtain between them."""
    # Nothing of it stays in the data of whoever runs this.
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1500, 950)
    for data, how, kind in synthetic_confocal(EDGE):
        viewer._add_layer_from_data(data, how, kind)
    dock = StainingDock(viewer)
    viewer.window.add_dock_widget(dock, name="Staining (MIDL)")
    bench = dock.bench

    def done(work: Callable[[], None]) -> None:
        work()
        waited(lambda: bench.runner.running)
        waited(lambda: not bench.runner.running)

    waited(lambda: bench.volume is not None)
    for method in ("linear", "beer-lambert"):
        dock.stain.method.setCurrentIndex(dock.stain.method.findData(method))
        done(dock.stain.go.click)
    done(dock.review.begin.click)
    dock.review.accept.click()
    dock.compare.swipe.click()
    viewer.reset_view()
    for area in dock.findChildren(QScrollArea):
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum() // 2)
    for _ in range(60):
        QApplication.processEvents()
        time.sleep(0.02)
    viewer.window.screenshot(str(out), canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)

"""Drive the anatomy dock as a person would, and keep a picture of it for the documentation.

Usage: xvfb-run -a -s "-screen 0 1600x1000x24" python scripts/anatomy_dock_picture.py [OUT.png]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, synthetic_scan
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.widgets.anatomy import AnatomyDock

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = Path(__file__).parent.parent / "docs" / "pictures" / "anatomy-dock.png"
MISSING = ("coronoid peak left", "mental tubercle right", "ramus posterior right")


def waited(reached: Callable[[], bool], seconds: float = 180.0) -> None:
    """Let the window work until something is so."""
    end = time.monotonic() + seconds
    while not reached() and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    assert reached(), "the dock did not get there"


def main(out: Path) -> None:
    """Open a scan with most landmarks, look at the mesh in 3D, and fit it to the scan."""
    # Nothing of it stays in the data of whoever runs this.
    os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp()
    viewer = napari.Viewer(show=True)
    window = viewer.window._qt_window
    window.resize(1500, 950)
    scan, landmarks, _ = synthetic_scan()
    viewer.add_image(scan, name="scan", scale=VOXEL_SIZE, units=("mm",) * 3, rendering="mip")
    dock = AnatomyDock(viewer)
    viewer.window.add_dock_widget(dock, name="MIDL: Anatomy")
    bench = dock.bench
    waited(lambda: bench.volume is not None)
    points = landmarks.points.copy()
    points[[landmarks.names.index(name) for name in MISSING]] = np.nan
    bench.edit(bench.editor.replace, Landmarks(landmarks.names, points))
    waited(lambda: bench.shown is not None and dock.landmarks.scan is not None)
    dock.mesh.fit.click()
    waited(lambda: bench.shown is not None and bench.shown.generated.fit is not None)
    viewer.dims.ndisplay = 3
    viewer.layers["scan"].visible = False
    viewer.reset_view()
    # From in front and a little from the left and above.
    viewer.scene.camera.set_view_direction((-0.25, 0.9, -0.4), (1, 0, 0))
    for _ in range(60):
        QApplication.processEvents()
        time.sleep(0.02)
    viewer.window.screenshot(str(out), canvas_only=False, flash=False)
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)

"""Anatomy: landmarks on a scan, and the mandible that follows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QFileDialog

from napari_midl.samples import LANDMARKS
from napari_midl.volumes.landmarks import read_landmarks
from napari_midl.volumes.meshes import MM
from scripts.tutorials.opening import open_both

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

FIRST = 4
INSIDE = 2.0  # mm from the edge of the bone as seen from the side, beside which a click misses it
UP = (1, 0, 0)
FRONT = (-0.35, 0.9, -0.25)


def follow(hand: Hand, camera: Camera) -> None:
    """From the sample to a mesh on the bone."""
    dock = open_both(hand, camera, "Anatomy", "Synthetic scan of a mandible")
    bench, marks, scan = dock.bench, dock.landmarks, dock.bench.image
    viewer = hand.viewer
    hand.until(lambda: marks.scan is not None)
    true = read_landmarks(Path(scan.metadata[LANDMARKS]))

    def drawn() -> bool:
        shown = bench.shown
        return shown is not None and np.array_equal(
            shown.request.landmarks.points, bench.landmarks.points, True
        )

    middle = np.nanmean(true.points, axis=0)

    def voxel(name: str, inside: float = 0.0) -> Any:
        point = true.points[true.names.index(name)]
        inwards = (middle - point) * (0, 1, 1)
        return bench.request.space.to_voxel(point + inside * inwards / np.linalg.norm(inwards), MM)

    camera.rolling = True
    camera.caption = "Place a few landmarks as the picture shows"
    hand.click(marks.place)
    camera.picture("tutorials/anatomy-place", marks.place, marks.picture)
    hand.turn()
    hand.home()
    viewer.scene.camera.zoom *= 0.85
    for number in range(FIRST):
        name = bench.editor.name
        sideways = true.points[true.names.index(name)][0] - middle[0]
        # From in front, or from the side on which it lies.
        look = FRONT if abs(sideways) < 10 else (-0.2, 0.25, -np.sign(sideways))
        viewer.scene.camera.set_view_direction(look, UP)
        hand.wait(0.5)
        hand.touch(hand.at(scan, voxel(name, INSIDE)))
        camera.hold(0.8)
        if number == 0:
            camera.picture("tutorials/anatomy-chin", marks.about, hand.buttons.ndisplayButton)
    camera.caption = "From the fourth on, the whole mandible is there"
    hand.until(drawn)
    viewer.scene.camera.set_view_direction(FRONT, UP)
    scan.visible = False
    camera.hold(1.2)
    camera.picture("tutorials/anatomy-four", marks.accept)
    camera.caption = "Drag a landmark: the mesh follows your hand"
    hand.click(marks.place)
    layer = bench.points.layer
    bench.points.activate()
    first = hand.at(layer, layer.data[int(np.argmax(bench.landmarks.placed))])
    hand.drag([first + QPoint(3 * k, 2 * k) for k in range(12)])
    hand.until(drawn)
    camera.hold(0.8)
    hand.click(marks.undo)
    hand.until(drawn)
    camera.caption = "All landmarks, and how far the bone of the scan is"
    with patch.object(QFileDialog, "getOpenFileName", lambda *_: (scan.metadata[LANDMARKS], "")):
        hand.click(dock.files.open)
    hand.until(drawn)
    hand.choose(dock.mesh.colours, "distance to the threshold")
    hand.until(lambda: not bench.runner.running and drawn())
    hand.wait(0.5)
    camera.hold(1)
    camera.picture("tutorials/anatomy-distance", dock.files.open, dock.mesh.colours, dock.mesh.bar)
    camera.caption = "Fit to scan pulls the mesh onto it"
    hand.click(dock.mesh.fit)
    hand.until(lambda: not bench.runner.running and bench.shown.generated.fit is not None)
    hand.wait(0.5)
    camera.hold(2)
    camera.rolling = False
    camera.picture("anatomy-dock", dock.mesh.fit)
    hand.show(dock.files.export)
    camera.picture("tutorials/anatomy-export", dock.files.export, dock.files.labels)
    camera.film("anatomy")

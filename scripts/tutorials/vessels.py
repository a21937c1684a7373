"""Vessels: strokes, a model, the vessels of a stack and their numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from qtpy.QtTest import QTest

from scripts.tutorials.hand import LEFT, NONE
from scripts.tutorials.opening import open_both

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

SLICE, ANOTHER = 37, 30
# Rows and columns of the slice that strokes go through.
THICK, THIN, DIM = ((35, 136), (60, 134)), ((87, 112), (91, 118), (93, 127)), ((3, 107), (9, 117))
GROUND, BESIDE, BETWEEN = ((38, 40), (40, 75)), ((45, 121), (70, 120)), ((120, 75), (122, 105))


def follow(hand: Hand, camera: Camera) -> None:
    """From the sample to the table."""
    dock = open_both(hand, camera, "Vessels", "Synthetic vessels")
    image = dock.bench.image
    hand.slice(0, SLICE)

    def stroke(*places: tuple[int, int]) -> None:
        """Through places of the slice, a few voxels at a time."""
        z, fine = hand.viewer.dims.current_step[0], []
        for (y0, x0), (y1, x1) in pairwise(places):
            steps = [k / 5 for k in range(6)]
            fine += [(z, y0 + (y1 - y0) * t, x0 + (x1 - x0) * t) for t in steps]
        hand.drag([hand.at(image, place) for place in fine])

    camera.rolling = True
    camera.caption = "Paint a few vessels …"
    camera.hold(0.8)
    hand.key("2")
    for places in (THICK, THIN, DIM):
        stroke(*places)
    camera.picture("tutorials/vessels-paint", dock.annotate.classes[2])
    camera.caption = "… and a little of what is none: what is learnt shows in yellow"
    hand.key("1")
    for places in (GROUND, BESIDE, BETWEEN):
        stroke(*places)
    hand.until(lambda: dock.learn.preview is not None)
    hand.wait(2)
    camera.hold(1.5)
    camera.picture("vessels-learn", dock.annotate.classes[1])
    hand.slice(0, ANOTHER)
    hand.until(lambda: _seen(dock.learn.preview, hand))
    camera.hold(0.8)
    camera.picture("tutorials/vessels-another")
    camera.caption = "Fine-tune makes a model of it, in seconds"
    hand.click(dock.learn.train)
    hand.until(lambda: not dock.bench.runner.running)
    camera.hold(1)
    camera.picture("tutorials/vessels-tuned", dock.learn.train, dock.learn.gain)
    camera.caption = "Predict finds the vessels of the whole stack"
    hand.click(dock.predict.go)
    hand.until(lambda: not dock.bench.runner.running)
    camera.hold(0.8)
    hand.turn()
    image.visible = False
    hand.viewer.scene.camera.angles = (0, 25, 60)
    hand.wait(1)
    camera.hold(1.2)
    camera.picture("tutorials/vessels-predicted", dock.predict.go, hand.buttons.ndisplayButton)
    camera.rolling = False
    hand.slide(dock.predict.threshold, 0.6)
    hand.turn()
    image.visible = True
    hand.home()
    hand.wait(0.5)
    camera.rolling = True
    camera.caption = "Analyse measures them; a click on a row lights its branch"
    hand.click(dock.measure.analyse)
    hand.until(lambda: dock.measure.table is not None and not dock.bench.runner.running)
    hand.wait(1)
    view = dock.measure.table.branches.view
    row = view.visualRect(view.model().index(1, 1)).center()
    hand.move(view.viewport().mapToGlobal(row))
    QTest.mouseClick(view.viewport(), LEFT, NONE, row)
    hand.wait(1)
    camera.hold(2)
    camera.rolling = False
    camera.picture("vessels-measure", dock.measure.analyse)
    hand.unfold(dock.measure.export, lambda: camera.picture("tutorials/vessels-export"))
    camera.film("vessels")


def _seen(preview: Any, hand: Hand) -> bool:
    """Whether the preview is of the slice in view."""
    return preview is not None and abs(preview.translate[0] - hand.viewer.dims.point[0]) < 1

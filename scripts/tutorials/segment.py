"""Segment: classes with names, strokes of each, and every pixel's class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtTest import QTest

from napari_midl.engine.cells import cells
from scripts.tutorials.hand import LEFT, NONE
from scripts.tutorials.opening import open_both

if TYPE_CHECKING:
    from scripts.tutorials.camera import Camera
    from scripts.tutorials.hand import Hand

NAMES = {2: "nucleus", 3: "cytoplasm"}
# Of the truth that is drawn with the picture: nucleus, cytoplasm, background.
PAINTED = {"2": 1, "3": 2, "1": 0}


def follow(hand: Hand, camera: Camera) -> None:
    """From a picture to its classes."""
    dock = open_both(hand, camera, "Segment", "Synthetic cells")
    bench, classes, (_, truth) = dock.bench, dock.classes, cells(0)
    camera.rolling = True
    camera.caption = "Name what you look for"
    camera.hold(1)
    for value, name in NAMES.items():
        if value not in classes.classes:
            hand.click(classes.add)
        else:
            hand.click(classes.classes[value])
        _type(classes.name, name)
        hand.wait(0.3)
        camera.hold(0.5)
    camera.picture("tutorials/segment-classes", classes.name, classes.add)
    camera.caption = "Paint a little of each: what is learnt shows at once"
    for key, value in PAINTED.items():
        hand.key(key)
        for places in _strokes(truth, value):
            hand.drag([hand.at(bench.image, place) for place in places])
        if key == "2":
            camera.picture("tutorials/segment-paint", classes.classes[2])
    hand.until(lambda: "preview while learning" in hand.viewer.layers)
    hand.wait(2)
    camera.hold(2)
    camera.picture("segment-dock")
    camera.caption = "Learn makes a model of it, in seconds"
    hand.click(dock.learn.train)
    hand.until(lambda: not bench.runner.running)
    camera.hold(1)
    camera.picture("tutorials/segment-learnt", dock.learn.train)
    camera.caption = "Predict: the class of every pixel"
    hand.click(dock.predict.go)
    hand.until(lambda: not bench.runner.running)
    camera.hold(2.5)
    camera.rolling = False
    camera.picture("tutorials/segment-predicted", dock.predict.go)
    camera.film("segment")


def _type(line: Any, name: str) -> None:
    line.selectAll()
    QTest.mouseClick(line, LEFT, NONE, line.rect().center())
    line.selectAll()
    QTest.keyClicks(line, name)
    line.editingFinished.emit()


def _strokes(truth: Any, value: int) -> list[list[tuple[int, int]]]:
    """Three short strokes that stay in a class, far from each other."""
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(truth == value)
    found: list[list[tuple[int, int]]] = []
    inside[:8] = inside[-8:] = inside[:, :8] = inside[:, -8:] = 0
    for _ in range(3):
        y, x = divmod(int(inside.argmax()), truth.shape[1])
        reach = max(2, min(12, int(inside[y, x]) - 1))
        found.append([(y, x + dx) for dx in range(-reach, reach + 1, 1)])
        inside[max(0, y - 50) : y + 50, max(0, x - 50) : x + 50] = 0
    return found

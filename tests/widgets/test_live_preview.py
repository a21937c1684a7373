"""What is shown of what is learnt while a person paints, and how it ends."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from tests.widgets.test_vessel_results import make_prediction, show

from napari_midl.engine.interrupt import Interrupted, go_on
from napari_midl.engine.jobs import Progress
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.widgets.tool.live_preview import PREVIEW
from napari_midl.widgets.vessels import train

MINUTE = 60_000
BACKGROUND, VESSEL = CLASSES.value("background"), CLASSES.value("vessel")


@pytest.fixture
def looks(monkeypatch):
    """Stands in for what learns from strokes: the looks that it has answered."""
    answered = []

    def learner(first, volume, model):
        def learn(look):
            answered.append(look)
            return np.ones([s.stop - s.start for s in look.region], np.float32)

        return learn

    monkeypatch.setattr(train.VesselTrainSection, "learner", staticmethod(learner))
    return answered


@pytest.fixture
def endless(monkeypatch):
    """Stands in for what learns, until it is stopped: whether it has begun, and that it ended."""
    begun, told = threading.Event(), []

    def learner(first, volume, model):
        def learn(look):
            begun.set()
            try:
                while True:
                    time.sleep(0.001)
                    go_on()
            except Interrupted:
                told.append("learning stopped")
                raise

        return learn

    monkeypatch.setattr(train.VesselTrainSection, "learner", staticmethod(learner))
    return begun, told


def paint(dock, viewer, click, stroke, row=30):
    click(dock.annotate.classes[VESSEL])
    stroke(viewer.layers.selection.active, (6, row, 30), (6, row, 36))


def test_a_result_takes_the_place_of_the_preview_until_more_is_painted(
    looks, dock, viewer, tubes, click, stroke, qtbot
):
    paint(dock, viewer, click, stroke)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=MINUTE)
    show(dock, make_prediction(dock.bench.folder / "results", tubes[1]), click)
    assert PREVIEW not in viewer.layers
    # A brush that is picked again loads what learning will need.
    before = len(looks)
    click(dock.annotate.classes[BACKGROUND])
    qtbot.waitUntil(lambda: len(looks) > before, timeout=MINUTE)
    qtbot.wait(200)
    assert PREVIEW not in viewer.layers
    paint(dock, viewer, click, stroke, row=40)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=MINUTE)


def test_the_preview_lies_over_the_result_which_has_not_learnt_the_last_stroke(
    looks, dock, viewer, tubes, click, stroke, qtbot
):
    show(dock, make_prediction(dock.bench.folder / "results", tubes[1]), click)
    paint(dock, viewer, click, stroke)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=MINUTE)
    order = [layer.name for layer in viewer.layers]
    result = max(order.index(layer.name) for layer in dock.bench.shown.layers)
    assert result < order.index(PREVIEW) < order.index("patch 1")


def test_the_preview_is_of_the_slice_in_view_across_whichever_axis(
    looks, dock, viewer, tubes, click, stroke, qtbot
):
    paint(dock, viewer, click, stroke)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=MINUTE)
    flat = [np.argmin(viewer.layers[PREVIEW].data.shape)]
    for _ in range(2):
        viewer.window._qt_viewer.viewerButtons.rollDimsButton.click()
        across = viewer.dims.order[0]
        viewer.dims.set_current_step(across, 9)

        def follows(across=across):
            layer = viewer.layers[PREVIEW]
            at = layer.world_to_data(viewer.dims.point)[across]
            return layer.data.shape[across] == 1 and -0.5 <= at <= 0.5

        qtbot.waitUntil(follows, timeout=MINUTE)
        shape = viewer.layers[PREVIEW].data.shape
        seen = [shape[axis] for axis in viewer.dims.displayed]
        assert min(seen) > 10, "all of this small image is in view"
        flat.append(across)
    assert sorted(flat) == [0, 1, 2]


def test_closing_tells_all_to_stop_before_it_waits(endless, dock, viewer, click, stroke, qtbot):
    begun, told = endless
    closed = threading.Event()

    def job():
        try:
            while True:
                time.sleep(0.001)
                yield Progress(0, 0)
        finally:
            closed.set()

    paint(dock, viewer, click, stroke)
    qtbot.waitUntil(begun.is_set, timeout=MINUTE)
    dock.bench.start("Predict", job(), lambda _: None)
    dock.bench.runner.changed.connect(lambda: told.append(dock.bench.runner.cancelling))
    viewer.close()
    assert told[:2] == [True, "learning stopped"] and closed.is_set()

"""Predicting a part of an image in the dock, more of it, and what is said of a large one."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_midl.engine import pace
from napari_midl.engine.journal import finished_box, is_unfinished
from napari_midl.engine.runs import read_run, record_path
from napari_midl.widgets.looking import drawn_box, field_in_view
from napari_midl.widgets.tool import outlook
from napari_midl.widgets.tool.region import BEGUN, DRAWN, VIEW, WHOLE

MINUTE = 60_000


def look(viewer, centre, zoom):
    """Show a place ``(y, x)`` in the world."""
    viewer.scene.camera.center = (0, *centre)
    viewer.scene.camera.zoom = zoom


@pytest.fixture
def ready(dock, viewer):
    """The dock with small tiles, looking at one corner."""
    dock.predict.form.widgets["tile"].value = (4, 16, 16)
    viewer.dims.set_point(0, 2.0 * 2)
    look(viewer, (10, 10), min(viewer.canvas.size) / 16)
    return dock


def done(dock, click, qtbot):
    """Press Predict and wait; the output."""
    out = dock.predict.out.path
    click(dock.predict.go)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=2 * MINUTE)
    return out


def tiles_there(out):
    return zarr.open_group(out, mode="r")["0"][0] > 0


def test_the_field_in_view_and_some_slices(viewer, tubes, dock):
    image = viewer.layers["tubes"]
    viewer.dims.set_point(0, 2.0 * 5)
    height, width = viewer.canvas.size
    look(viewer, (30, 24), height / 20)
    z, y, x = field_in_view(viewer, image, 2)
    assert (z.start, z.stop) == (3, 8)
    assert abs(y.start - 20) <= 1 and abs(y.stop - 41) <= 1
    assert (x.stop - x.start) == pytest.approx(min(20 * width / height, tubes[0].shape[2]), abs=2)
    viewer.dims.set_point(0, 0)
    assert field_in_view(viewer, image, 2)[0] == slice(0, 3)


def test_a_rectangle_in_a_shapes_layer_is_a_box(viewer, dock):
    image = viewer.layers["tubes"]
    viewer.add_shapes(
        [np.array([[4.0, 3, 5], [4, 3, 20], [4, 12, 20], [4, 12, 5]])], units=("um",) * 3
    )
    assert drawn_box(viewer, image, 1) == (slice(1, 4), slice(3, 13), slice(5, 21))


def test_the_view_is_predicted_and_then_more_of_the_same(ready, viewer, click, qtbot, monkeypatch):
    dock = ready
    dock.predict.region.choose(VIEW)
    dock.predict.region.around.setValue(1)
    out = done(dock, click, qtbot)
    first = tiles_there(out)
    box = finished_box(out)
    assert box.startswith("1:4,") and read_run(record_path(out)).arguments["box"] == box
    assert first[2, 10, 10] and not first[-1, -1, -1]
    # The threshold that is shown is no reason to begin another.
    dock.bench.cut(0.3)
    look(viewer, (50, 50), min(viewer.canvas.size) / 16)
    assert done(dock, click, qtbot) == out
    both = tiles_there(out)
    assert both[2, 10, 10] and both[2, 50, 50] and both.sum() > first.sum()
    dock.predict.region.choose(WHOLE)
    assert done(dock, click, qtbot) == out
    assert not finished_box(out) and not is_unfinished(out)
    assert tiles_there(out).all()
    assert dock.predict.out.path != out


def test_another_model_or_tile_begins_another_prediction(ready, click, qtbot):
    dock = ready
    dock.predict.region.choose(VIEW)
    out = done(dock, click, qtbot)
    dock.predict.form.widgets["tile"].value = (4, 16, 32)
    done(dock, click, qtbot)
    assert dock.bench.shown.path.name == "prediction-2.ome.zarr"
    assert finished_box(out) and finished_box(dock.bench.shown.path)


def test_a_part_that_was_stopped_goes_on_with_its_box(ready, click, qtbot, unhurried):
    dock = ready
    dock.predict.region.choose(VIEW)
    out = dock.predict.out.path
    with unhurried():
        click(dock.predict.go)
    qtbot.waitUntil(lambda: out.exists(), timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert dock.predict.go.text() == "Resume" and dock.predict.region.chosen == BEGUN
    done(dock, click, qtbot)
    assert finished_box(out)
    assert dock.predict.region.what.findData(BEGUN) < 0


def test_what_is_not_drawn_is_said(ready, click, notes):
    ready.predict.region.choose(DRAWN)
    click(ready.predict.go)
    assert "nothing is drawn; add a shapes layer" in notes[-1]
    assert "nothing is drawn" in ready.trouble.text()


def test_a_long_prediction_says_how_long_and_offers_the_view(
    ready, viewer, click, qtbot, monkeypatch
):
    monkeypatch.setattr(outlook, "LONG", 0)
    monkeypatch.setattr(pace, "_ENOUGH_SECONDS", 0)
    dock = ready
    dock.predict.form.widgets["tile"].value = (4, 8, 8)
    out = dock.predict.out.path
    click(dock.predict.go)
    qtbot.waitUntil(lambda: not dock.predict.outlook.isHidden(), timeout=MINUTE)
    assert "All of it takes" in dock.predict.outlook.words.text()
    click(dock.predict.outlook.first)
    qtbot.waitUntil(lambda: bool(finished_box(out)), timeout=MINUTE)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert dock.predict.region.chosen == VIEW
    assert not tiles_there(out).all()


def test_how_large_a_large_image_is_is_said_before_it_begins(ready, monkeypatch):
    assert ready.predict.outlook.isHidden()
    monkeypatch.setattr(outlook, "LARGE", 1000)
    ready.predict.region.choose(VIEW)
    assert ready.predict.outlook.isHidden()
    ready.predict.region.choose(WHOLE)
    assert not ready.predict.outlook.isHidden()
    assert "billion voxels" in ready.predict.outlook.words.text()


def test_a_job_is_on_the_list_for_which_napari_asks_before_it_closes(ready, viewer, click, qtbot):
    tasks = viewer.window._task_status_manager
    click(ready.predict.go)
    assert tasks.get_status() == ["MIDL Vessels: Predict is running"]
    click(ready.progress.cancel)
    qtbot.waitUntil(lambda: not ready.bench.runner.running, timeout=MINUTE)
    assert not tasks.is_busy()


def test_closing_the_dock_says_that_its_job_was_stopped(ready, viewer, click, qtbot, notes):
    out = ready.predict.out.path
    click(ready.predict.go)
    qtbot.waitUntil(lambda: out.exists(), timeout=MINUTE)
    viewer.window.remove_dock_widget(ready)
    assert "Predict was stopped, since its dock was closed." in notes
    assert not ready.bench.runner.running


def test_what_is_written_out_of_view_is_not_drawn(ready, viewer, click, qtbot, monkeypatch):
    ready.predict.region.choose(VIEW)
    done(ready, click, qtbot)
    shown, drawn = ready.bench.shown, []
    monkeypatch.setattr(shown.labels, "refresh", lambda **_: drawn.append(1))
    there, beside, below = (slice(0, 4), slice(0, 16), slice(0, 16)), slice(48, 64), slice(8, 12)
    shown.refresh([(there[0], beside, beside), (below, *there[1:])])
    assert not drawn
    shown.refresh([there])
    assert drawn

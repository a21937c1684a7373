"""Fibres found in view, dark ones, and the time point that the viewer shows."""

from __future__ import annotations

import time

import numpy as np
import pytest

from napari_midl.engine.jobs import Progress
from napari_midl.methods.axons import batch
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.score import score
from napari_midl.volumes.traces import Link, Trace
from napari_midl.widgets.axons import AxonsDock

MINUTE = 60_000


def two_fibres(sign):
    """A plane with two fibres, bright or dark, and their centrelines."""
    rng = np.random.default_rng(3)
    x = np.linspace(4, 195, 400)
    lines = [np.stack([y + 8 * np.sin(x / 30), x], 1) for y in (40.0, 110.0)]
    rows, columns = np.indices((150, 200))
    image = np.full(rows.shape, 120.0)
    for line in lines:
        away = np.abs(rows - np.interp(columns, line[:, 1], line[:, 0]))
        image += sign * 80 * np.exp(-(away**2) / (2 * 1.5**2))
    return np.clip(image + rng.normal(0, 6, rows.shape), 0, 255).astype(np.uint8), lines


@pytest.fixture
def docked(viewer, notes):
    def open_on(image, **how):
        viewer.window._qt_window.show()
        viewer.window._qt_window.resize(1200, 700)
        viewer.add_image(image, name="fibres", **how)
        viewer.reset_view()
        made = AxonsDock(viewer)
        viewer.window.add_dock_widget(made, name="axons")
        return made

    return open_on


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_all_fibres_in_view_are_traced_once(docked, notes, click, qtbot, sign):
    image, lines = two_fibres(sign)
    dock = docked(image)
    bench = dock.bench
    said = []
    for _ in range(2):  # The second time there is nothing new.
        click(dock.trace.all)
        qtbot.waitUntil(lambda: not bench.runner.running, timeout=2 * MINUTE)
        assert len(bench.entries) == 2
        said.append(dock.trouble.text())
    assert [entry.name for entry in bench.entries] == ["trace 1", "trace 2"]
    for line in lines:
        assert max(score(e.trace.points[:, 1:], line).coverage for e in bench.entries) > 0.95
    assert "2 new traces; " in said[0] and "2 new traces" not in said[1] and not notes
    click(dock.review.undo)
    assert not bench.entries


def test_cancelling_keeps_the_fibres_that_are_done(docked, click, qtbot, monkeypatch):
    points = np.stack([np.zeros(9), np.full(9, 40.0), np.arange(9.0)], 1)
    done = Trace("1", points, np.zeros(9))
    further = Trace("1 2", points + 20, np.zeros(9), parent=Link("1", 3))

    def forever(*_, **__):
        while True:
            time.sleep(0.01)
            yield Progress(1, 2, "following", preview=Grown((done,), (), (further,)))

    monkeypatch.setattr(batch, "trace_each_fibre", forever)
    dock = docked(two_fibres(1)[0])
    click(dock.trace.all)
    viewer = dock.bench.viewer
    qtbot.waitUntil(lambda: "fibres: growing" in viewer.layers, timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    one, other = (entry.trace for entry in dock.bench.entries)
    assert (one.path, other.path) == ("trace 1", "trace 2")
    assert other.parent == Link("trace 1", 3)


def test_cancelling_where_all_was_traced_already_does_not_promise_more(
    docked, click, qtbot, monkeypatch
):
    nothing = Trace("1", np.zeros((0, 3)), why="too faint")

    def forever(*_, **__):
        while True:
            time.sleep(0.01)
            yield Progress(1, 2, "following", preview=Grown((nothing,)))

    monkeypatch.setattr(batch, "trace_each_fibre", forever)
    dock = docked(two_fibres(1)[0])
    click(dock.trace.all)
    qtbot.waitUntil(lambda: "following" in dock.progress.message.text(), timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert "no new trace at the first place" in dock.trouble.text()


def test_what_is_kept_on_cancel_has_its_radii(docked, click, qtbot, unhurried):
    dock = docked(two_fibres(1)[0])
    message = dock.progress.message
    with unhurried():
        click(dock.trace.all)
        for words in ("looking for seeds", ": 0 traces, 8 under way"):
            qtbot.waitUntil(lambda w=words: w in message.text(), timeout=2 * MINUTE)
        qtbot.waitUntil(lambda: ": 0 traces" not in message.text(), timeout=2 * MINUTE)
        click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert dock.bench.entries
    for entry in dock.bench.entries:
        assert np.isfinite(entry.trace.radius).mean() > 0.9


def test_the_switch_is_in_sight_and_settings_say_what_they_are(docked):
    dock = docked(two_fibres(1)[0])
    switch = dock.trace.form.widgets["fibres"].native
    assert switch.isVisibleTo(dock) and switch.currentText() == "find out"
    widgets = dock.trace.form.widgets
    assert "dark" not in widgets
    assert widgets["gap"].native.suffix() == widgets["longest"].native.suffix() == " px"
    assert widgets["width"].native.text() == "measured"


@pytest.fixture
def series(docked, viewer):
    """Three time points, of which the second is in view."""
    image, _ = two_fibres(1)
    frames = np.stack([image, np.roll(image, 10, 0), np.roll(image, 20, 0)])[:, None]
    dock = docked(frames, axis_labels=("t", "z", "y", "x"), scale=(2.0, 1.0, 1.0, 1.0))
    return dock


def test_the_dock_works_on_the_time_point_in_view(series, viewer, qtbot):
    bench, number = series.bench, series.data.time
    assert number.isVisible() and bench.time == number.value() == round(viewer.dims.point[0] / 2)
    viewer.dims.set_point(0, 4.0)
    qtbot.waitUntil(lambda: bench.time == 2)
    assert number.value() == 2
    shown = np.asarray(bench.volume.data[0])
    np.testing.assert_array_equal(shown, np.asarray(viewer.layers["fibres"].data)[2, 0])


def test_the_slider_goes_to_the_time_point_that_is_typed(series, viewer, qtbot):
    series.data.time.setValue(0)
    assert viewer.dims.point[0] == 0 and series.bench.time == 0
    series.data.time.setValue(2)
    assert viewer.dims.point[0] == 4 and series.bench.time == 2


def test_traces_are_those_of_the_time_point_in_view(series, viewer, qtbot):
    bench = series.bench
    series.data.time.setValue(0)
    points = np.stack([np.zeros(9), np.full(9, 40.0), np.arange(9.0)], 1)
    bench.decide(lambda: bench.traces.add([Trace("mine", points, np.zeros(9))]))
    viewer.dims.set_point(0, 2.0)
    qtbot.waitUntil(lambda: bench.time == 1)
    assert not bench.entries
    viewer.dims.set_point(0, 0.0)
    qtbot.waitUntil(lambda: bench.time == 0)
    assert [entry.name for entry in bench.entries] == ["mine"]


def test_the_hint_for_a_colour_image_does_not_ask_to_open_one(docked):
    dock = docked(np.zeros((32, 32, 3), np.uint8))
    assert "Split RGB" in dock.data.about.text()
    assert "cannot be traced as it is" in dock.hint.text()
    assert "Open an image" not in dock.hint.text()

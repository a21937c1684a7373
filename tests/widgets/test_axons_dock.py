"""The axons dock driven by clicks into the canvas of a real window."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLineEdit

from napari_midl.engine.jobs import Progress
from napari_midl.engine.models import read_card
from napari_midl.engine.runs import read_run, record_path
from napari_midl.methods.axons import batch
from napari_midl.methods.axons.edits import nearest
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.store import read_entries, traces_file, write_entries
from napari_midl.methods.axons.synthetic import synthetic_image
from napari_midl.volumes.trace import Link
from napari_midl.volumes.traces import Trace, read_traces
from napari_midl.widgets.axons import AxonsDock
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, TRACE
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS

MINUTE = 60_000
SCALE, TRANSLATE = (0.5, 0.25), (10.0, -4.0)


@pytest.fixture(scope="module")
def fibre():
    """An image, and its fibre as ``(y, x)``."""
    return synthetic_image("SI", np.random.default_rng(3))


@pytest.fixture
def axons(viewer, fibre, notes):
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    viewer.add_image(fibre[0], name="fibre", scale=SCALE, translate=TRANSLATE, units=("um", "um"))
    return _docked(viewer)


def _docked(viewer):
    made = AxonsDock(viewer)
    viewer.window.add_dock_widget(made, name="axons")
    return made


@pytest.fixture
def click_at(viewer, qtbot):
    """Click on a pixel ``(y, x)`` of the first layer, in the canvas."""

    def press(pixel, modifier=Qt.KeyboardModifier.NoModifier, drag=0):
        qtbot.wait(50)
        world = np.asarray(viewer.layers[0].data_to_world(pixel))[-2:]
        camera = viewer.scene.camera
        middle = np.asarray(viewer.canvas.size) / 2
        y, x = (world - np.asarray(camera.center)[-2:]) * camera.zoom + middle
        canvas = viewer.window._qt_viewer.canvas.native
        place = QPoint(round(x), round(y))
        assert canvas.rect().contains(place)
        qtbot.mouseMove(canvas, place)
        left = Qt.MouseButton.LeftButton
        qtbot.mousePress(canvas, left, modifier, place)
        for step in range(drag):
            qtbot.mouseMove(canvas, place + QPoint(step, 0))
        qtbot.mouseRelease(canvas, left, modifier, place + QPoint(drag, 0))

    return press


@pytest.fixture
def finish(axons, qtbot):
    def wait():
        qtbot.waitUntil(lambda: not axons.bench.runner.running, timeout=2 * MINUTE)

    return wait


@pytest.fixture
def traced(axons, fibre, click, click_at, finish, viewer):
    """The fibre traced from a click on its middle."""
    viewer.reset_view()
    click(axons.trace.modes[TRACE])
    click_at(fibre[1][len(fibre[1]) // 2])
    assert axons.bench.runner.running
    finish()
    return axons


def _add(dock, *traces):
    dock.bench.decide(lambda: dock.bench.traces.add(traces))


def _line(name, xs=tuple(range(50)), uncertainty=None):
    """A trace along row 30."""
    points = np.stack([np.zeros(len(xs)), np.full(len(xs), 30.0), np.asarray(xs, float)], 1)
    return Trace(name, points, np.zeros(len(xs)) if uncertainty is None else uncertainty)


def _move_to(data, folder):
    data.folder.line.setText(str(folder))
    data.folder.line.editingFinished.emit()


def _drawn(viewer, what):
    """How many vectors that can be seen."""
    name = f"fibre: {what}"
    return int((viewer.layers[name].edge_color[:, 3] > 0).sum()) if name in viewer.layers else 0


def _coverage(trace, fibre):
    return score(trace.points[:, 1:], fibre[1]).coverage


def test_an_empty_dock_says_what_to_do(viewer, notes, fibre):
    dock = _docked(viewer)
    assert "Open Sample" in dock.hint.text()
    assert not any(made.isEnabled() for made in dock.trace.modes.values())
    assert not dock.review.looks.hiding.isEnabled()
    viewer.add_image(np.zeros((32, 32, 3), np.uint8), name="colours")
    assert "Split RGB" in dock.data.about.text()
    viewer.add_image(fibre[0], name="fibre")
    dock.data.image.setCurrentIndex(1)
    assert "Trace by clicking" in dock.hint.text()


def test_a_click_traces_the_fibre(traced, fibre, viewer):
    (entry,) = traced.bench.entries
    assert _coverage(entry.trace, fibre) > 0.8
    assert not entry.accepted
    layer = viewer.layers["fibre: traces"]
    assert _drawn(viewer, "traces") == len(entry.trace.points) - 1
    np.testing.assert_allclose(
        layer.data_to_world(layer.data[1, 0]),
        viewer.layers["fibre"].data_to_world(entry.trace.points[0, 1:]),
        rtol=1e-5,
    )
    table = traced.review.table.view.model()
    assert table.rowCount() == 1
    length = entry.trace.length((1, *SCALE))
    assert float(table.index(0, 1).data()) == pytest.approx(length, rel=1e-3)
    assert _drawn(viewer, "growing") == 0


def test_a_click_on_background_is_said(axons, fibre, viewer, notes, click, click_at, finish):
    viewer.reset_view()
    click(axons.trace.modes[TRACE])
    far = [(y, x) for y in range(20, 200, 9) for x in range(20, 200, 9)]
    click_at(max(far, key=lambda p: np.linalg.norm(fibre[1] - p, axis=1).min()))
    finish()
    assert not axons.bench.entries
    assert "sees no fibre" in axons.trouble.text() and axons.trouble.isVisible()
    assert not notes, "what is said stands in the dock, not over the image"


def test_a_trace_far_from_its_click_says_how_far(axons, fibre, viewer, click, click_at, finish):
    viewer.reset_view()
    line = fibre[1]
    at = 3 * len(line) // 4
    along = line[at + 2] - line[at - 2]
    click(axons.trace.modes[TRACE])
    click_at(line[at] + 16 * np.array([along[1], -along[0]]) / np.linalg.norm(along))
    finish()
    assert _coverage(axons.bench.entries[0].trace, fibre) > 0.8
    # Pixels are a quarter of a micrometre wide and half a one high.
    assert re.match(r"trace 1 runs [3-6]\.\d+ µm from your click", axons.trouble.text())


def test_the_minimal_path_can_be_chosen(axons, fibre, viewer, click, click_at, finish):
    viewer.reset_view()
    axons.trace.form.widgets["method"].value = "minimal-path"
    found = []
    for mode, places in ((TRACE, (0.5,)), (BETWEEN, (0.1, 0.9))):
        click(axons.trace.modes[mode])
        for at in places:
            click_at(fibre[1][int(at * len(fibre[1]))])
        finish()
        found.append(axons.bench.entries[0].trace)
        click(axons.review.undo)
    followed, joined = found
    # It goes from voxel to voxel to the border; its doubt is the tracker's.
    assert followed.why == "border" and joined.why == "both ends"
    for trace in (followed, joined):
        assert _coverage(trace, fibre) > 0.7
        steps = np.linalg.norm(np.diff(trace.points, axis=0), axis=1)
        assert np.median(steps) < 1.5
        assert ((trace.uncertainty >= 0) & (trace.uncertainty <= 1)).all()


def test_a_trace_is_renamed_in_the_table(traced, notes, click, qtbot):
    table = traced.review.table
    for typed, name in (("long one", "long one"), ("  ", "long one")):
        index = table.view.model().index(0, 0)
        table.view.edit(index)
        editor = table.view.findChild(QLineEdit)
        editor.selectAll()
        qtbot.keyClicks(editor, typed)
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        qtbot.wait(200)
        assert traced.bench.entries[0].name == name
        assert table.view.model().index(0, 0).data() == name
    qtbot.waitUntil(lambda: "name of its own" in traced.trouble.text())
    click(traced.review.undo)
    assert traced.bench.entries[0].name == "trace 1"


def test_keys_press_the_buttons(traced, viewer, qtbot):
    canvas = viewer.window._qt_viewer.canvas.native

    def press(key, modifier=Qt.KeyboardModifier.NoModifier):
        qtbot.keyClick(canvas, key, modifier)

    canvas.setFocus()
    press(Qt.Key.Key_A)
    assert traced.bench.entries[0].accepted
    press(Qt.Key.Key_U)
    assert not traced.bench.entries[0].accepted
    press(Qt.Key.Key_U, _SHIFT)
    assert traced.bench.entries[0].accepted
    press(Qt.Key.Key_R)
    assert not traced.bench.entries
    viewer.window.remove_dock_widget(traced)
    assert not viewer.keymap


def test_fibres_are_traced_while_the_tracker_learns(traced, viewer, click, click_at, finish, qtbot):
    bench = traced.bench
    click(traced.review.accept)
    traced.learn.form.widgets["minutes"].value = 5
    click(traced.learn.train)
    qtbot.waitUntil(lambda: bool(traced.learn.plot.isVisible()), timeout=MINUTE)
    click(traced.trace.modes[BETWEEN])
    for place in ((20, 20), (20, 60)):  # where nothing is traced yet
        click_at(place)
    qtbot.waitUntil(lambda: len(bench.entries) == 2, timeout=MINUTE)
    assert bench.learner.running and traced.learn.progress.isVisible()
    click(traced.learn.progress.cancel)
    qtbot.waitUntil(lambda: not bench.learner.running, timeout=MINUTE)
    assert traced.trace.model.choice == "base"


def test_a_drag_is_no_click(axons, click, click_at, monkeypatch):
    requests = []
    monkeypatch.setattr(axons.trace.tracer, "request", requests.extend)
    click(axons.trace.modes[TRACE])
    click_at((80, 80), drag=20)
    assert not requests
    click_at((80, 80))
    (request,) = requests
    np.testing.assert_allclose(request.seed.position, (0, 80, 80), atol=1)


def test_accept_undo_redo_reject(traced, click, viewer):
    bench, review = traced.bench, traced.review
    click(review.accept)
    assert bench.entries[0].accepted
    assert review.table.view.model().index(0, 3).data() == "accepted"
    click(review.undo)
    assert not bench.entries[0].accepted
    click(review.redo)
    assert bench.entries[0].accepted
    click(review.reject)
    assert not bench.entries
    assert _drawn(viewer, "traces") == 0
    click(review.undo)
    assert len(bench.entries) == 1
    click(review.undo)
    click(review.undo)
    assert not bench.entries and not review.undo.isEnabled()


def test_correct_cuts_and_goes_on_from_the_click(traced, click, click_at, finish):
    bench = traced.bench
    before = bench.entries[0].trace
    bench.select(bench.entries)
    click(traced.trace.modes[CORRECT])
    at = len(before.points) * 3 // 4
    along = before.points[at + 1] - before.points[at - 1]
    aside = np.array([along[2], -along[1]]) / np.linalg.norm(along)
    click_at(before.points[at, 1:] + 3 * aside)
    finish()
    (entry,) = bench.entries
    assert entry.name == "trace 1" and entry.trace.placed_by == "person"
    index, _ = nearest(before, (0, *(before.points[at, 1:] + 3 * aside)), (1, *SCALE))
    np.testing.assert_allclose(entry.trace.points[: index + 1], before.points[: index + 1])
    click(traced.review.undo)
    assert bench.entries[0].trace is before


@pytest.mark.parametrize("shift", [False, True])
def test_correct_near_the_root_keeps_the_tree_whole(traced, click, click_at, finish, shift):
    bench = traced.bench
    points = bench.entries[0].trace.points
    for name, root in (("near", 8), ("far", len(points) - 8)):
        along = points[root + 1] - points[root - 1]
        side = points[root] + np.arange(20)[:, None] * np.array([0.0, along[2], -along[1]])
        _add(traced, Trace(name, side, np.zeros(20), parent=Link("trace 1", root)))
    before = bench.entries
    click(traced.trace.modes[CORRECT])
    at = len(points) // 4
    along = points[at + 1] - points[at - 1]
    aside = np.array([along[2], -along[1]]) / np.linalg.norm(along)
    click_at(points[at, 1:] + 3 * aside, _SHIFT if shift else Qt.KeyboardModifier.NoModifier)
    finish()
    root, *grown = (entry.trace for entry in bench.entries)
    assert root.parent is None and root is not before[0].trace
    assert root.length((0, 1, 1)) > 0.9 * before[0].trace.length((0, 1, 1))
    assert np.linalg.norm(root.points[0] - points[0]) < np.linalg.norm(root.points[0] - points[-1])
    assert [trace.parent.path for trace in grown] == ["trace 1"] * 2
    click(traced.review.undo)
    assert bench.entries == before


def _beside(points, at, by):
    """A place `by` px beside a trace at one of its points, ``(y, x)``."""
    along = points[at + 1] - points[at - 1]
    return points[at, 1:] + by * np.array([along[2], -along[1]]) / np.linalg.norm(along)


def test_correct_says_what_it_left_and_that_it_goes_over_nothing(
    axons, viewer, click, click_at, finish
):
    # Nothing but a short piece of fibre, left where the trunk is cut: the agent sees none there.
    viewer.layers[0].data = np.zeros((256, 256), np.float32)
    viewer.layers[0].data[29:32, :50] = 1
    viewer.layers[0].contrast_limits = 0, 1
    _add(axons, _line("trunk", range(0, 120)))
    side = np.stack([np.zeros(20), 30.0 + np.arange(20), np.full(20, 110.0)], 1)
    _add(axons, Trace("far", side, np.zeros(20), parent=Link("trunk", 110)))
    axons.bench.select(axons.bench.entries[:1])
    viewer.reset_view()
    click(axons.trace.modes[CORRECT])
    click_at((36, 60))
    finish()
    trunk, far = axons.bench.entries
    assert len(trunk.trace.points) > 60 and far.trace.parent is None
    assert "sees no fibre there" in axons.trouble.text()
    assert "far grew from the part that is gone" in axons.trouble.text()


def test_a_trace_is_corrected_once_at_a_time(traced, click, click_at, finish):
    points = traced.bench.entries[0].trace.points
    click(traced.trace.modes[CORRECT])
    for at in (len(points) * 3 // 4, len(points) // 2):
        click_at(_beside(points, at, 3.0))
    assert "trace 1 is still being corrected" in traced.trouble.text()
    finish()
    (entry,) = traced.bench.entries
    assert entry.trace.points is not points


def test_what_was_corrected_while_it_was_cut_has_a_name_of_its_own(traced, click, click_at, finish):
    bench = traced.bench
    points = bench.entries[0].trace.points
    click(traced.trace.modes[CORRECT])
    click_at(_beside(points, len(points) * 3 // 4, 3.0))
    assert bench.runner.running
    bench.decide(lambda: bench.traces.cut(points[len(points) // 2].tolist()))
    finish()
    assert [entry.name for entry in bench.entries] == ["trace 1", "trace 2"]


def test_correct_says_which_accepted_traces_are_proposed_again(
    axons, fibre, viewer, click, click_at, finish
):
    line = np.column_stack([np.zeros(len(fibre[1])), fibre[1]])
    aside = np.array([_beside(line, k, 5.0) for k in range(1, len(line) - 1)])
    wrong = np.column_stack([np.zeros(len(aside)), aside])
    _add(axons, Trace("wrong", wrong, np.zeros(len(wrong))))
    at = len(wrong) * 3 // 4
    side = wrong[at] + np.arange(20)[:, None] * (0, *(_beside(wrong, at, 1.0) - wrong[at, 1:]))
    _add(axons, Trace("branch", side, np.zeros(20), parent=Link("wrong", at)))
    click(axons.review.accept)
    axons.bench.select(axons.bench.entries[:1])
    viewer.reset_view()
    click(axons.trace.modes[CORRECT])
    click_at(fibre[1][len(fibre[1]) // 4])
    finish()
    _, branch = axons.bench.entries
    assert branch.trace.parent is not None and not branch.accepted
    assert "proposed again: branch" in axons.trouble.text()


def test_cut_keeps_the_longer_part_or_with_shift_the_other(traced, click, click_at):
    bench = traced.bench
    before = bench.entries[0].trace
    at = before.points[len(before.points) * 3 // 4, 1:]
    for modifier, share in ((Qt.KeyboardModifier.NoModifier, 0.75), (_SHIFT, 0.25)):
        bench.select(bench.entries)
        if not traced.trace.modes[CUT].isChecked():
            click(traced.trace.modes[CUT])
        click_at(at, modifier)
        kept = bench.entries[0].trace
        assert len(kept.points) == pytest.approx(share * len(before.points), abs=3)
        click(traced.review.undo)


_SHIFT = Qt.KeyboardModifier.ShiftModifier


def test_what_grew_from_a_part_that_is_cut_off_is_named(traced, click, click_at):
    bench = traced.bench
    points = bench.entries[0].trace.points
    for name, index in (("stays", -3), ("parts", 2)):
        root = range(len(points))[index]
        side = points[root] + np.arange(20)[:, None] * [0.0, 0.5, 0.5]
        _add(traced, Trace(name, side, np.zeros(20), parent=Link("trace 1", root)))
    bench.select(bench.entries[:1])
    click(traced.trace.modes[CUT])
    click_at(points[len(points) // 4, 1:])
    assert traced.trouble.text().startswith("parts grew from the part that is gone")
    assert [entry.trace.parent is None for entry in bench.entries] == [True, False, True]


def test_from_one_click_to_another(axons, fibre, viewer, click, click_at, finish):
    viewer.reset_view()
    click(axons.trace.modes[BETWEEN])
    first, last = fibre[1][20], fibre[1][-20]
    click_at(first)
    assert "ends" in axons.hint.text()
    click_at(last)
    finish()
    trace = axons.bench.entries[0].trace
    for end, wanted in ((trace.points[0], first), (trace.points[-1], last)):
        np.testing.assert_allclose(end[1:], wanted, atol=2)  # a pixel of the screen
    assert _coverage(trace, (None, fibre[1][20:-20])) > 0.9
    axons.bench.select([])
    click_at(first)
    click_at(last)
    finish()
    assert len(axons.bench.entries) == 1
    assert "traced already, by trace 1, now selected" in axons.trouble.text()
    assert axons.bench.traces.selected == axons.bench.entries


def test_ways_that_are_clicked_while_another_is_looked_for_wait_their_turn(
    axons, fibre, viewer, click, click_at, finish
):
    viewer.reset_view()
    click(axons.trace.modes[BETWEEN])
    middle = fibre[1]
    clicked = ((20, 60), (80, 120), (140, 180))
    for begin, end in clicked:
        click_at(middle[begin])
        click_at(middle[end])
    assert axons.trouble.isHidden()
    click(axons.trace.modes[TRACE])
    click_at(middle[-30])
    finish()
    ends = [(e.trace.points[0, 1:], e.trace.points[-1, 1:]) for e in axons.bench.entries]
    turns = [
        [np.allclose(pair, (middle[begin], middle[end]), atol=2) for pair in ends].index(True)
        for begin, end in clicked
    ]
    assert turns == sorted(turns)
    assert len({entry.name for entry in axons.bench.entries}) == len(axons.bench.entries)
    assert len(viewer.layers["fibre: clicks"].data) == 0


def test_a_way_from_a_trace_is_a_branch_of_it(axons, fibre, viewer, click, click_at, finish):
    _add(axons, _line("trunk"))
    trunk = axons.bench.entries[0].trace.points
    viewer.reset_view()
    click(axons.trace.modes[BETWEEN])
    click_at(trunk[20, 1:] + [1, 0])
    click_at(fibre[1][len(fibre[1]) // 2])
    finish()
    drawn = axons.bench.entries[-1].trace
    assert drawn.parent is not None and drawn.parent.path == "trunk"
    assert drawn.points[0].tolist() == trunk[drawn.parent.index].tolist()


def test_the_layers_are_made_before_the_first_click(axons, viewer, click, qtbot):
    assert len(viewer.layers) == 1
    click(axons.trace.modes[TRACE])
    named = {f"fibre: {what}" for what in ("traces", "growing", "selected", "clicks")}
    qtbot.waitUntil(lambda: named <= {layer.name for layer in viewer.layers}, timeout=MINUTE)
    assert not _drawn(viewer, "traces") and viewer.layers.selection.active is viewer.layers[0]


def test_branch_begins_on_its_parent(traced, click, click_at, finish):
    parent = traced.bench.entries[0].trace
    click(traced.trace.modes[BRANCH])
    at = len(parent.points) // 2
    along = parent.points[at + 1] - parent.points[at - 1]
    click_at(parent.points[at, 1:] + 3 * np.array([along[2], -along[1]]) / np.linalg.norm(along))
    finish()
    branch = traced.bench.entries[-1].trace
    assert branch.path == "trace 2"
    assert nearest(parent, branch.points[0], (1, 1, 1))[1] == 0


@pytest.mark.parametrize("mode", [BRANCH, CORRECT])
def test_a_branch_or_correction_on_nothing_says_so(
    axons, viewer, click, click_at, finish, mode, notes
):
    viewer.layers[0].data = np.random.default_rng(0).normal(0.3, 0.02, (256, 256))
    _add(axons, _line("trunk"))
    trunk = axons.bench.entries[0].trace.points
    viewer.reset_view()
    click(axons.trace.modes[mode])
    click_at(trunk[len(trunk) // 2, 1:] + [3.5, 1])
    finish()
    assert "sees no fibre there" in axons.trouble.text() and not axons.trouble.isHidden()
    assert [entry.name for entry in axons.bench.entries] == ["trunk"]
    np.testing.assert_array_equal(axons.bench.entries[0].trace.points, trunk)


def test_all_points_of_a_layer_make_one_trace_of_each_fibre(
    axons, fibre, viewer, click, finish, notes
):
    places = fibre[1][[40, len(fibre[1]) // 2, -40]]
    viewer.add_points([*places, (500, 500)], name="seeds", scale=SCALE, translate=TRANSLATE)
    click(axons.trace.batch)
    finish()
    (entry,) = axons.bench.entries
    assert _coverage(entry.trace, fibre) > 0.8
    assert "3 seeds: 1 trace, 2 lie on fibres traced already" in axons.trouble.text()
    click(axons.trace.batch)
    finish()
    assert len(axons.bench.entries) == 1
    assert "3 seeds: 0 traces, 3 lie on fibres traced already" in axons.trouble.text()
    click(axons.review.undo)
    assert not axons.bench.entries


@pytest.fixture
def forever(monkeypatch):
    """Stands in for tracing: one trace ends, the other grows until it is closed."""
    closed = threading.Event()

    def follow(tracing, seeds, known=(), **how):
        line = np.zeros((10, 3))
        line[:, 2] = np.arange(10)
        done = Trace(seeds[0].path, line, np.zeros(10))
        try:
            for step in range(10**9):
                time.sleep(0.01)
                grown = Trace("", np.full((2 + step, 3), 3.0), np.zeros(2 + step))
                yield Progress(1, 2, "following", preview=Grown((done,), (grown,)))
        finally:
            closed.set()

    monkeypatch.setattr(batch, "trace_each_fibre", follow)
    return closed


def test_cancel_keeps_what_has_ended(axons, viewer, forever, click, qtbot):
    viewer.add_points([(20, 20), (30, 30)], name="seeds")
    click(axons.trace.batch)
    qtbot.waitUntil(lambda: _drawn(viewer, "growing") > 0)
    click(axons.progress.cancel)
    qtbot.waitUntil(lambda: not axons.bench.runner.running)
    assert forever.is_set(), "the job was closed in its own thread"
    assert [entry.name for entry in axons.bench.entries] == ["trace 1"]
    assert _drawn(viewer, "growing") == 0


@pytest.mark.parametrize("ended", [True, False])
def test_what_has_ended_stays_in_sight_and_cancel_says_what_is_kept(
    axons, viewer, click, qtbot, monkeypatch, ended
):
    def follow(tracing, seeds, known=(), **how):
        line = np.zeros((10, 3))
        line[:, 2] = np.arange(10)
        done, more = (Trace(path, line, np.zeros(10)) for path in ("a", "a 2"))
        if ended:
            yield Progress(1, 2, preview=Grown((done,), (), (more,)))
        for step in range(10**9):
            time.sleep(0.01)
            yield Progress(1, 2, f"step {step}")

    monkeypatch.setattr(batch, "trace_each_fibre", follow)
    click(axons.trace.all)
    message = axons.progress.message
    for _ in range(3):
        before = message.text()
        qtbot.waitUntil(lambda b=before: "step" in message.text() and message.text() != b)
    if ended:
        assert _drawn(viewer, "growing") == 18, "also once there is nothing new to show"
    click(axons.progress.cancel)
    qtbot.waitUntil(lambda: not axons.bench.runner.running)
    assert len(axons.bench.entries) == (2 if ended else 0)
    kept = "2 traces kept, of the first 1 seed" if ended else "nothing is kept"
    assert kept in axons.trouble.text()


def test_clicks_wait_for_each_other(axons, fibre, viewer, click, click_at, finish, unhurried):
    viewer.reset_view()
    click(axons.trace.modes[TRACE])
    with unhurried():
        for at in (0.3, 0.5, 0.7):
            click_at(fibre[1][int(at * len(fibre[1]))])
            assert len(viewer.layers["fibre: clicks"].data), "a ring where a trace is awaited"
    finish()
    assert [entry.name for entry in axons.bench.entries] == ["trace 1"]
    assert axons.trouble.text() == "2 clicks: 0 traces, 2 lie on fibres traced already"
    assert len(viewer.layers["fibre: clicks"].data) == 0


def test_save_and_open(traced, fibre, click, finish, monkeypatch, tmp_path):
    before = traced.bench.entries[0].trace
    swc, csv = tmp_path / "out.swc", tmp_path / "measured.csv"
    for made, path in ((traced.files.save, swc), (traced.files.measure, csv)):
        monkeypatch.setattr(
            "qtpy.QtWidgets.QFileDialog.getSaveFileName", lambda *_, p=path: (str(p), "")
        )
        click(made)
        finish()
    np.testing.assert_allclose(
        read_traces(swc, traced.bench.opened_volume.space)[0].points,
        before.points,
        rtol=1e-3,
        atol=1e-3,
    )
    for path, operation in ((swc, "axons.export"), (csv, "axons.measure")):
        assert read_run(record_path(path)).operation == operation
    assert pd.read_csv(csv)["state"].tolist() == ["proposed"]
    tables = ["sholl", "traces", "trees"]
    names = [f"measured {table}.csv" for table in tables]
    names += ["measured.csv", "measured.csv.run.json", "out.csv", "out.swc", "out.swc.run.json"]
    assert sorted(path.name for path in tmp_path.glob("*.*")) == names
    assert pd.read_csv(csv)["length (µm)"][0] == pytest.approx(before.length((1, *SCALE)), rel=1e-3)
    for path in (swc, swc.with_suffix(".csv")):
        monkeypatch.setattr(
            "qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *_, p=path: (str(p), "")
        )
        click(traced.files.open)
        finish()
        swc_only = path.suffix == ".swc"
        assert ("out.csv beside it does" in traced.trouble.text()) is swc_only, "where doubt is"
    entries = traced.bench.entries
    assert len({entry.name for entry in entries}) == 3
    assert all(_coverage(entry.trace, fibre) > 0.8 for entry in entries)


def test_what_nobody_accepted_stays_out_of_files(axons, click, finish, monkeypatch, tmp_path):
    _add(axons, _line("right"), replace(_line("branch"), parent=Link("guess", 3)), _line("guess"))
    axons.bench.select(axons.bench.entries[:2])
    click(axons.review.accept)
    files = axons.files
    saved = {}
    for only in (False, True):
        files.accepted_only.setChecked(only)
        for made, name in ((files.save, f"{only}.csv"), (files.measure, f"{only} measured.csv")):
            path = str(tmp_path / name)
            monkeypatch.setattr(
                "qtpy.QtWidgets.QFileDialog.getSaveFileName", lambda *_, p=path: (p, "")
            )
            click(made)
            finish()
            if made is files.save:
                said = axons.trouble.text()
            saved[name] = set(pd.read_csv(path)["path"])
        assert ("2 accepted traces" if only else "3 traces, 1 of them not accepted") in said
    assert saved["True.csv"] == saved["True measured.csv"] == {"right", "branch"}
    assert saved["False.csv"] == saved["False measured.csv"] == {"right", "branch", "guess"}
    arguments = read_run(record_path(tmp_path / "True.csv")).arguments
    assert arguments["accepted_only"], arguments


def test_nothing_is_saved_where_nothing_is_accepted(axons):
    _add(axons, _line("guess"))
    for only in (False, True):
        axons.files.accepted_only.setChecked(only)
        for made in (axons.files.save, axons.files.measure, axons.files.trees):
            assert made.isEnabled() is not only


def test_a_file_of_another_image_is_refused(axons, notes, click, finish, monkeypatch, tmp_path):
    path = tmp_path / "far.csv"
    path.write_text("path,y,x\na,10,10\na,10,900\n")
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    click(axons.files.open)
    finish()
    assert "far.csv leave fibre" in axons.trouble.text()
    assert not axons.bench.entries


def test_traces_beside_the_fibres_are_opened_with_a_word(
    axons, fibre, notes, click, finish, monkeypatch, tmp_path
):
    path = tmp_path / "halved.csv"
    rows = [f"a,{y / 2},{x / 2}\n" for y, x in fibre[1]]
    path.write_text("".join(["path,y,x\n", *rows]))
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    click(axons.files.open)
    finish()
    assert "halved.csv cannot be told from the background of fibre" in axons.trouble.text()
    assert len(axons.bench.entries) == 1


def test_traces_of_an_swc_are_neither_sure_nor_doubtful(
    axons, fibre, viewer, notes, click, finish, monkeypatch, tmp_path
):
    bench, review = axons.bench, axons.review
    path = tmp_path / "theirs.swc"
    nodes = enumerate(fibre[1][::4], 1)  # in voxels of this size, from the first one on
    rows = [f"{k} 2 {x * 0.25} {y * 0.5} 0 0.5 {k - 1 or -1}\n" for k, (y, x) in nodes]
    path.write_text("".join(rows))
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    click(axons.files.open)
    finish()
    colours = viewer.layers["fibre: traces"].edge_color
    (colour,) = np.unique(colours[colours[:, 3] > 0], axis=0)
    scale = UNCERTAINTY_COLOURS.map(np.linspace(0, 1, 256))
    assert np.abs(scale - colour).max(1).min() > 0.2, "on no place of the scale of doubt"
    assert "no doubt told" in review.looks.legend.text()
    assert review.table.view.model().index(0, 2).data() == ""
    assert review.count.text() == "1 trace with no doubt told"
    assert not review.next.isEnabled() and not review.accept_sure.isEnabled()
    assert "No place is known to be doubtful" in axons.hint.text()
    # Beside what the tracker found it stays that.
    unsure = np.zeros(50)
    unsure[20] = 0.8
    _add(axons, _line("a", uncertainty=unsure), _line("b", range(120, 170)))
    assert review.count.text() == "1 to look at; 1 trace with no doubt told"
    for _ in range(2):
        click(review.next)
        assert review.current.entry.name == "a"
    click(review.accept_sure)
    assert [entry.accepted for entry in bench.entries] == [False, False, True]
    assert "1 has a doubtful place left" in axons.trouble.text()
    assert "Look yourself at 1 trace with no doubt told." in axons.trouble.text()
    bench.autosave.finish()
    kept = read_entries(traces_file(bench.folder))
    assert [entry.trace.is_told for entry in kept] == [False, True, True]
    for made, name in ((axons.files.save, "all.swc"), (axons.files.measure, "measured.csv")):
        out = str(tmp_path / name)
        monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getSaveFileName", lambda *_, p=out: (p, ""))
        click(made)
        finish()
    saved = pd.read_csv(tmp_path / "all.csv")
    assert saved["uncertainty"].isna().equals(saved["path"] == "1")
    measured = pd.read_csv(tmp_path / "measured.csv")
    assert measured["mean uncertainty"].isna().tolist() == [True, False, False]
    viewer.window.remove_dock_widget(axons)
    again = _docked(viewer)
    assert again.review.count.text() == "1 to look at; 1 trace with no doubt told"
    again.bench.select(again.bench.entries[:1])
    click(again.review.accept)
    assert again.review.count.text() == "1 to look at"
    assert "no doubt told" not in again.review.looks.legend.text()


def test_traces_are_restored(traced, viewer, click, notes):
    click(traced.review.accept)
    before = traced.bench.entries[0].trace
    viewer.window.remove_dock_widget(traced)
    assert "fibre: traces" not in viewer.layers
    again = _docked(viewer)
    (entry,) = again.bench.entries
    assert entry.accepted and entry.trace.why == before.why
    np.testing.assert_allclose(entry.trace.points, before.points, rtol=1e-4)
    assert "Restored 1 trace from" in again.trouble.text()
    viewer.layers.remove("fibre")
    assert again.trouble.isHidden(), "nothing of it is there any more"


def test_damaged_traces_are_set_aside(traced, viewer, notes):
    path = traces_file(traced.bench.folder)
    viewer.window.remove_dock_widget(traced)
    path.write_text("path,index\nbroken")
    again = _docked(viewer)
    assert not again.bench.entries
    assert "cannot be read" in again.trouble.text() and "moved to" in again.trouble.text()
    assert path.with_name("traces-unreadable-1.csv").read_text().endswith("broken")
    assert read_entries(path) == []


def test_traces_that_cannot_be_saved_are_not_lost(axons, viewer, notes, fibre, tmp_path):
    bench, data = axons.bench, axons.data
    (tmp_path / "file").write_text("no folder")
    _move_to(data, tmp_path / "file" / "project")
    _add(axons, _line("a"))
    viewer.add_image(fibre[0], name="other")
    data.image.setCurrentIndex(1)
    assert "file" in axons.trouble.text() and "project" in axons.trouble.text()
    assert data.image.currentText() == "fibre" and len(bench.entries) == 1
    _move_to(data, tmp_path / "elsewhere")
    assert bench.folder == tmp_path / "elsewhere" and len(bench.entries) == 1
    data.image.setCurrentIndex(1)
    assert bench.image.name == "other" and not bench.entries
    (kept,) = read_entries(traces_file(tmp_path / "elsewhere"))
    assert kept.name == "a"


def test_a_folder_with_traces_of_its_own_is_not_written_over(axons, notes, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    write_entries(traces_file(theirs), [Entry(_line("their own"))])
    (tmp_path / "file").write_text("no folder")
    _move_to(axons.data, tmp_path / "file" / "project")
    _add(axons, _line("a"))
    _move_to(axons.data, theirs)
    assert [entry.name for entry in axons.bench.entries] == ["a"]
    assert [entry.name for entry in read_entries(traces_file(theirs))] == ["their own"]
    (tmp_path / "file").unlink()
    axons.bench.autosave.finish()
    assert read_entries(traces_file(tmp_path / "file" / "project"))[0].name == "a"


def test_keys_count_whatever_layer_is_active(axons, viewer, qtbot):
    _add(axons, _line("a"), _line("b"))
    points = viewer.add_points([(5, 5)], name="points")
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()

    def accepted():
        return [entry.accepted for entry in axons.bench.entries]

    viewer.layers.selection.active = points
    qtbot.keyClick(canvas, Qt.Key.Key_A)
    assert accepted() == [False, True]
    viewer.layers.selection.active = axons.bench.image
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    assert accepted() == [False]


def test_a_place_of_doubt_is_flown_to(axons, viewer, click, click_row, qtbot):
    unsure = np.zeros(50)
    unsure[[10, 40]] = 0.6, 0.9
    _add(axons, _line("a", uncertainty=unsure))
    axons.bench.select([])
    review = axons.review
    assert [review.list.item(row).text()[:6] for row in range(2)] == ["a: 90%", "a: 60%"]

    def in_view(x):
        wanted = viewer.layers["fibre"].data_to_world((30, x))
        return np.allclose(np.asarray(viewer.scene.camera.center)[-2:], wanted, atol=1)

    for x in (40, 10, 40):
        click(review.next)
        assert in_view(x)
    assert axons.bench.traces.selected == axons.bench.entries
    click_row(review.list, 1)
    assert in_view(10)
    qtbot.keyClick(review.list, Qt.Key.Key_A)
    assert axons.bench.entries[0].accepted
    assert not review.items and not review.next.isEnabled()


def test_a_worse_place_that_is_new_is_not_passed_over(axons, click):
    unsure = np.zeros((3, 50))
    unsure[0, 10], unsure[1, 20], unsure[2, 30] = 0.8, 0.6, 0.9
    _add(axons, _line("a", uncertainty=unsure[0]), _line("b", uncertainty=unsure[1]))
    click(axons.review.next)
    _add(axons, _line("c", uncertainty=unsure[2]))
    for name in ("c", "a", "b"):
        click(axons.review.next)
        assert axons.review.current.entry.name == name


def test_the_only_place_of_doubt_is_flown_to_again(axons, viewer, click):
    _add(axons, _line("a", uncertainty=np.linspace(0, 0.4, 50)))
    click(axons.review.next)
    place = viewer.scene.camera.center
    viewer.reset_view()
    assert viewer.scene.camera.center != place
    click(axons.review.next)
    assert viewer.scene.camera.center == place


def test_join_ties_the_nearest_ends(axons, click):
    _add(axons, _line("a", (0, 1, 2)))
    assert not axons.review.join.isEnabled()
    _add(axons, _line("b", (5, 4, 3)))
    axons.review.table.view.selectAll()
    click(axons.review.join)
    (entry,) = axons.bench.entries
    assert entry.trace.points[:, 2].tolist() == [0, 1, 2, 3, 4, 5]


def test_learning_from_what_was_accepted(traced, fibre, click, qtbot):
    bench = traced.bench
    one = bench.entries[0].trace
    accepted = [Entry(Trace(f"t{k}", one.points, one.uncertainty), accepted=True) for k in range(4)]
    bench.decide(lambda: bench.traces.write(accepted))
    traced.learn.form.widgets["steps"].value = 3
    click(traced.learn.train)
    qtbot.waitUntil(lambda: not bench.learner.running, timeout=2 * MINUTE)
    path = bench.folder / "models" / "tracker-1.safetensors"
    results = read_run(record_path(path)).results
    # Three steps may make it a little worse, and then it is not taken.
    assert traced.trace.model.choice == (path if results["taken"] else "base")
    assert "fibre covered" in traced.learn.gain.text()
    assert read_card(path)["tool"] == "axons"
    assert results["steps"] == 3
    if results["taken"]:
        click(traced.learn.back)
    assert traced.trace.model.choice == "base"


def test_a_stack_is_clicked_at_the_slice_in_view(viewer, fibre, notes, click, click_at, qtbot):
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    stack = np.random.default_rng(0).normal(0.1, 0.05, (5, *fibre[0].shape)).astype(np.float32)
    stack[3] = fibre[0]
    viewer.add_image(stack, name="stack", scale=(5, 1, 1), units=("um",) * 3)
    dock = _docked(viewer)
    viewer.dims.set_point(0, 15.0)
    qtbot.wait(100)
    viewer.reset_view()
    click(dock.trace.modes[TRACE])
    place = fibre[1][len(fibre[1]) // 2]
    click_at((3, *place))
    qtbot.waitUntil(lambda: bool(dock.bench.entries), timeout=3 * MINUTE)
    trace = dock.bench.entries[0].trace
    index, distance = nearest(trace, (3, *place), (5, 1, 1))
    assert distance < 3
    assert abs(trace.points[index, 0] - 3) < 0.5
    layer = viewer.layers["stack: traces"]
    np.testing.assert_allclose(layer.scale, (5, 1, 1))

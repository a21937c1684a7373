"""Traces under the mouse and in depth, by real clicks and keys into a real window."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_midl.methods.axons.fine import read_fine
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.words import GUESS
from napari_midl.volumes.space import Space
from napari_midl.volumes.traces import Link, Trace, resample, write_traces
from napari_midl.widgets.axons import AxonsDock
from napari_midl.widgets.axons.modes import BETWEEN, CORRECT, CUT, MOVE, SOMA, TRACE
from napari_midl.widgets.axons.trees import TreesDialog

PLAIN = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton
MINUTE = 60_000


def line(name, y, z=0.0, count=100, unsure=None):
    """A trace along x, from 20 on."""
    points = np.column_stack([np.full(count, z), np.full(count, y), 20.0 + np.arange(count)])
    return Trace(name, points, np.zeros(count) if unsure is None else unsure)


class Mouse:
    """The mouse over the canvas, at voxels of the first layer."""

    def __init__(self, viewer, qtbot):
        self._viewer, self._qtbot = viewer, qtbot
        self.canvas = viewer.window._qt_viewer.canvas.native

    def at(self, voxel):
        viewer, canvas = self._viewer, self._viewer.window._qt_viewer.canvas
        world = np.zeros(viewer.dims.ndim)
        place = viewer.layers[0].data_to_world(voxel)
        world[-len(place) :] = place
        shown = world[list(viewer.dims.displayed)][::-1]
        homogeneous = np.r_[shown, np.zeros(3 - len(shown)), 1]
        scene = canvas.view.scene
        x, y, _, w = scene.node_transform(scene.canvas.scene).map(homogeneous)
        found = QPoint(round(x / w), round(y / w))
        assert self.canvas.rect().contains(found)
        return found

    def click(self, voxel, modifier=PLAIN, aside=0):
        place = self.at(voxel) + QPoint(0, aside)
        self._qtbot.wait(60)
        self._qtbot.mouseMove(self.canvas, place)
        self._qtbot.mousePress(self.canvas, LEFT, modifier, place)
        self._qtbot.mouseRelease(self.canvas, LEFT, modifier, place)
        self._qtbot.wait(30)

    def drag(self, start, end):
        first, last = self.at(start), self.at(end)
        self._qtbot.mouseMove(self.canvas, first)
        self._qtbot.mousePress(self.canvas, LEFT, PLAIN, first)
        for share in (0.25, 0.5, 0.75, 1.0):
            place = QPointF(first) + share * QPointF(last - first)
            there = QPointF(self.canvas.mapToGlobal(place.toPoint()))
            moved = QMouseEvent(
                QEvent.Type.MouseMove, place, there, Qt.MouseButton.NoButton, LEFT, PLAIN
            )
            QApplication.instance().sendEvent(self.canvas, moved)
            self._qtbot.wait(10)
        self._qtbot.mouseRelease(self.canvas, LEFT, PLAIN, last)

    def key(self, key, modifier=PLAIN):
        self._qtbot.keyClick(self.canvas, key, modifier)


@pytest.fixture
def mouse(viewer, qtbot):
    return Mouse(viewer, qtbot)


@pytest.fixture
def dock(viewer, notes, qtbot):
    """A dock beside a plane, with two traces, 40 pixels apart."""
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    viewer.add_image(np.zeros((160, 160), np.float32), name="plane")
    made = _docked(viewer, qtbot)
    _add(made, line("a", 60.0), line("b", 100.0))
    made.bench.select([])
    return made


@pytest.fixture
def deep(viewer, notes, qtbot):
    """A dock beside a stack with thick slices and a bright fibre in slice 8."""
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    voxels = np.random.default_rng(0).normal(10, 1, (16, 160, 160)).astype(np.float32)
    voxels[8, 79:82] = 60
    viewer.add_image(voxels, name="stack", scale=(5, 1, 1), units=("um",) * 3)
    made = _docked(viewer, qtbot)
    _add(made, line("a", 80.0, 8.0), line("b", 120.0, 2.0))
    made.bench.select([])
    return made


def _docked(viewer, qtbot):
    made = AxonsDock(viewer)
    viewer.window.add_dock_widget(made, name="axons")
    qtbot.wait(100)
    viewer.reset_view()
    return made


def _add(dock, *traces):
    dock.bench.decide(lambda: dock.bench.traces.add(traces))


def _selected(dock):
    return [entry.name for entry in dock.bench.traces.selected]


def _seen(viewer, name):
    """How opaque the pieces of the traces are that are to be seen."""
    opaque = viewer.layers[name].edge_color[:, 3]
    return opaque[opaque > 0]


def _painted(viewer):
    """In how many columns of the canvas there is something blue, as a sure trace is."""
    red, _, blue, _ = (
        viewer.screenshot(canvas_only=True, flash=False).astype(int).transpose(2, 0, 1)
    )
    return int((blue > red + 60).any(0).sum())


def test_a_click_selects_what_is_under_it_and_shift_adds(dock, mouse, viewer):
    mouse.click((60, 70), aside=5)
    assert _selected(dock) == ["a"]
    mouse.click((100, 70), SHIFT)
    assert _selected(dock) == ["a", "b"]
    assert dock.review.table.rows == [0, 1]
    mouse.click((100, 70), SHIFT)
    assert _selected(dock) == ["a"]
    mouse.click((80, 70))
    assert _selected(dock) == ["a"], "a click beside all traces changes nothing"
    mouse.key(Qt.Key.Key_Escape)
    assert _selected(dock) == []


def test_near_is_counted_in_pixels_of_the_screen(dock, mouse, viewer, qtbot):
    viewer.scene.camera.zoom *= 6
    viewer.scene.camera.center = (0, 62, 70)
    qtbot.wait(50)
    mouse.click((63, 70))
    assert _selected(dock) == [], "three voxels are far away where they are large"
    mouse.click((60.2, 70))
    assert _selected(dock) == ["a"]


def test_cut_takes_the_trace_under_the_mouse_and_refuses_elsewhere(dock, mouse, click):
    bench = dock.bench
    bench.select([bench.entries[0]])
    click(dock.trace.modes[CUT])
    mouse.click((80, 70))
    assert "No trace is under the mouse" in dock.trouble.text() and dock.trouble.isVisible()
    assert [len(entry.trace.points) for entry in bench.entries] == [100, 100]
    mouse.click((100, 90))
    assert [len(entry.trace.points) for entry in bench.entries] == [100, 71]
    assert _selected(dock) == ["b"]
    assert dock.trouble.isHidden()


def test_correct_refuses_far_from_all_traces(dock, mouse, click, monkeypatch):
    asked = []
    monkeypatch.setattr(dock.trace.tracer, "request", asked.extend)
    click(dock.trace.modes[CORRECT])
    mouse.click((80, 70))
    assert not asked and "No trace is under the mouse" in dock.trouble.text()
    mouse.click((101, 70), aside=3)
    assert [request.instead_of.name for request in asked] == ["b"]


def test_a_click_on_an_image_that_hides_the_traced_one_is_refused(dock, mouse, viewer, click):
    wanted = []
    dock.trace.tracer.request = wanted.extend
    over = viewer.add_image(np.zeros((100, 160)), name="over")
    click(dock.trace.modes[TRACE])
    mouse.click((40, 70))
    assert "over hides plane" in dock.trouble.text() and not wanted
    mouse.click((130, 70))
    assert len(wanted) == 1, "there is nothing over it there"
    for change in ({"blending": "additive"}, {"opacity": 0.5}, {"visible": False}):
        before = {name: getattr(over, name) for name in change}
        for name, value in change.items():
            setattr(over, name, value)
        wanted.clear()
        mouse.click((40, 70))
        assert len(wanted) == 1, change
        for name, value in before.items():
            setattr(over, name, value)


def test_a_click_does_what_was_chosen_last_alone(dock, mouse, viewer, click):
    wanted = []
    dock.trace.tracer.request = wanted.extend
    points = viewer.add_points(np.zeros((0, 2)), name="points")
    points.mode = "add"
    click(dock.trace.modes[TRACE])
    mouse.click((40, 70))
    assert len(wanted) == 1 and len(points.data) == 0
    points.mode = "add"
    assert dock.trace.mode is None
    mouse.click((40, 90))
    assert len(wanted) == 1 and len(points.data) == 1
    labels = viewer.add_labels(np.zeros((160, 160), int), name="labels")
    labels.mode = "paint"
    click(dock.trace.modes[CUT])
    viewer.layers.selection.active = points
    assert points.mode == "pan_zoom" and dock.trace.mode == CUT


def test_the_mode_stays_when_another_image_is_chosen(dock, viewer, click, qtbot):
    viewer.add_image(np.zeros((160, 160), np.float32), name="other")
    click(dock.trace.modes[CUT])
    dock.data.image.setCurrentText("other")
    assert dock.bench.opened_image.name == "other" and dock.trace.mode == CUT


def test_what_was_done_last_is_not_said_of_another_image(
    dock, viewer, click, qtbot, monkeypatch, tmp_path
):
    path = tmp_path / "traces.csv"
    write_traces(path, [line("a", 40)], Space())
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getOpenFileName", lambda *_: (str(path), ""))
    click(dock.files.open)
    message = dock.progress.message
    qtbot.waitUntil(lambda: message.text().startswith("Open: done"))
    viewer.add_image(np.zeros((160, 160), np.float32), name="other")
    dock.data.image.setCurrentText("other")
    assert message.text() == "Nothing is running."


def test_the_first_trace_has_its_room_at_once(viewer, notes, qtbot):
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1500, 950)
    viewer.add_image(np.zeros((160, 160), np.float32), name="plane")
    review = _docked(viewer, qtbot).review
    qtbot.wait(300)
    assert not review.table.isVisible()
    review.bench.decide(lambda: review.bench.traces.add([line("a", 40)]))
    review.grab()  # draws it as it is laid out by then
    beside = (review.accept, review.next, review.list, review.keys)
    assert not any(review.table.geometry().intersects(other.geometry()) for other in beside)


def test_keys_hold_whatever_layer_is_active(dock, mouse, viewer):
    bench = dock.bench
    viewer.add_image(np.zeros((50, 50)), name="another image")
    layers = [
        viewer.layers["another image"],
        viewer.layers["plane"],
        viewer.layers["plane: traces"],
    ]
    layers += [viewer.add_points(name="points"), viewer.add_labels(np.zeros((9, 9), int))]
    for layer in layers:
        viewer.layers.selection.active = layer
        for key, mode in ((Qt.Key.Key_C, CORRECT), (Qt.Key.Key_X, CUT), (Qt.Key.Key_F, BETWEEN)):
            mouse.key(key)
            assert dock.trace.mode == mode, layer.name
        mouse.key(Qt.Key.Key_Escape)
        assert dock.trace.mode is None or not layer.name.startswith(("another", "plane"))
        mouse.key(Qt.Key.Key_T)
        mouse.key(Qt.Key.Key_Escape)
        assert dock.trace.mode is None
    viewer.layers.selection.active = viewer.layers["plane"]
    bench.select(bench.entries[:1])
    mouse.key(Qt.Key.Key_Delete)
    assert [entry.name for entry in bench.entries] == ["b"]
    mouse.key(Qt.Key.Key_Z, CONTROL)
    assert [entry.name for entry in bench.entries] == ["a", "b"]
    mouse.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert [entry.name for entry in bench.entries] == ["b"]


def test_points_of_others_are_deleted_by_their_own_key(dock, mouse, viewer):
    bench = dock.bench
    points = viewer.add_points([(5, 5), (9, 9)], name="points")
    points.mode = "select"
    points.selected_data = {0}
    bench.select(bench.entries)
    mouse.key(Qt.Key.Key_Delete)
    assert len(points.data) == 1 and len(bench.entries) == 2


def test_text_fields_keep_their_keys(dock, qtbot):
    field = dock.data.voxel_size
    field.setFocus()
    qtbot.keyClicks(field, "tx")
    assert field.text() == "tx" and dock.trace.mode is None


def test_traces_are_hidden_at_a_key(dock, mouse, viewer):
    mouse.key(Qt.Key.Key_H)
    assert not viewer.layers["plane: traces"].visible
    mouse.click((60, 70))
    assert _selected(dock) == []
    mouse.key(Qt.Key.Key_H)
    assert viewer.layers["plane: traces"].visible


def test_a_drag_moves_points_as_one_decision(dock, mouse, viewer, click):
    bench = dock.bench
    click(dock.trace.modes[MOVE])
    centre = viewer.scene.camera.center
    mouse.drag((60, 70), (68, 72))
    moved = bench.entries[0].trace
    assert abs(moved.points[50, 1] - 68) < 1 and abs(moved.points[50, 2] - 72) < 1
    assert (moved.points[[0, -1], 1] == 60).all()
    assert viewer.scene.camera.center == centre and viewer.scene.camera.mouse_pan
    assert _selected(dock) == ["a"]
    click(dock.review.undo)
    assert (bench.entries[0].trace.points[:, 1] == 60).all()


def test_a_fibre_that_is_traced_is_not_traced_again(dock, mouse, click, monkeypatch):
    asked = []
    monkeypatch.setattr(dock.trace.tracer, "request", asked.extend)
    click(dock.trace.modes[TRACE])
    mouse.click((101, 70))
    assert not asked and _selected(dock) == ["b"]
    assert "traced already: it is b" in dock.trouble.text()
    mouse.click((80, 70))
    assert len(asked) == 1


def test_a_way_through_places(dock, mouse, viewer, click, monkeypatch):
    ways = []
    monkeypatch.setattr(dock.trace.tracer, "connect", ways.append)
    click(dock.trace.modes[BETWEEN])
    mouse.click((30, 30))
    mouse.click((40, 60), SHIFT)
    mouse.click((50, 90), SHIFT)
    assert len(viewer.layers["plane: clicks"].data) == 3
    mouse.key(Qt.Key.Key_Backspace)
    assert len(viewer.layers["plane: clicks"].data) == 2
    assert "Backspace" in dock.hint.text()
    mouse.click((60, 120))
    (way,) = ways
    np.testing.assert_allclose(way, [(0, 30, 30), (0, 40, 60), (0, 60, 120)], atol=1)
    assert len(viewer.layers["plane: clicks"].data) == 0
    mouse.click((30, 30))
    mouse.key(Qt.Key.Key_Escape)
    assert dock.trace.mode == BETWEEN and len(viewer.layers["plane: clicks"].data) == 0


def test_a_gap_between_two_ends_is_a_place_to_look_at(dock, mouse):
    whole = line("c", 30.0)
    right = whole.part(slice(60, None), path="d")
    _add(dock, whole.part(slice(40)), right)
    mouse.key(Qt.Key.Key_N)
    (item,) = dock.review.items
    assert item.position.tolist() == [0, 30, 59] and _selected(dock) == ["c"]
    assert dock.review.list.item(0).text() == "c: stops short of d"
    mouse.key(Qt.Key.Key_G)
    assert "stops short" not in dock.review.list.item(0).text(), "it is not listed again"


def test_lines_are_as_wide_on_the_screen_at_each_zoom(dock, viewer, qtbot):
    layer = viewer.layers["plane: traces"]
    wide = layer.edge_width * viewer.scene.camera.zoom
    viewer.scene.camera.zoom *= 5
    qtbot.waitUntil(lambda: abs(layer.edge_width * viewer.scene.camera.zoom - wide) < 0.3)


def test_what_a_click_would_act_on_is_lit(dock, mouse, viewer, qtbot):
    qtbot.mouseMove(mouse.canvas, mouse.at((20, 20)))
    qtbot.wait(80)
    qtbot.mouseMove(mouse.canvas, mouse.at((100, 70)))
    qtbot.wait(80)
    lit = viewer.layers["plane: selected"]
    seen = lit.data[lit.edge_color[:, 3] > 0]
    assert len(seen) == 99 and (seen[:, 0, 0] == 100).all()
    qtbot.mouseMove(mouse.canvas, mouse.at((20, 20)))
    qtbot.waitUntil(lambda: not lit.edge_color[:, 3].any())


def test_a_place_is_fine_and_next_goes_on(viewer, dock, mouse, click, qtbot):
    unsure = np.zeros(100)
    unsure[[10, 50, 90]] = 0.9, 0.8, 0.7
    _add(dock, line("c", 30.0, unsure=unsure))
    review = dock.review
    assert not review.fine.isEnabled()
    mouse.key(Qt.Key.Key_N)
    (ring,) = viewer.layers["plane: clicks"].data.tolist()
    assert ring == review.current.position[1:].tolist(), "a ring shows which place it is"
    mouse.key(Qt.Key.Key_G)
    assert [item.uncertainty for item in review.items] == [0.8, 0.7]
    assert review.current.uncertainty == 0.8
    bench = dock.bench
    click(review.undo)
    assert len(review.items) == 3
    click(review.redo)
    bench.decide(lambda: bench.traces.rename(bench.entries[0], "other"))
    mouse.key(Qt.Key.Key_N)
    assert review.current.uncertainty == 0.7, "goes on, also after a decision"
    viewer.window.remove_dock_widget(dock)
    assert len(read_fine(bench.folder / "fine places.csv")) == 1
    again = _docked(viewer, qtbot)
    assert [item.uncertainty for item in again.review.items] == [0.8, 0.7]


def test_all_that_is_sure_is_accepted_at_a_key(dock, viewer, mouse):
    unsure = np.zeros(100)
    unsure[[10, 50]] = 0.9, 0.8
    _add(dock, line("c", 30.0, unsure=unsure))
    bench, review = dock.bench, dock.review
    mouse.key(Qt.Key.Key_A, SHIFT)
    assert [(entry.name, entry.accepted) for entry in bench.entries] == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]
    assert "2 traces accepted; 1 has a doubtful place left" in dock.trouble.text()
    assert not review.accept_sure.isEnabled()
    mouse.key(Qt.Key.Key_Z, CONTROL)
    assert not any(entry.accepted for entry in bench.entries), "one step back"
    assert dock.trouble.isHidden(), "what was said is true no longer"
    for _ in range(2):
        mouse.key(Qt.Key.Key_N)
        mouse.key(Qt.Key.Key_G)
    mouse.key(Qt.Key.Key_A, SHIFT)
    assert all(entry.accepted for entry in bench.entries)
    assert "3 traces accepted; none is left" in dock.trouble.text()


@pytest.fixture
def crossing(viewer, notes, qtbot):
    """A dock beside two fibres that cross, and a trace that changed from one to the other."""
    level = resample(np.array([(110.0, 20.0), (110.0, 200.0)]), 1.0)
    steep = resample(np.array([(30.0, 60.0), (190.0, 160.0)]), 1.0)
    fibres = profile([level, steep], [np.ones(len(level)), np.ones(len(steep))], 1.5, 220)
    noise = np.random.default_rng(1).normal(0, 0.04, (220, 220))
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    viewer.add_image((0.2 + 0.5 * fibres.clip(0, 1) + noise).astype(np.float32), name="cross")
    made = _docked(viewer, qtbot)
    changed = np.pad(np.concatenate([level[:90], steep[len(steep) // 2 :]])[::3], ((0, 0), (1, 0)))
    unsure = np.where(np.arange(len(changed)) < 30, 0.0, 0.7)
    _add(made, Trace("a", changed, unsure))
    return made


def test_the_other_way_is_offered_at_a_doubtful_place_and_taken_at_a_key(
    crossing, viewer, mouse, click, qtbot
):
    review, bench = crossing.review, crossing.bench
    before = bench.entries
    assert not review.other_way.isEnabled()
    mouse.key(Qt.Key.Key_N)
    qtbot.waitUntil(review.other_way.isEnabled, timeout=MINUTE)
    assert _seen(viewer, "cross: other ways").any()
    mouse.key(Qt.Key.Key_O)
    (entry,) = bench.entries
    assert np.abs(entry.trace.points[:, 1] - 110).max() < 4
    assert entry.trace.points[-1, 2] > 185
    assert not entry.accepted
    assert not review.other_way.isEnabled()
    assert not len(_seen(viewer, "cross: other ways"))
    mouse.key(Qt.Key.Key_Z, CONTROL)
    assert bench.entries == before
    mouse.key(Qt.Key.Key_N)
    qtbot.waitUntil(review.other_way.isEnabled, timeout=MINUTE)
    mouse.click((110.0, 133.0))
    assert bench.entries[0].trace.points[-1, 2] > 185, "a click on the dashed line takes it too"


def test_traces_are_seen_from_nearby_slices_the_fainter_the_further(deep, viewer):
    shown = []
    for z in (8, 9, 11, 14):
        viewer.dims.set_point(0, 5.0 * z)
        assert len(viewer.layers["stack: traces"].data) - 1 in (99, 198)
        shown.append(_seen(viewer, "stack: traces")[0])
    assert shown[0] == shown[1] == 1 and 1 > shown[2] > shown[3] > 0
    deep.review.looks.near.setValue(3)
    viewer.dims.set_point(0, 5.0 * 14)
    assert len(_seen(viewer, "stack: traces")) == 0
    viewer.dims.set_point(0, 5.0 * 10)
    assert len(_seen(viewer, "stack: traces")) == 99


def test_traces_are_seen_whichever_axes_are_displayed(deep, mouse, viewer, qtbot):
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 80.0)
    viewer.reset_view()
    qtbot.wait(50)
    layer = viewer.layers["stack: traces"]
    # Equally wide along z, whose voxels are five times as long.
    assert layer.scale[0] == layer.scale[2]
    np.testing.assert_allclose(layer.data_to_world(layer.data[1, 0]), (40, 80, 20), atol=1e-3)
    mouse.click((8, 80, 70))
    assert _selected(deep) == ["a"]
    viewer.dims.order = (0, 1, 2)
    assert viewer.dims.range[0].step == 5


@pytest.fixture
def in_background():
    """Slices are loaded in the background, as napari does it if its preferences say so."""
    experimental = get_settings().experimental
    before = experimental.async_
    yield lambda: setattr(experimental, "async_", True)
    experimental.async_ = before


def test_what_is_drawn_is_as_new_while_slices_load_in_the_background(
    deep, viewer, in_background, qtbot
):
    deep.review.looks.near.setValue(1)
    slanted = np.linspace((0, 40, 20), (15, 40, 140), 200)
    _add(deep, Trace("slanted", slanted, np.zeros(200)))
    viewer.dims.set_point(0, 0.0)
    few = _painted(viewer)
    viewer.dims.ndisplay = 3
    whole = _painted(viewer)
    assert whole > 2 * few > 0
    viewer.dims.ndisplay = 2
    in_background()
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: _painted(viewer) == whole)
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: _painted(viewer) == few)
    viewer.dims.ndisplay = 3  # the traces go while their slices are still on the way
    deep.bench.select(deep.bench.entries)
    deep.bench.decide(deep.bench.traces.reject)
    qtbot.waitUntil(lambda: _painted(viewer) == 0)


def test_a_click_in_3d_selects_and_traces_at_the_brightest_place(
    deep, mouse, viewer, click, monkeypatch, qtbot
):
    viewer.dims.ndisplay = 3
    viewer.scene.camera.angles = (10, 25, 40)
    qtbot.wait(100)
    mouse.click((8, 80, 70))
    assert _selected(deep) == ["a"]
    asked = []
    monkeypatch.setattr(deep.trace.tracer, "request", asked.extend)
    click(deep.trace.modes[TRACE])
    mouse.click((8, 80, 130))
    qtbot.waitUntil(lambda: bool(asked))
    np.testing.assert_allclose(asked[0].seed.position, (8, 80, 130), atol=2)
    click(deep.trace.modes[CUT])
    mouse.click((2, 120, 90))
    assert len(deep.bench.entries[1].trace.points) == 71


def test_all_slices_are_seen_at_a_key(deep, mouse, viewer, monkeypatch, click, qtbot):
    viewer.dims.set_point(0, 0.0)
    mouse.key(Qt.Key.Key_P)
    qtbot.waitUntil(lambda: "stack: projection" in viewer.layers)
    shown = viewer.layers["stack: projection"]
    np.testing.assert_array_equal(shown.data[0], viewer.layers["stack"].data.max(0))
    assert (_seen(viewer, "stack: traces") == 1).all() and len(
        _seen(viewer, "stack: traces")
    ) == 198
    assert viewer.dims.range[0].step == 5, "the slices are as thick as before"
    asked = []
    monkeypatch.setattr(deep.trace.tracer, "request", asked.extend)
    click(deep.trace.modes[TRACE])
    mouse.click((0, 80, 130))
    qtbot.waitUntil(lambda: bool(asked))
    assert abs(asked[0].seed.position[0] - 8) < 1, "a click takes the brightest slice"
    viewer.dims.order = (1, 0, 2)
    qtbot.waitUntil(lambda: shown.data.shape == (16, 1, 160))
    mouse.key(Qt.Key.Key_P)
    assert "stack: projection" not in viewer.layers


def test_what_is_said_stands_in_the_dock_until_it_is_closed(dock, notes, qtbot):
    dock.bench.say("Something was done.")
    assert dock.trouble.isVisible() and not notes
    cross = dock.trouble.findChildren(object)
    button = next(part for part in cross if hasattr(part, "click"))
    qtbot.mouseClick(button, LEFT)
    assert dock.trouble.isHidden()


@pytest.mark.parametrize(("answer", "left"), [("Straight line", 1), (None, 2)])
def test_a_long_join_asks_and_a_straight_one_is_doubtful(dock, click, monkeypatch, answer, left):
    asked = []

    def ask(parent, caption, question, answers):
        asked.append(question)
        return answer

    monkeypatch.setattr("napari_midl.widgets.axons.joins.ask_one_of", ask)
    bench = dock.bench
    bench.decide(
        lambda: bench.traces.write([replace(entry, accepted=True) for entry in bench.entries])
    )
    bench.select(bench.entries)
    click(dock.review.join)
    assert "40 px" in asked[0] and len(bench.entries) == left
    if left == 1:
        assert not bench.entries[0].accepted
        assert dock.review.items[0].uncertainty == 1.0


def test_a_long_join_follows_the_image(dock, click, monkeypatch):
    monkeypatch.setattr("napari_midl.widgets.axons.joins.ask_one_of", lambda *_: "Follow the image")
    found = []

    def bridge(tied):
        found.append((round(tied.gap), _selected(dock)))

    monkeypatch.setattr(dock.trace.tracer, "bridge", bridge)
    dock.bench.select(dock.bench.entries)
    click(dock.review.join)
    assert found == [(40, ["a", "b"])]


@pytest.mark.parametrize("answer", ["Draw lines", "Leave apart", None])
def test_all_traces_become_one_tree_at_a_key(dock, viewer, mouse, monkeypatch, answer):
    asked = []

    def ask(parent, caption, question, answers):
        asked.append(question)
        return answer

    monkeypatch.setattr("napari_midl.widgets.axons.joins.ask_one_of", ask)
    bench, before = dock.bench, dock.bench.entries
    between = np.linspace((0.0, 60.0, 119.0), (0.0, 100.0, 119.0), 21)
    found = SimpleNamespace(result=[Trace("", between, np.ones(21), why=GUESS)])
    monkeypatch.setattr(bench, "start", lambda title, job, then, **_: then(found))
    viewer.layers.selection.active = viewer.add_points(np.zeros((0, 2)), name="others")
    mouse.key(Qt.Key.Key_J, SHIFT)
    assert "40 px" in asked[0]
    roots = sum(entry.trace.parent is None for entry in bench.entries)
    assert roots == (1 if answer == "Draw lines" else 2)
    if roots == 1:
        assert "1 gap closed by a straight line" in dock.trouble.text()
        assert dock.review.items[0].uncertainty == 1.0
        mouse.key(Qt.Key.Key_Z, CONTROL)
    assert [entry.trace for entry in bench.entries] == [entry.trace for entry in before]


def _tree(dock):
    """A stem in slice 0, a branch off it and a twig off that, with radii."""
    points = np.column_stack([np.zeros(50), 60 + np.arange(50.0), np.full(50, 70.0)])
    side = Trace("side", points, np.zeros(50), parent=Link("stem", 50), radius=np.full(50, 2.0))
    across = np.column_stack([np.zeros(30), np.full(30, 80.0), 70 + np.arange(30.0)])
    twig = Trace("twig", across, np.zeros(30), parent=Link("side", 20), kinds=np.full(30, 3))
    dock.bench.decide(lambda: dock.bench.traces.write([]))
    _add(dock, replace(line("stem", 60.0), radius=np.full(100, 4.0)), side, twig)


def test_traces_are_coloured_by_what_is_chosen(dock, viewer):
    _tree(dock)
    review = dock.review
    for by, said, kinds in (
        ("order", "3", 3),
        ("doubt", "accepted", 1),
        ("radius", "not measured", 3),
        ("state", "proposed", 1),
        ("type", "dendrite", 2),
    ):
        review.looks.colours.setCurrentIndex(review.looks.colours.findData(by))
        colours = viewer.layers["plane: traces"].edge_color
        assert len(np.unique(colours[colours[:, 3] > 0], axis=0)) == kinds, by
        assert said in review.looks.legend.text()


def test_the_table_tells_of_trees_where_there_are_any(dock):
    model = dock.review.table.view.model()
    assert model.columnCount() == 5
    _tree(dock)
    model = dock.review.table.view.model()
    rows = {
        model.index(r, 0).data(): [model.index(r, c).data() for c in (5, 6, 7)] for r in range(3)
    }
    assert rows == {
        "stem": ["axon", "1", ""],
        "side": ["axon", "2", "stem"],
        "twig": ["dendrite", "3", "side"],
    }


def test_a_soma_is_placed_and_types_are_set(dock, mouse, click, viewer, qtbot):
    _tree(dock)
    rows, columns = np.indices((160, 160))
    viewer.layers["plane"].data[np.hypot(rows - 60, columns - 20) < 9] = 100
    click(dock.trace.modes[SOMA])
    mouse.click((60, 22))
    qtbot.waitUntil(lambda: len(dock.bench.entries) > 3)
    entries = {entry.name: entry.trace for entry in dock.bench.entries}
    assert entries["soma 1"].is_soma and entries["stem"].parent.path == "soma 1"
    assert entries["soma 1"].radius == pytest.approx(9, rel=0.15), "as large as it is seen"
    assert len(viewer.layers["plane: selected"].data) > 10, "it is drawn as a circle"
    click(dock.review.undo)
    mouse.key(Qt.Key.Key_Escape)
    dock.bench.select(dock.bench.entries[:2])
    dock.review.kind.menu().actions()[3].trigger()
    kinds = [int(entry.trace.kinds[0]) for entry in dock.bench.entries]
    assert kinds == [4, 4, 3] and _selected(dock) == ["stem", "side"]


def test_a_soma_of_unknown_size_says_so(dock, mouse, click, qtbot):
    click(dock.trace.modes[SOMA])
    mouse.click((120, 120))
    qtbot.waitUntil(lambda: len(dock.bench.entries) > 2)
    assert np.isnan(dock.bench.entries[-1].trace.radius[0])
    assert "cannot be told" in dock.trouble.text()


def test_a_branch_comes_along_where_its_stem_is_moved(dock, mouse, click):
    _tree(dock)
    click(dock.trace.modes[MOVE])
    mouse.drag((60, 75), (68, 75))
    stem, side, _ = (entry.trace for entry in dock.bench.entries)
    assert side.parent == Link("stem", 50)
    assert (side.points[0] == stem.points[50]).all() and stem.points[50, 1] > 62


def test_the_trees_are_measured(dock, click, qtbot):
    _tree(dock)
    click(dock.files.trees)
    qtbot.waitUntil(lambda: bool(dock.files.findChildren(TreesDialog)), timeout=60_000)
    (shown,) = dock.files.findChildren(TreesDialog)
    model = shown.table.view.model()
    assert [model.index(0, c).data() for c in (0, 1, 3, 4)] == ["stem", "3", "2", "3"]
    radii, counts = shown.line.getData()
    assert len(radii) == len(counts) > 10 and max(counts) >= 3
    shown.close()


def test_letters_on_the_table_go_to_the_keys(dock, qtbot):
    dock.bench.select(dock.bench.entries[:1])
    view = dock.review.table.view
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    assert [entry.accepted for entry in dock.bench.entries] == [True, False]


def test_the_table_is_made_higher(dock, qtbot):
    table, grip = dock.review.table, dock.review.grip
    before = table.height()
    qtbot.mousePress(grip, LEFT, PLAIN, QPoint(5, 4))
    qtbot.mouseMove(grip, QPoint(5, 104))
    qtbot.mouseRelease(grip, LEFT, PLAIN, QPoint(5, 104))
    assert table.height() >= before + 90


def test_the_dock_fits_into_340_pixels(deep):
    assert deep.minimumSizeHint().width() <= 340

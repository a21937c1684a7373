"""Strokes by a real mouse in a real window: anywhere, whichever layer is active."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from qtpy.QtCore import QPoint, Qt
from skimage.color import deltaE_ciede2000, rgb2xyz, xyz2lab
from skimage.color.colorconv import xyz_from_rgb

from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.widgets import patch_cells
from napari_midl.widgets.patch_layer import OPACITY
from napari_midl.widgets.tool.paint_section import HIDDEN
from napari_midl.widgets.vessels.layers import VESSEL_COLOUR

BACKGROUND, VESSEL = CLASSES.value("background"), CLASSES.value("vessel")
SHAPE = (6, 700, 900)


@pytest.fixture
def canvas(viewer):
    viewer.window._qt_window.resize(1200, 900)
    return viewer.window._qt_viewer.canvas.native


@pytest.fixture
def drag(viewer, canvas, qtbot):
    """Drag over the canvas, from world point to world point ``(y, x)``, by mouse events."""

    def to_pixel(point):
        y, x = point
        centre, zoom = viewer.scene.camera.center[-2:], viewer.scene.camera.zoom
        middle = np.array([canvas.height(), canvas.width()]) / 2
        row, column = middle + (np.array([y, x]) - centre) * zoom
        return QPoint(round(column), round(row))

    def draw(*points, button=Qt.MouseButton.LeftButton):
        places = [to_pixel(point) for point in points]
        qtbot.mouseMove(canvas, places[0])
        qtbot.mousePress(canvas, button, pos=places[0])
        for place in places[1:]:
            qtbot.wait(15)  # vispy takes no moves in quicker succession
            move(canvas, place, button)
        qtbot.mouseRelease(canvas, button, pos=places[-1])
        qtbot.wait(10)

    return draw


def move(canvas, place, button):
    """Qt's own test helper moves the mouse without a button."""
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent
    from qtpy.QtWidgets import QApplication

    where = QPointF(place)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        where,
        canvas.mapToGlobal(where),
        Qt.MouseButton.NoButton,
        button,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, event)


@pytest.fixture
def wide(viewer, canvas, notes, open_dock, qtbot, monkeypatch):
    """A dock beside an image wider than a patch."""
    monkeypatch.setattr(patch_cells, "CELL", (16, 512, 512))
    viewer.add_image(np.random.default_rng(0).integers(0, 99, SHAPE, np.uint8), name="wide")
    dock = open_dock(viewer)
    viewer.window._qt_window.show()
    qtbot.wait(100)
    viewer.reset_view()
    return dock


def labels(dock):
    """All that is painted, laid over the image."""
    whole = np.zeros(dock.bench.volume.shape, np.uint8)
    for patch in dock.bench.patches.patches:
        whole[patch.box] = np.where(patch.labels, patch.labels, whole[patch.box])
    return whole


def files(dock):
    return sorted(path.stem for path in (dock.bench.folder / "patches").glob("*.tif"))


def test_a_stroke_anywhere_makes_its_patch(wide, viewer, drag, click):
    click(wide.annotate.classes[VESSEL])
    viewer.dims.set_point(0, 2)
    drag((100, 100), (100, 150))
    drag((600, 800), (600, 850))
    painted = labels(wide)
    assert painted[2, 100, 100:150].all() and painted[2, 600, 800:850].all()
    assert set(np.unique(painted)) == {0, VESSEL} and not painted[[0, 1, 3, 4, 5]].any()
    assert wide.annotate.list.count() == len(wide.bench.patches.names) == 2


def test_a_stroke_goes_on_where_its_patch_ends_and_is_undone_as_one(wide, viewer, drag, click):
    click(wide.annotate.classes[VESSEL])
    drag((340, 400), (340, 430), (345, 460), (360, 500))
    z = round(viewer.dims.point[0])
    whole = labels(wide)
    assert len(wide.bench.patches.names) > 1
    assert all(whole[z, :, x].any() for x in range(400, 500))
    click(wide.annotate.undo)
    assert not labels(wide).any()
    assert not wide.annotate.undo.isEnabled()
    click(wide.annotate.redo)
    np.testing.assert_array_equal(labels(wide), whole)


def test_strokes_of_every_patch_are_undone_by_the_key_whatever_is_active(
    wide, viewer, canvas, drag, click, qtbot
):
    click(wide.annotate.classes[VESSEL])
    drag((100, 100), (100, 150))
    first = labels(wide)
    drag((600, 800), (600, 850))
    viewer.layers.selection.active = viewer.layers["wide"]
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(labels(wide), first)
    viewer.layers.selection.active = viewer.layers["patch 1"]
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert not labels(wide).any()


def test_erasing_reaches_every_patch(wide, drag, click):
    click(wide.annotate.classes[BACKGROUND])
    drag((340, 400), (340, 500))
    assert set(np.unique(labels(wide))) == {0, BACKGROUND}
    click(wide.annotate.classes[0])
    drag((340, 390), (340, 510))
    assert not labels(wide).any()


LAYERS = {
    "the image": lambda viewer: viewer.layers["wide"],
    "another image": lambda viewer: viewer.add_image(np.zeros(SHAPE, np.uint8)),
    "labels": lambda viewer: viewer.add_labels(np.zeros(SHAPE, np.uint8)),
    "labels that cannot be edited": lambda viewer: viewer.add_labels(
        [np.zeros(SHAPE, np.uint8), np.zeros((3, 350, 450), np.uint8)]
    ),
    "points": lambda viewer: viewer.add_points([[1, 2, 3]]),
    "vectors": lambda viewer: viewer.add_vectors([[[1, 2, 3], [0, 1, 1]]]),
    "nothing": lambda viewer: None,
}


@pytest.mark.parametrize("which", LAYERS)
def test_keys_and_strokes_hold_whatever_layer_is_active(wide, viewer, canvas, drag, qtbot, which):
    active = LAYERS[which](viewer)
    viewer.layers.selection.active = active
    for key, label in ((Qt.Key.Key_1, BACKGROUND), (Qt.Key.Key_2, VESSEL), (Qt.Key.Key_0, 0)):
        viewer.layers.selection.active = active
        qtbot.keyClick(canvas, key)
        assert wide.annotate.classes[label].isChecked()
        assert wide.bench.patches.label == label
    qtbot.keyClick(canvas, Qt.Key.Key_2)
    viewer.layers.selection.active = active
    drag((100, 100), (100, 150))
    assert labels(wide)[:, 100, 100:150].any()
    for layer in viewer.layers:
        assert np.allclose(layer.affine.affine_matrix, np.eye(4))
    assert active is None or active.mode == "pan_zoom"


def test_a_layer_with_a_tool_of_its_own_keeps_it(wide, viewer, drag, click):
    click(wide.annotate.classes[VESSEL])
    points = viewer.add_points(np.zeros((0, 3)))
    points.mode = "add"
    drag((100, 100))
    assert len(points.data) == 1 and not labels(wide).any()


def test_the_status_bar_tells_of_the_keys_that_hold(wide, viewer, click):
    image = viewer.layers["wide"]
    viewer.layers.selection.active = image
    assert "2: vessel" in viewer.help and "transform" not in viewer.help
    click(wide.annotate.classes[VESSEL])
    assert "2: vessel" in viewer.help and "eraser" not in viewer.help
    viewer.layers.selection.active = image
    viewer.window.remove_dock_widget(wide)
    assert "vessel" not in viewer.help and "transform" in viewer.help


def test_the_status_bar_tells_of_the_keys_of_all_docks(wide, viewer):
    axons = viewer.window.add_plugin_dock_widget("napari-midl", "Axons")[1]
    viewer.layers.selection.active = viewer.layers["wide"]
    assert "2: vessel" in viewer.help and "T: trace" in viewer.help
    assert "transform" not in viewer.help
    viewer.window.remove_dock_widget(wide)
    assert "vessel" not in viewer.help and "T: trace" in viewer.help
    viewer.window.remove_dock_widget(axons)
    assert viewer.help == "use <2> for transform"


def test_the_view_can_be_moved_again(wide, viewer, drag, click):
    click(wide.annotate.classes[VESSEL])
    before = viewer.scene.camera.center
    drag((100, 100), (100, 150))
    assert viewer.scene.camera.center == before
    click(wide.annotate.hand)
    drag((100, 100), (100, 150))
    assert viewer.scene.camera.center != before
    assert not any(made.isChecked() for made in wide.annotate.classes.values())


def test_a_hidden_layer_of_strokes_is_told_and_seen_again(wide, viewer, drag, click, notes):
    click(wide.annotate.classes[VESSEL])
    drag((100, 100), (100, 150))
    layer = viewer.layers["patch 1"]
    viewer.layers.toggle_selected_visibility()
    assert HIDDEN in notes and wide.annotate.hand.isChecked()
    viewer.layers.toggle_selected_visibility()
    assert wide.annotate.classes[VESSEL].isChecked()
    drag((200, 100), (200, 150))
    layer.visible = False
    click(wide.annotate.classes[BACKGROUND])
    assert layer.visible
    drag((300, 100), (300, 150))
    painted = labels(wide)
    for y, value in ((100, VESSEL), (200, VESSEL), (300, BACKGROUND)):
        assert (painted[:, y, 100:150] == value).any(0).all()


def test_a_stroke_shows_each_hidden_layer_that_it_paints_in(wide, viewer, drag, click, notes):
    click(wide.annotate.classes[VESSEL])
    drag((100, 450), (100, 480))
    drag((100, 600), (100, 650))
    first, second = viewer.layers["patch 1"], viewer.layers["patch 2"]
    viewer.layers.selection.active = first
    second.visible = viewer.layers["wide"].visible = False
    drag((200, 450), (200, 650))
    assert second.visible and labels(wide)[:, 200, 450:650].any(0).all()
    second.visible = False
    viewer.layers.selection.active = second
    assert wide.annotate.classes[VESSEL].isChecked() and second.visible
    assert HIDDEN not in notes


def test_a_drag_where_only_a_longer_stack_has_a_slice_is_told(wide, viewer, drag, click, notes):
    longer = np.zeros((SHAPE[0] + 5, *SHAPE[1:]), np.uint8)
    viewer.add_image(longer, name="longer")
    click(wide.annotate.classes[VESSEL])
    viewer.dims.set_point(0, SHAPE[0] + 2)
    drag((100, 100), (100, 150))
    assert any(note.startswith("wide has no slice here") for note in notes)
    assert not labels(wide).any() and wide.annotate.classes[VESSEL].isChecked()
    viewer.dims.set_point(0, 2)
    drag((100, 100), (100, 150))
    assert labels(wide)[2, 100, 100:150].all()


def test_a_drag_at_a_time_that_only_a_longer_series_has_is_told(
    viewer, canvas, notes, open_dock, drag, click, qtbot
):
    series = {"axis_labels": ("t", "z", "y", "x")}
    viewer.add_image(np.zeros((4, 2, 200, 200), np.uint8), name="longer", **series)
    viewer.add_image(np.zeros((2, 2, 200, 200), np.uint8), name="short", **series)
    dock = open_dock(viewer)
    viewer.window._qt_window.show()
    qtbot.wait(100)
    viewer.reset_view()
    viewer.dims.set_point(0, 3)
    click(dock.annotate.classes[VESSEL])
    drag((100, 50), (100, 150))
    assert any(note.startswith("short has no slice here") for note in notes)
    assert not labels(dock).any()
    viewer.dims.set_point(0, 1)
    drag((100, 50), (100, 150))
    assert labels(dock).any()


def test_the_dock_follows_the_tool_that_is_chosen_in_napari(wide, viewer, drag, click):
    click(wide.annotate.classes[VESSEL])
    layer = viewer.layers.selection.active
    layer.selected_label = BACKGROUND
    assert wide.annotate.classes[BACKGROUND].isChecked()
    layer.mode = "erase"
    assert wide.annotate.classes[0].isChecked()
    layer.mode = "pan_zoom"
    assert wide.annotate.hand.isChecked()


def test_what_a_stroke_changed_is_told_once(wide, drag, click, qtbot):
    told = []
    wide.bench.patches.painted.connect(told.append)
    click(wide.annotate.classes[VESSEL])
    drag((340, 400), (340, 500))
    assert len(told) == 1
    inside = labels(wide)[told[0]]
    assert inside.any() and inside.sum() == labels(wide).sum()
    assert inside.shape[0] == 1 and inside.shape[1] < 10 and inside.shape[2] < 112
    click(wide.annotate.undo)
    assert told[1:] == told[:1]


def test_a_stroke_in_another_plane_is_painted_there(wide, viewer, drag, click):
    viewer.dims.order = (1, 0, 2)
    viewer.dims.set_point(1, 300)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 2, 450), 5
    click(wide.annotate.classes[VESSEL])
    drag((2, 420), (2, 480))
    painted = labels(wide)
    assert painted[2, 300, 420:480].all()
    assert not np.delete(painted, 300, 1).any()


def test_a_stroke_lies_under_the_mouse_beside_an_image_in_another_unit(
    viewer, canvas, notes, open_dock, drag, click, qtbot
):
    data = np.zeros((6, 100, 200), np.uint8)
    viewer.add_image(data, name="scan", scale=(1, 1, 1), units=("mm",) * 3)
    viewer.add_image(data, name="stack", scale=(1000, 1000, 1000), units=("um",) * 3)
    dock = open_dock(viewer)
    viewer.window._qt_window.show()
    qtbot.wait(100)
    viewer.reset_view()
    click(dock.annotate.classes[VESSEL])
    world = 1000 if str(viewer.layers.units[0]) == "micrometer" else 1
    drag((50 * world, 50 * world), (50 * world, 150 * world))
    painted = labels(dock)
    assert painted[:, 50, 55:145].any(0).all() and not painted[:, :40].any()


class Counting:
    """An array that is never there, and counts what is asked of it."""

    shape, dtype, ndim = (1024, 4096, 5120), np.dtype(np.uint8), 3
    size = 1024 * 4096 * 5120
    read = 0

    def __getitem__(self, key):
        part = np.broadcast_to(np.uint8(0), self.shape)[key]
        type(self).read += part.size
        return np.array(part)


def test_painting_on_an_image_larger_than_memory_reads_none_of_it(
    viewer, canvas, notes, open_dock, drag, click, qtbot
):
    viewer.add_image(Counting(), name="huge", multiscale=False, contrast_limits=(0, 255))
    dock = open_dock(viewer)
    viewer.window._qt_window.show()
    qtbot.wait(100)
    viewer.reset_view()
    viewer.scene.camera.zoom *= 5
    y, x = viewer.scene.camera.center[-2:]
    dock.learn.live.setChecked(False)  # learning reads what is in view
    before = Counting.read
    click(dock.annotate.classes[VESSEL])
    drag((y, x - 300), (y, x), (y, x + 300))
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    assert Counting.read == before
    assert sum(patch.labels.any() for patch in dock.bench.patches.patches) >= 2
    ours = [layer for layer in viewer.layers if layer.name.startswith("patch")]
    assert all(layer.data.size <= 32 * 1024 * 1024 for layer in ours)


@pytest.mark.parametrize("how", ["the dock", "the list of layers"])
def test_a_patch_that_is_removed_is_gone_until_it_is_brought_back(
    wide, viewer, drag, click, qtbot, open_dock, how
):
    click(wide.annotate.classes[VESSEL])
    drag((100, 100), (100, 150))
    drag((600, 800), (600, 850))
    qtbot.waitUntil(lambda: files(wide) == ["patch 1", "patch 2"])
    whole, layer = labels(wide), viewer.layers["patch 2"]
    if how == "the dock":
        wide.annotate.list.setCurrentRow(1)
        click(wide.annotate.remove)
    else:
        viewer.layers.selection.active = layer
        viewer.layers.remove_selected()
    qtbot.waitUntil(lambda: files(wide) == ["patch 1"])
    assert layer not in viewer.layers and wide.bench.patches.names == ["patch 1"]
    click(wide.annotate.undo)
    np.testing.assert_array_equal(labels(wide), whole)
    qtbot.waitUntil(lambda: files(wide) == ["patch 1", "patch 2"])
    click(wide.annotate.undo)  # now the stroke in it
    assert wide.bench.patches.names == ["patch 1"]


def test_a_patch_that_was_removed_is_gone_on_reopening(wide, viewer, drag, click, qtbot, open_dock):
    click(wide.annotate.classes[VESSEL])
    drag((100, 100), (100, 150))
    qtbot.waitUntil(lambda: files(wide) == ["patch 1"])
    viewer.layers.remove("patch 1")
    qtbot.waitUntil(lambda: files(wide) == [])
    viewer.window.remove_dock_widget(wide)
    assert open_dock(viewer).bench.patches.names == []


def test_patches_that_leave_with_their_image_are_kept(wide, viewer, drag, click, qtbot, notes):
    folder = wide.bench.folder
    click(wide.annotate.classes[VESSEL])
    drag((100, 100), (100, 150))
    viewer.layers.select_all()
    viewer.layers.remove_selected()
    qtbot.wait(50)
    assert [path.name for path in (folder / "patches").glob("*.tif")] == ["patch 1.tif"]


def test_clicking_a_patch_goes_there(wide, viewer, drag, click, click_row):
    click(wide.annotate.classes[VESSEL])
    viewer.dims.set_point(0, 4)
    drag((100, 100), (100, 150))
    viewer.dims.set_point(0, 0)
    viewer.scene.camera.center = (0, 600, 800)
    click_row(wide.annotate.list, 0)
    assert viewer.dims.point[0] == 4
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (100, 125), atol=3)


def test_paint_can_be_told_from_the_result_under_it():
    red_green = [  # how one without green cones sees linear RGB: Machado et al. 2009
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]

    def seen(colour, eye):
        to_xyz = np.array(xyz_from_rgb)
        return xyz2lab(rgb2xyz(colour) @ (to_xyz @ eye @ np.linalg.inv(to_xyz)).T)

    for grey in np.linspace(0, 1, 11):
        result = 0.5 * np.array(to_rgb(VESSEL_COLOUR)) + 0.5 * grey
        for label in CLASSES.labels:
            paint = OPACITY * np.array(to_rgb(label.colour)) + (1 - OPACITY) * result
            for eye in (np.eye(3), red_green):
                assert deltaE_ciede2000(seen(paint, eye), seen(result, eye)) > 15

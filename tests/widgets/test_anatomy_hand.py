"""The hand in the anatomy dock: drags in 3D, keys, names, outlines, directions, suspects."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtWidgets import QApplication, QFileDialog, QLabel

from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, synthetic_scan
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import MM
from napari_midl.volumes.space import Space
from napari_midl.widgets.anatomy import AnatomyDock
from napari_midl.widgets.anatomy.naming import NamesDialog

MINUTE = 60_000
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
PATIENT = Space.of(VOXEL_SIZE, MM, (0.0, 0.0, 0.0), anatomical=True)


@pytest.fixture(scope="module")
def person():
    return synthetic_scan()


@pytest.fixture
def anatomy(viewer, notes, person, qtbot):
    """A dock beside the scan of a patient, in a window."""
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    made = AnatomyDock(viewer)
    viewer.window.add_dock_widget(made, name="anatomy")
    about = {"space": PATIENT.to_dict()}
    viewer.add_image(person[0], name="scan", scale=VOXEL_SIZE, units=("mm",) * 3, metadata=about)
    qtbot.wait(200)
    viewer.reset_view()
    qtbot.waitUntil(lambda: made.landmarks.scan is not None, timeout=MINUTE)
    return made


@pytest.fixture
def open_file(anatomy, monkeypatch, click, tmp_path):
    def choose(made, landmarks):
        write_landmarks(tmp_path / "marks.csv", landmarks)
        path = str(tmp_path / "marks.csv")
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (path, ""))
        click(made)

    return choose


@pytest.fixture
def shown(anatomy, qtbot):
    """Wait for the mesh of the landmarks as they are."""

    def wait():
        bench = anatomy.bench

        def fresh():
            made = bench.shown
            return (
                made is not None
                and not made.request.coarse
                and np.array_equal(made.request.landmarks.points, bench.drawn.points, True)
            )

        qtbot.waitUntil(fresh, timeout=2 * MINUTE)
        qtbot.wait(50)

    return wait


@pytest.fixture
def placed(anatomy, person, open_file, shown):
    open_file(anatomy.files.open, person[1])
    shown()
    return anatomy


@pytest.mark.parametrize("active", ["anatomy: landmarks", "scan"])
def test_a_drag_in_3d_stays_on_the_bone(placed, person, viewer, qtbot, shown, active):
    bench, canvas = placed.bench, viewer.window._qt_viewer.canvas.native
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    qtbot.wait(300)
    name = "mental protuberance"
    row = person[1].names.index(name)
    layer = bench.points.layer
    viewer.layers.selection.active = viewer.layers[active]
    visual = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
    # From in front, so that nothing hides the chin.
    viewer.scene.camera.set_view_direction((0, 1, 0), (1, 0, 0))
    qtbot.wait(300)
    mapped = visual.get_transform("visual", "canvas").map([*layer.data[row][::-1], 1])
    start = QPoint(*(round(float(v)) for v in mapped[:2] / mapped[3]))
    angles, before = viewer.scene.camera.angles, bench.landmarks
    for place in (start + QPoint(90, 90), start):
        qtbot.mouseMove(canvas, place)
        qtbot.wait(50)
    qtbot.mousePress(canvas, LEFT, NONE, start)
    for step in range(1, 13):
        qtbot.mouseMove(canvas, start + QPoint(4 * step, 0))
        qtbot.wait(20)
        # The picture shows what is dragged.
        assert name in placed.landmarks.about.text()
    qtbot.mouseRelease(canvas, LEFT, NONE, start + QPoint(48, 0))
    qtbot.waitUntil(lambda: bench.landmarks is not before, timeout=MINUTE)
    shown()
    moved = np.linalg.norm(bench.landmarks.points - before.points, axis=1)
    assert moved[row] > 3 and not np.delete(moved, row).any()
    surface = trimesh.Trimesh(person[2].vertices, person[2].faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point(surface, bench.landmarks.points[[row]])
    assert distance[0] < 1.2
    np.testing.assert_allclose(viewer.scene.camera.angles, angles)
    assert viewer.scene.camera.mouse_pan


def test_slices_show_the_mesh_as_an_outline_that_follows(placed, person, viewer, qtbot):
    mesh, outline = viewer.layers["anatomy: mesh"], viewer.layers["anatomy: outline"]
    assert outline.visible and not mesh.visible
    for axis, order in ((0, (0, 1, 2)), (2, (2, 0, 1))):
        viewer.dims.order = order
        at = float(np.median(mesh.vertices[:, axis])) * VOXEL_SIZE[axis]
        viewer.dims.set_point(axis, at)
        at = viewer.dims.point[axis] / VOXEL_SIZE[axis]
        qtbot.waitUntil(
            lambda at=at, axis=axis: (
                len(outline.data) > 0 and np.allclose(outline.data[:, 0, axis], at)
            ),
            timeout=MINUTE,
        )
        starts = outline.data[:, 0] * VOXEL_SIZE
        surface = trimesh.Trimesh(mesh.vertices * VOXEL_SIZE, mesh.faces, process=False)
        _, distance, _ = trimesh.proximity.closest_point(surface, starts)
        assert distance.max() < 1e-2
        # Thin on the screen.
        assert outline.edge_width * viewer.scene.camera.zoom < 4
    viewer.dims.ndisplay = 3
    assert mesh.visible and not outline.visible
    viewer.dims.ndisplay = 2
    qtbot.waitUntil(lambda: outline.visible, timeout=MINUTE)
    assert not mesh.visible
    viewer.dims.ndisplay = 3
    mesh.visible = False
    viewer.dims.ndisplay = 2
    qtbot.wait(100)
    assert not mesh.visible and not outline.visible


def test_letters_say_the_directions_of_a_patient(anatomy, viewer, person):
    overlays = viewer.canvas.overlays

    def edges():
        return [overlays[f"anatomy_{edge}"].text for edge in ("left", "right", "up", "down")]

    assert all(overlays[f"anatomy_{edge}"].visible for edge in ("left", "right", "up", "down"))
    # x leads to the left of the patient, y to the back, z to the head.
    assert edges() == ["R", "L", "A", "P"]
    viewer.dims.order = (1, 0, 2)
    assert edges() == ["R", "L", "I", "S"]
    viewer.dims.ndisplay = 3
    assert not any(overlays[f"anatomy_{edge}"].visible for edge in ("left", "right"))
    letters = viewer.layers["anatomy: directions"]
    assert letters.visible
    by_letter = dict(zip(letters.features["letters"], letters.data, strict=True))
    size = np.array(person[0].shape) - 1
    np.testing.assert_allclose(by_letter["L"], [size[0] / 2, size[1] / 2, size[2]])
    np.testing.assert_allclose(by_letter["S"], [size[0], size[1] / 2, size[2] / 2])
    viewer.layers.remove("scan")
    assert "anatomy: directions" not in viewer.layers


def test_no_letters_where_the_directions_are_not_known(viewer, person, notes):
    dock = AnatomyDock(viewer)
    viewer.window.add_dock_widget(dock, name="anatomy")
    viewer.add_image(person[0], name="scan", scale=VOXEL_SIZE, units=("mm",) * 3)
    assert dock.bench.volume is not None
    assert not viewer.canvas.overlays["anatomy_left"].visible
    viewer.window.remove_dock_widget(dock)
    assert "anatomy_left" not in viewer.canvas.overlays


def test_keys_work_whichever_layer_is_active(placed, viewer, qtbot, shown):
    bench, section = placed.bench, placed.landmarks
    canvas = viewer.window._qt_viewer.canvas.native
    place = bench.editor.template.names.index("angle right")
    bench.choose(place)
    bench.edit(bench.editor.clear)
    shown()
    for layer in (viewer.layers["scan"], bench.points.layer):
        viewer.layers.selection.active = layer
        canvas.setFocus()
        qtbot.keyClick(canvas, Qt.Key.Key_P)
        assert section.place.isChecked()
        bench.choose(place)
        expected = bench.shown.generated.landmarks.points[place]
        qtbot.keyClick(canvas, Qt.Key.Key_A)
        np.testing.assert_allclose(bench.landmarks.points[place], expected)
        # All are placed.
        assert not section.place.isChecked()
        viewer.layers.selection.active = layer
        qtbot.keyClick(canvas, Qt.Key.Key_U)
        assert not bench.landmarks.placed[place]
        shown()
    said = [label.text() for label in section.findChildren(QLabel)]
    assert any("A accept" in text for text in said)


def test_names_of_slicer_are_matched_in_a_table(anatomy, person, open_file, qtbot, shown):
    names = [f"F-{k + 1}" for k in range(28)]
    seen = []

    def answer():
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, NamesDialog)
        seen.append(dialog.places)
        # The same landmark twice cannot be meant.
        dialog.boxes[0].setCurrentIndex(2)
        assert not dialog.ok.isEnabled() and "twice" in dialog.about.text()
        dialog.boxes[0].setCurrentIndex(0)
        qtbot.mouseClick(dialog.ok, LEFT)

    QTimer.singleShot(300, answer)
    open_file(anatomy.files.open, Landmarks(tuple(names), person[1].points))
    assert seen == [list(range(28))]
    found = anatomy.bench.landmarks
    assert found.placed.tolist() == [False, *[True] * 27]
    np.testing.assert_allclose(found.points[1:], person[1].points[1:], atol=1e-3)
    shown()


def test_underscores_and_capitals_need_no_table(anatomy, person, open_file, shown):
    names = tuple(name.replace(" ", "_").upper() for name in person[1].names)
    open_file(anatomy.files.open, Landmarks(names, person[1].points))
    assert anatomy.bench.landmarks.placed.all()


def test_a_suspect_in_the_text_can_be_clicked(placed, person, viewer, shown):
    bench = placed.bench
    name = "angle left"
    row = person[1].names.index(name)
    bench.edit(bench.editor.write, person[1].moved({name: person[1].points[row] + [0, 12, 0]}))
    shown()
    assert f"<a href='{name}'" in placed.mesh.words.text()
    placed.mesh.words.linkActivated.emit(name)
    assert bench.editor.name == name
    camera = np.asarray(viewer.scene.camera.center)[-2:]
    np.testing.assert_allclose(camera, bench.landmarks.points[row][[1, 0]], atol=1.0)

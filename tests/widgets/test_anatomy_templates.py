"""Another bone, a vertebra, from points in the window to a model; and a mesh fitted to a scan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from napari.settings import get_settings
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_midl.methods.anatomy import fitting
from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, synthetic_scan
from napari_midl.methods.anatomy.template import load_template
from napari_midl.volumes.landmarks import Landmarks, write_landmarks
from napari_midl.volumes.meshes import Mesh, read_mesh, write_mesh
from napari_midl.widgets.anatomy import AnatomyDock
from napari_midl.widgets.anatomy.template_dialog import TemplateDialog

MINUTE = 60_000
# Directions from the middle of the vertebra.
LANDMARKS = {
    "process left": (1, 0.35, 0),
    "process right": (-1, 0.35, 0),
    "spine": (0, 1, 0),
    "body front": (0, -1, 0),
    "body top": (0, -0.4, 1),
    "body bottom": (0, -0.4, -1),
}


def vertebra(seed):
    """A body with a process to each side and one behind."""
    rng = np.random.default_rng(seed)
    ball = trimesh.creation.icosphere(3)
    longer = 1 + 0.12 * rng.normal(size=4)

    def shaped(ways):
        ways = ways / np.linalg.norm(ways, axis=1, keepdims=True)
        reach = 15 * longer[0] * np.ones(len(ways))
        for tip, length in (("process left", 18), ("process right", 18), ("spine", 25)):
            towards = np.array(LANDMARKS[tip]) / np.linalg.norm(LANDMARKS[tip])
            size = longer[1] if tip == "spine" else longer[2]
            reach += length * size * np.exp(-(1 - ways @ towards) / 0.08)
        return ways * reach[:, None] * [1, 1, 0.8 * longer[3]]

    marks = shaped(np.array(list(LANDMARKS.values()), float))
    return Mesh(shaped(ball.vertices), ball.faces.astype(np.int32)), marks


@pytest.fixture
def anatomy(viewer, notes):
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    made = AnatomyDock(viewer)
    viewer.window.add_dock_widget(made, name="anatomy")
    return made


def test_a_vertebra_is_made_from_points_in_the_window(
    anatomy, viewer, qtbot, tmp_path, monkeypatch
):
    shapes = tmp_path / "shapes"
    shapes.mkdir()
    for k in range(4):
        mesh, marks = vertebra(k)
        write_mesh(shapes / f"v{k}.ply", mesh, "test")
        write_landmarks(shapes / f"v{k}.csv", Landmarks(tuple(LANDMARKS), marks))
    _, points = vertebra(9)
    features = {"name": list(LANDMARKS)}
    layer = viewer.add_points(points[:, ::-1], name="my points", features=features)
    learn = anatomy.learn

    def filled(dialog):
        dialog.name.setText("vertebra")
        dialog.about.setText("made up")
        dialog.table.item(2, 2).setText("The tip behind.")
        dialog.accept()
        return True

    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: (layer.name, True))
    monkeypatch.setattr(TemplateDialog, "exec", filled)
    json = tmp_path / "vertebra.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(json), ""))
    learn.new_template.click()
    template = load_template(json)
    assert template.names == tuple(LANDMARKS)
    assert template.landmarks[0].mirror == "process right"
    assert template.landmarks[2].description == "The tip behind."
    assert template.view
    assert learn.template.currentData() == str(json)
    learn.folder.path = shapes
    learn.form.fill({"steps": 5, "modes": 2})
    learn.refresh()
    learn.train.click()
    qtbot.waitUntil(lambda: not learn.gain.isHidden(), timeout=2 * MINUTE)
    assert anatomy.bench.editor.template.name == "vertebra"
    assert not anatomy.landmarks.picture.pixmap().isNull()
    anatomy.bench.edit(anatomy.bench.editor.replace, Landmarks(tuple(LANDMARKS), points))
    qtbot.waitUntil(lambda: anatomy.bench.shown is not None, timeout=MINUTE)
    assert np.nanmax(anatomy.bench.shown.generated.to_surface) < 1.0


def test_a_dialog_says_what_is_wrong_and_stays(anatomy):
    dialog = TemplateDialog(anatomy, ["a", "a", "c", "d"], lambda: np.zeros((9, 9, 4), np.uint8))
    dialog.name.setText("thing")
    dialog.accept()
    assert "Two landmarks are called 'a'" in dialog.fault.text()
    assert dialog.template is None
    dialog.table.item(1, 0).setText("b right")
    dialog.table.item(0, 0).setText("b left")
    assert dialog.boxes[0].currentText() == "b right"
    dialog.accept()
    assert dialog.template.names == ("b left", "b right", "c", "d")


@pytest.fixture
def over_scan(anatomy, viewer, qtbot, monkeypatch):
    """A dock with a mesh that is not yet fitted to the scan, which takes three of the rounds."""
    monkeypatch.setattr(fitting, "ROUNDS", fitting.ROUNDS[::5])
    scan, landmarks, _ = synthetic_scan()
    viewer.add_image(scan, name="scan", scale=VOXEL_SIZE, units=("mm",) * 3)
    bench = anatomy.bench
    few = landmarks.points.copy()
    few[[4, 9, 13, 20]] = np.nan
    qtbot.waitUntil(lambda: bench.volume is not None, timeout=MINUTE)
    bench.edit(bench.editor.replace, Landmarks(landmarks.names, few))
    qtbot.waitUntil(lambda: bench.shown is not None, timeout=MINUTE)
    qtbot.waitUntil(lambda: anatomy.landmarks.scan is not None, timeout=MINUTE)
    return anatomy


def test_a_fitted_mesh_stays_whatever_its_colours_until_the_next_edit(over_scan, viewer, qtbot):
    bench, mesh = over_scan.bench, over_scan.mesh
    mesh.fit.click()
    qtbot.waitUntil(lambda: bench.shown.generated.fit is not None, timeout=5 * MINUTE)
    made = bench.shown.generated
    assert made.fit.after.mean < 0.6 < made.fit.before.mean
    assert "Fitted to the scan" in mesh.words.text()
    assert mesh.colours.currentText() == "distance to the bone" and not mesh.measure.isEnabled()
    viewer.add_labels(np.zeros(bench.volume.shape, np.uint8), name="other")
    assert mesh.colours.currentText() == "distance to the bone"
    assert bench.mesh.highest == 4.0
    seen = {}
    for colours in ("uncertainty", "distance to the threshold", "distance to the bone"):
        row, before = mesh.colours.findText(colours), bench.shown
        mesh.colours.setCurrentIndex(row)
        mesh.colours.activated.emit(row)
        qtbot.waitUntil(
            lambda before=before: bench.shown is not before and not bench.runner.running,
            timeout=MINUTE,
        )
        assert bench.shown.generated is made
        assert mesh.colours.currentText() == colours
        assert "Fitted to the scan" in mesh.words.text()
        seen[colours] = bench.mesh.layer.data[2]
    np.testing.assert_allclose(seen["uncertainty"], made.uncertainty, rtol=1e-5)
    np.testing.assert_allclose(seen["distance to the bone"], made.fit.after.distances, rtol=1e-5)
    assert seen["distance to the threshold"].mean() < 0.6
    bench.edit(bench.editor.undo)
    qtbot.waitUntil(
        lambda: bench.shown is None or bench.shown.generated.fit is None, timeout=MINUTE
    )
    assert mesh.colours.currentText() == "uncertainty"
    assert mesh.colours.findText("distance to the bone") < 0


def test_an_edit_after_a_fit_says_that_it_is_not_shown_and_undo_brings_it_back(over_scan, qtbot):
    bench, mesh = over_scan.bench, over_scan.mesh
    mesh.fit.click()
    qtbot.waitUntil(lambda: bench.shown.generated.fit is not None, timeout=5 * MINUTE)
    made = bench.shown.generated
    over_scan.landmarks.accept.click()
    qtbot.waitUntil(lambda: bench.shown.generated.fit is None, timeout=MINUTE)
    assert "The fit is not shown" in mesh.words.text()
    over_scan.landmarks.undo.click()
    qtbot.waitUntil(lambda: bench.shown.generated is made, timeout=MINUTE)
    assert "Fitted to the scan" in mesh.words.text() and "not shown" not in mesh.words.text()
    assert mesh.colours.currentText() == "distance to the bone"
    np.testing.assert_allclose(bench.mesh.layer.data[2], made.fit.after.distances, rtol=1e-5)


def test_an_exported_fit_is_the_one_that_is_shown(over_scan, qtbot, tmp_path, monkeypatch):
    bench, threshold = over_scan.bench, over_scan.landmarks.threshold
    over_scan.mesh.fit.click()
    qtbot.waitUntil(lambda: bench.shown.generated.fit is not None, timeout=5 * MINUTE)
    threshold.setValue(threshold.value() * 1.3)
    path = tmp_path / "fit.stl"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    over_scan.files.export.click()
    qtbot.waitUntil(lambda: path.exists() and not bench.runner.running, timeout=5 * MINUTE)
    shown = bench.shown.generated.mesh
    assert read_mesh(path).volume == pytest.approx(shown.volume, rel=1e-4)
    over_scan.mesh.fit.click()
    again = threshold.value()
    qtbot.waitUntil(lambda: bench.shown.generated.fit.level == again, timeout=5 * MINUTE)


def test_a_mesh_is_seen_on_its_way_to_the_bone_and_is_as_before_if_cancelled(
    over_scan, click, qtbot, unhurried
):
    bench, mesh = over_scan.bench, over_scan.mesh
    before = bench.mesh.layer.data

    def moved():
        return np.abs(bench.mesh.layer.data[0] - before[0]).max()

    with unhurried():
        click(mesh.fit)
    qtbot.waitUntil(lambda: moved() > 0, timeout=MINUTE)
    assert bench.runner.running
    np.testing.assert_array_equal(bench.mesh.layer.data[2], before[2])
    click(over_scan.progress.cancel)
    qtbot.waitUntil(lambda: not bench.runner.running, timeout=MINUTE)
    assert moved() == 0
    assert bench.shown.generated.fit is None and "Fitted" not in mesh.words.text()


def test_an_outline_that_shrinks_is_drawn_with_slicing_in_the_background(over_scan, qtbot, viewer):
    get_settings().experimental.async_ = True
    mesh, shown = over_scan.bench.mesh, over_scan.bench.shown
    qtbot.waitUntil(lambda: mesh.outline.layer is not None, timeout=MINUTE)
    layer = mesh.outline.layer
    layer.refresh()
    qtbot.waitUntil(lambda: layer.loaded, timeout=MINUTE)
    before = len(layer.data)
    at = mesh.layer.world_to_data(viewer.dims.point)[0]
    top = shown.vertices[:, 0].max()
    lower = shown.vertices + np.float32([at + 1 - top, 0, 0])
    mesh.show(replace(shown, vertices=lower))
    assert 0 < np.count_nonzero(layer.data[:, 1].any(axis=1)) < before
    qtbot.waitUntil(lambda: layer.loaded, timeout=MINUTE)


def test_landmarks_that_change_during_a_fit_are_not_overruled(over_scan, qtbot, notes):
    bench = over_scan.bench
    over_scan.mesh.fit.click()
    name = bench.landmarks.names[0]
    bench.edit(bench.editor.write, bench.landmarks.moved({name: bench.landmarks.points[0] + 1}))
    qtbot.waitUntil(lambda: not bench.runner.running, timeout=5 * MINUTE)
    qtbot.waitUntil(
        lambda: bench.shown is not None and bench.shown.request.landmarks is bench.landmarks,
        timeout=MINUTE,
    )
    assert bench.shown.generated.fit is None
    assert "press Fit to scan again" in over_scan.trouble.text()
    assert over_scan.progress.message.text().startswith("Fit to scan: failed after")
    # What was computed is not lost.
    bench.edit(bench.editor.undo)
    qtbot.waitUntil(lambda: bench.shown.generated.fit is not None, timeout=MINUTE)

"""The anatomy dock over a scan that is turned in the world: files fit, and clicks are saved so."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog
from scipy.spatial.transform import Rotation

from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, synthetic_scan
from napari_midl.reader import layers_of
from napari_midl.volumes.grids import mask
from napari_midl.volumes.landmarks import Landmarks, read_landmarks, write_landmarks
from napari_midl.volumes.meshes import MM, Mesh, read_mesh
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.widgets.anatomy import AnatomyDock

MINUTE = 60_000
TURNED = Rotation.from_euler("zyx", [35, -20, 15], degrees=True).as_matrix() * [-1, -1, 1]
SPACE = Space.of(VOXEL_SIZE, MM, (40.0, 210.0, -130.0), TURNED)
# Landmarks of the synthetic person count from the first voxel, along the axes of the scan.
OWN = Space(VOXEL_SIZE, MM)


def to_world(points):
    return SPACE.to_world(OWN.to_voxel(points, MM), MM)


@pytest.fixture(scope="module")
def made():
    return synthetic_scan()


@pytest.fixture
def person(made, tmp_path):
    """A folder with a scan and landmarks in the world, the landmarks and the bone."""
    image, landmarks, mesh = made
    folder = tmp_path / "person"
    folder.mkdir()
    affine = np.diag([-1, -1, 1, 1]) @ SPACE.matrix(MM)[:, [2, 1, 0, 3]]
    stored = nibabel.Nifti1Image(image.T, affine)
    stored.header.set_xyzt_units("mm")
    nibabel.save(stored, folder / "scan.nii.gz")
    marks = Landmarks(landmarks.names, to_world(landmarks.points))
    write_landmarks(folder / "person.mrk.json", marks)
    return folder, marks, Mesh(to_world(mesh.vertices), mesh.faces)


@pytest.fixture
def anatomy(viewer, notes, person, qtbot):
    """A dock beside that scan, as File > Open shows it."""
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(1200, 700)
    dock = AnatomyDock(viewer)
    viewer.window.add_dock_widget(dock, name="anatomy")
    ((data, options, _),) = layers_of(open_volume(person[0] / "scan.nii.gz"))
    viewer.add_image(data, **options)
    qtbot.wait(200)
    viewer.reset_view()
    return dock


@pytest.fixture
def choose(monkeypatch, click):
    """Press a button, and choose a file in its dialog."""

    def press(button, path):
        for name in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, name, lambda *_: (str(path), ""))
        click(button)

    return press


@pytest.fixture
def finish(anatomy, qtbot):
    """Wait for the job, and for the mesh of the newest landmarks."""

    def is_fresh():
        shown, bench = anatomy.bench.shown, anatomy.bench
        return shown is not None and shown.request.landmarks is bench.landmarks

    def wait():
        qtbot.waitUntil(lambda: not anatomy.bench.runner.running, timeout=2 * MINUTE)
        qtbot.waitUntil(is_fresh, timeout=2 * MINUTE)
        qtbot.wait(50)

    return wait


def test_files_of_3d_slicer_land_on_the_bone_and_go_back_there(
    anatomy, person, viewer, choose, click, finish, notes, tmp_path, qtbot
):
    folder, marks, bone = person
    choose(anatomy.files.open, folder / "person.mrk.json")
    finish()
    assert not [note for note in notes if "outside" in note]
    assert "of it lies in the scan" not in anatomy.mesh.words.text()
    shown = viewer.layers["anatomy: landmarks"].data
    np.testing.assert_allclose(shown, SPACE.to_voxel(marks.points, MM), atol=1e-3)
    vertices = viewer.layers["anatomy: mesh"].data[0]
    voxels = viewer.layers["scan"].data
    inside = mask(bone, voxels.shape, SPACE).astype(bool)
    near = np.clip(np.rint(vertices).astype(int), 1, np.array(voxels.shape) - 2)
    around = [inside[tuple((near + step - 1).T)] for step in np.ndindex(3, 3, 3)]
    # The person is drawn, and the mesh made of real bones, which need not lie on it to a voxel.
    assert (np.any(around, axis=0) & ~np.all(around, axis=0)).mean() > 0.5
    choose(anatomy.files.save, tmp_path / "saved.fcsv")
    np.testing.assert_allclose(
        read_landmarks(tmp_path / "saved.fcsv").points, marks.points, atol=1e-4
    )
    choose(anatomy.files.export, tmp_path / "bone.stl")
    finish()
    mesh = read_mesh(tmp_path / "bone.stl", closed=True)
    np.testing.assert_allclose(mesh.vertices.mean(axis=0), bone.vertices.mean(axis=0), atol=3.0)
    choose(anatomy.files.export, tmp_path / "bone.nii.gz")
    finish()
    kept = nibabel.load(tmp_path / "bone.nii.gz")
    np.testing.assert_allclose(kept.affine, nibabel.load(folder / "scan.nii.gz").affine, atol=1e-4)
    expected = mask(anatomy.bench.shown.generated.mesh, voxels.shape, SPACE)
    np.testing.assert_array_equal(np.asarray(kept.dataobj).T > 0, expected > 0)
    click(anatomy.files.labels)
    finish()
    np.testing.assert_array_equal(viewer.layers["scan: anatomy"].data, expected)
    # Its outline lies on the mesh that it was made of, in the world.
    anatomy.mesh.colours.setCurrentIndex(anatomy.mesh.colours.findText("distance to scan: anatomy"))
    anatomy.mesh.colours.activated.emit(anatomy.mesh.colours.currentIndex())
    qtbot.waitUntil(lambda: anatomy.bench.shown.request.target is not None, timeout=MINUTE)
    assert np.median(anatomy.bench.shown.values) < max(VOXEL_SIZE)


def test_a_click_is_saved_where_it_is_in_the_world(anatomy, person, viewer, click, qtbot):
    _, marks, _ = person
    bench, canvas = anatomy.bench, viewer.window._qt_viewer.canvas.native
    click(anatomy.landmarks.place)
    for _ in range(3):
        name = bench.editor.name
        wanted = marks.points[marks.names.index(name)]
        seen = SPACE.to_voxel(wanted, MM) * viewer.layers["scan"].scale
        viewer.dims.set_point(0, seen[0])
        qtbot.wait(100)
        camera = viewer.scene.camera
        y, x = (seen - camera.center)[-2:] * camera.zoom + np.asarray(viewer.canvas.size) / 2
        place = QPoint(round(float(x)), round(float(y)))
        qtbot.mouseMove(canvas, place)
        qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
        qtbot.wait(20)
        found = bench.landmarks.points[bench.landmarks.names.index(name)]
        # To half a slice, and half a pixel of the screen.
        assert np.linalg.norm(found - wanted) < 0.7
    bench.autosave.flush()
    saved = read_landmarks(next(bench.folder.glob("landmarks.csv")))
    np.testing.assert_allclose(saved.points, bench.landmarks.points, atol=1e-4)


def test_landmarks_of_another_place_are_said(anatomy, person, choose, finish, notes, tmp_path):
    _, marks, _ = person
    far = Landmarks(marks.names, np.add(marks.points, (30, 0, 0)))
    write_landmarks(tmp_path / "near.csv", far)
    choose(anatomy.files.open, tmp_path / "near.csv")
    finish()
    assert any("landmarks lie outside scan; give those that were placed on it" in n for n in notes)
    assert "of it lies in the scan" in anatomy.mesh.words.text()
    write_landmarks(tmp_path / "far.csv", Landmarks(marks.names, np.add(marks.points, (500, 0, 0))))
    choose(anatomy.files.open, tmp_path / "far.csv")
    finish()
    assert "None of it lies in the scan" in anatomy.mesh.words.text()
    choose(anatomy.files.export, tmp_path / "bone.nii.gz")
    finish()
    assert any("No part of the shape lies in scan" in note for note in notes)
    assert not list(tmp_path.glob("bone*"))

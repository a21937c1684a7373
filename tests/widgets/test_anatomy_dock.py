"""The anatomy dock driven by clicks into the canvas of a real window, with the shipped weights."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
import zarr
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from napari_midl.engine.models import read_card, shipped_weights
from napari_midl.engine.project import landmarks_file
from napari_midl.engine.runs import read_run, record_path
from napari_midl.methods.anatomy.synthetic import VOXEL_SIZE, sample, synthetic_scan
from napari_midl.volumes.grids import mask, outlined
from napari_midl.volumes.landmarks import Landmarks, read_landmarks, write_landmarks
from napari_midl.volumes.meshes import MM, Mesh, read_mesh, write_mesh
from napari_midl.volumes.space import Space
from napari_midl.widgets.anatomy import AnatomyDock

MINUTE = 60_000
TRANSLATE = (-20.0, 5.0, 7.0)
PLACE = Space.of(VOXEL_SIZE, MM, TRANSLATE[::-1])
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture(scope="module")
def person():
    """A scan, and the landmarks and the mandible in it, where they lie in the world."""
    scan, landmarks, bone = synthetic_scan()
    moved = Landmarks(landmarks.names, landmarks.points + TRANSLATE[::-1])
    return scan, moved, Mesh(bone.vertices + TRANSLATE[::-1], bone.faces)


@pytest.fixture
def size():
    """Of the window: no larger than its clicks need, since each frame is drawn without a GPU."""
    return 1200, 700


@pytest.fixture
def anatomy(viewer, notes, size):
    """A dock in a window without a scan."""
    viewer.window._qt_window.show()
    viewer.window._qt_window.resize(*size)
    made = AnatomyDock(viewer)
    viewer.window.add_dock_widget(made, name="anatomy")
    return made


def test_no_button_of_the_mesh_moves_with_what_is_said_of_it(anatomy, qtbot):
    mesh = anatomy.mesh
    qtbot.waitUntil(mesh.fit.isVisible)
    words, places = mesh.words, []
    for lines in (2, 1, 5):  # the first until the dock has its width
        words.setText("<br>".join(["Volume"] * lines))
        qtbot.waitUntil(lambda: words.height() == words.heightForWidth(words.width()))
        qtbot.wait(100)
        places.append(mesh.fit.mapTo(mesh, QPoint(0, 0)).y())
    assert places[1] == places[2]


@pytest.fixture
def scanned(anatomy, viewer, person, qtbot):
    _add_scan(viewer, person)
    # The dock takes its width from the canvas first.
    qtbot.wait(200)
    viewer.reset_view()
    return anatomy


def _add_scan(viewer, person, **other):
    place = {"scale": VOXEL_SIZE, "translate": TRANSLATE, "units": ("mm",) * 3, **other}
    return viewer.add_image(person[0], name="scan", **place)


@pytest.fixture
def finish(anatomy, qtbot):
    """Wait for the job, and for the mesh of the newest landmarks."""

    def wait():
        qtbot.waitUntil(lambda: not anatomy.bench.runner.running, timeout=2 * MINUTE)
        qtbot.waitUntil(lambda: _is_fresh(anatomy.bench), timeout=2 * MINUTE)
        qtbot.wait(50)

    return wait


def _is_fresh(bench):
    if bench.shown is None or bench.shown.request.coarse:
        return False
    return np.array_equal(
        bench.shown.request.landmarks.points, bench.landmarks.points, equal_nan=True
    )


@pytest.fixture
def pixel_of(viewer, qtbot):
    """Where a point ``(x, y, z)`` of the world is in the canvas; its slice is shown."""

    def find(point):
        world = np.asarray(point)[::-1]
        if viewer.dims.ndisplay == 2:
            viewer.dims.set_point(0, world[0])
        qtbot.wait(100)
        if viewer.dims.ndisplay == 2:
            camera = viewer.scene.camera
            middle = np.asarray(viewer.canvas.size) / 2
            y, x = (world - np.asarray(camera.center))[-2:] * camera.zoom + middle
        else:
            visual = viewer.window._qt_viewer.canvas.layer_to_visual[viewer.layers["scan"]].node
            voxel = ((world - TRANSLATE) / VOXEL_SIZE)[::-1]
            mapped = visual.get_transform("visual", "canvas").map([*voxel, 1])
            x, y = mapped[:2] / mapped[3]
        return QPoint(round(float(x)), round(float(y)))

    return find


@pytest.fixture
def click_at(viewer, qtbot, pixel_of):
    """Click on a point ``(x, y, z)`` of the world."""

    def press(point):
        place, canvas = pixel_of(point), viewer.window._qt_viewer.canvas.native
        assert canvas.rect().contains(place)
        qtbot.mouseMove(canvas, place)
        qtbot.mousePress(canvas, LEFT, NONE, place)
        qtbot.mouseRelease(canvas, LEFT, NONE, place)
        qtbot.wait(20)

    return press


@pytest.fixture
def open_file(monkeypatch, click):
    """Choose a file in the dialog that a button opens."""

    def choose(made, path, kind=""):
        for name in ("getOpenFileName", "getSaveFileName"):
            monkeypatch.setattr(QFileDialog, name, lambda *_: (str(path), kind))
        click(made)

    return choose


@pytest.fixture
def placed(scanned, person, tmp_path, open_file, finish):
    """A scan with all landmarks, opened from a file."""
    write_landmarks(tmp_path / "person.csv", person[1])
    open_file(scanned.files.open, tmp_path / "person.csv")
    finish()
    return scanned


def _point(person, name):
    return person[1].points[person[1].names.index(name)]


def test_each_landmark_has_a_picture(anatomy):
    for name in anatomy.bench.editor.template.names:
        assert anatomy.bench.editor.template.picture(name).is_file(), name
    assert not anatomy.landmarks.picture.pixmap().isNull()


# So large that half a pixel is little.
@pytest.mark.parametrize("size", [(1500, 950)])
def test_clicks_place_one_landmark_after_the_other(
    scanned, person, viewer, click, click_at, finish
):
    bench = scanned.bench
    assert "Place by clicking" in scanned.hint.text()
    click(scanned.landmarks.place)
    names, table = bench.editor.template.names, scanned.landmarks.table.view
    asked = []
    for count in range(1, 6):
        name, row = bench.editor.name, bench.editor.current
        asked.append(row)
        assert name in scanned.landmarks.about.text()
        click_at(_point(person, name))
        # Each is seen at once, before there is a mesh.
        layer = viewer.layers["anatomy: landmarks"]
        assert name in set(layer.features["name"]) and len(layer.data) >= count
        assert table.model().index(row, 2).data() == "●"
    assert np.flatnonzero(bench.landmarks.placed).tolist() == sorted(asked)
    expected = np.array([_point(person, names[row]) for row in asked])
    # To half a slice, and half a pixel of the screen.
    placed = bench.landmarks.points[asked]
    np.testing.assert_allclose(placed[:, 2], expected[:, 2], atol=0.51)
    np.testing.assert_allclose(placed[:, :2], expected[:, :2], atol=0.2)
    finish()
    assert viewer.layers["anatomy: mesh"].data[0].shape == bench.shown.vertices.shape
    faces = viewer.layers["anatomy: landmarks"].face_color
    assert np.flatnonzero(faces[:, 3] == 1).tolist() == sorted(asked) and len(faces) == 28
    missing = bench.landmarks.placed.argmin()
    assert table.model().index(missing, 2).data() == "○"


def test_no_landmark_is_placed_in_a_scan_that_is_hidden(scanned, person, viewer, click, click_at):
    bench, place = scanned.bench, {"scale": VOXEL_SIZE, "translate": TRANSLATE}
    over = viewer.add_image(np.zeros_like(person[0]), name="over", units=("mm",) * 3, **place)
    click(scanned.landmarks.place)
    assert viewer.layers.index(over) < viewer.layers.index(bench.image)
    viewer.layers.move(viewer.layers.index(over), len(viewer.layers))
    click_at(_point(person, bench.editor.name))
    assert not bench.landmarks.placed.any()
    assert "over hides scan, in which you place landmarks" in scanned.trouble.text()


def test_a_mesh_lies_where_the_bone_is(placed, person, viewer):
    layer = viewer.layers["anatomy: mesh"]
    world = np.asarray([layer.data_to_world(v) for v in layer.data[0][::500]])
    mm = world[:, ::-1]
    surface = trimesh.Trimesh(person[2].vertices, person[2].faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point(surface, mm)
    assert np.mean(distance) < 1.5


@pytest.mark.parametrize("active", ["anatomy: landmarks", "scan"])
def test_a_dragged_landmark_takes_the_mesh_with_it(
    placed, person, viewer, qtbot, click, pixel_of, finish, active
):
    bench, name = placed.bench, "angle right"
    index = bench.editor.template.names.index(name)
    before, steps = bench.landmarks, 20
    mesh_before = bench.shown
    viewer.layers.selection.active = viewer.layers[active]
    canvas = viewer.window._qt_viewer.canvas.native
    start = pixel_of(before.points[index])
    qtbot.mouseMove(canvas, start + QPoint(60, 60))
    qtbot.wait(50)
    qtbot.mouseMove(canvas, start)
    qtbot.wait(50)
    qtbot.mousePress(canvas, LEFT, NONE, start)
    for step in range(1, steps):
        qtbot.mouseMove(canvas, start + QPoint(3 * step, step))
        qtbot.wait(20)
    qtbot.waitUntil(lambda: bench.shown is not mesh_before, timeout=MINUTE)
    assert bench.shown.request.coarse
    assert bench.landmarks is before
    qtbot.mouseRelease(canvas, LEFT, NONE, start + QPoint(3 * steps, steps))
    qtbot.waitUntil(lambda: bench.landmarks is not before, timeout=MINUTE)
    finish()
    moved = bench.landmarks.points - before.points
    zoom = viewer.scene.camera.zoom
    np.testing.assert_allclose(
        moved[index], [3 * (steps - 1) / zoom, (steps - 1) / zoom, 0], atol=4 / zoom
    )
    assert not np.delete(moved, index, axis=0).any()
    assert name in bench.shown.generated.misplaced
    assert name in placed.mesh.words.text()
    nearest = np.linalg.norm(
        bench.shown.generated.mesh.vertices - bench.landmarks.points[index], axis=1
    ).min()
    assert nearest < 1.5
    click(placed.landmarks.undo)
    assert np.array_equal(bench.landmarks.points, before.points)
    finish()
    assert name not in placed.mesh.words.text()
    click(placed.landmarks.redo)
    np.testing.assert_allclose(bench.landmarks.points[index], before.points[index] + moved[index])


def test_a_hollow_landmark_is_placed_by_a_click_on_it(placed, click, click_at, finish):
    bench = placed.bench
    bench.choose(bench.editor.template.names.index("mental protuberance"))
    click(placed.landmarks.clear)
    assert bench.landmarks.placed.sum() == 27
    finish()
    expected = bench.shown.generated.landmarks.points[bench.editor.current]
    click(placed.landmarks.place)
    click_at(expected)
    assert bench.landmarks.placed.all()
    np.testing.assert_allclose(bench.landmarks.points[bench.editor.current], expected, atol=0.6)


@pytest.mark.parametrize("by", ["slice", "3D", "row"])
def test_delete_clears_the_landmark_that_was_clicked_last(
    placed, viewer, qtbot, click, click_at, finish, by
):
    bench, name = placed.bench, "mental protuberance"
    row = bench.editor.template.names.index(name)
    before, canvas = bench.landmarks, viewer.window._qt_viewer.canvas.native
    viewer.layers.selection.active = viewer.layers["scan"]
    if by == "row":
        placed.landmarks.table.visited.emit(row)
    else:
        viewer.dims.ndisplay = 2 if by == "slice" else 3
        if by == "3D":
            viewer.reset_view()
            viewer.scene.camera.set_view_direction((0, 1, 0), (1, 0, 0))
            qtbot.wait(300)
        click_at(before.points[row])
    qtbot.wait(100)
    assert bench.landmarks is before
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: bench.landmarks is not before, timeout=MINUTE)
    assert np.flatnonzero(~bench.landmarks.placed).tolist() == [row]
    finish()
    # It is hollow now; there is nothing more to delete.
    cleared, layer = bench.landmarks, viewer.layers["anatomy: landmarks"]
    bench.points.select(name)
    assert len(layer.selected_data) == 1
    qtbot.keyClick(canvas, Qt.Key.Key_Delete)
    qtbot.wait(100)
    assert bench.landmarks is cleared and name in set(layer.features["name"])
    qtbot.keyClick(canvas, Qt.Key.Key_U)
    np.testing.assert_array_equal(bench.landmarks.points, before.points)


def test_delete_clears_the_landmark_that_was_just_placed(
    scanned, person, viewer, qtbot, click, click_at
):
    bench, canvas = scanned.bench, viewer.window._qt_viewer.canvas.native
    click(scanned.landmarks.place)
    for _ in range(2):
        last = bench.editor.name
        click_at(_point(person, last))
    first = bench.landmarks
    assert first.placed.sum() == 2
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Backspace)
    qtbot.waitUntil(lambda: bench.landmarks is not first, timeout=MINUTE)
    assert bench.landmarks.placed.sum() == 1
    assert not bench.landmarks.placed[bench.landmarks.names.index(last)]


def test_a_click_on_the_bone_in_3d(scanned, person, viewer, qtbot, click, click_at):
    bench = scanned.bench
    qtbot.waitUntil(lambda: scanned.landmarks.scan is not None, timeout=MINUTE)
    assert 200 < scanned.landmarks.threshold.value() < 800
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    qtbot.wait(300)
    click(scanned.landmarks.place)
    top = person[2].vertices[person[2].vertices[:, 2].argmax()]
    click_at(top)
    found = bench.landmarks.points[bench.landmarks.placed]
    assert len(found) == 1
    surface = trimesh.Trimesh(person[2].vertices, person[2].faces, process=False)
    _, distance, _ = trimesh.proximity.closest_point(surface, found)
    assert distance[0] < 1.0


def test_a_click_beside_everything_in_3d_is_a_sentence(scanned, viewer, qtbot, click, notes):
    qtbot.waitUntil(lambda: scanned.landmarks.scan is not None, timeout=MINUTE)
    viewer.dims.ndisplay = 3
    qtbot.wait(300)
    click(scanned.landmarks.place)
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.mouseMove(canvas, QPoint(5, 5))
    qtbot.mouseClick(canvas, LEFT, NONE, QPoint(5, 5))
    qtbot.wait(50)
    assert not scanned.bench.landmarks.placed.any()
    assert any("nothing under this click" in note for note in notes)
    assert "nothing under this click" in scanned.trouble.text()
    viewer.dims.ndisplay = 2
    qtbot.wait(300)
    middle = canvas.rect().center()
    qtbot.mouseMove(canvas, middle)
    qtbot.mouseClick(canvas, LEFT, NONE, middle)
    qtbot.waitUntil(lambda: scanned.bench.landmarks.placed.any())
    assert not scanned.trouble.text()


def test_landmarks_come_back(placed, viewer, qtbot, finish):
    bench = placed.bench
    bench.autosave.flush()
    kept = read_landmarks(landmarks_file(bench.folder))
    np.testing.assert_allclose(kept.points, bench.landmarks.points, atol=1e-4)
    viewer.layers.remove("scan")
    assert not bench.landmarks.placed.any()
    assert "anatomy: mesh" not in viewer.layers
    bench.open(viewer.add_image(np.zeros((9, 9, 9)), name="other", units=("mm",) * 3))
    assert not bench.landmarks.placed.any()


def test_a_damaged_project_is_set_aside(anatomy, viewer, person, notes, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "landmarks.csv").write_text("name,x,y,z\nangle left,1,2\n")
    anatomy.bench.open(_add_scan(viewer, person), folder=folder)
    assert any("line 2 has only some of x, y and z" in note for note in notes)
    assert (folder / "landmarks-unreadable-1.csv").exists()


def test_without_a_scan_a_file_gives_a_mesh(anatomy, viewer, person, tmp_path, open_file, finish):
    few = person[1].moved(dict.fromkeys(person[1].names[3:]))
    write_landmarks(tmp_path / "few.csv", few)
    open_file(anatomy.files.open, tmp_path / "few.csv")
    assert not anatomy.landmarks.place.isEnabled() and "Open a scan" in anatomy.hint.text()
    write_landmarks(tmp_path / "person.mrk.json", person[1])
    open_file(anatomy.files.open, tmp_path / "person.mrk.json")
    finish()
    vertices = viewer.layers["anatomy: mesh"].data[0][:, ::-1]
    np.testing.assert_allclose(vertices, anatomy.bench.shown.generated.mesh.vertices, atol=1e-3)
    assert viewer.dims.ndisplay == 3
    middle = person[1].points.mean(axis=0)[::-1]
    np.testing.assert_allclose(viewer.scene.camera.center, middle, atol=30)
    assert anatomy.landmarks.place.isEnabled()
    assert not anatomy.files.labels.isEnabled()
    # They outlast an image that cannot be used, and a scan takes them over.
    viewer.add_image(np.zeros((9, 9)), name="flat")
    assert "one slice" in anatomy.data.about.text()
    assert anatomy.bench.landmarks.placed.all() and "anatomy: mesh" in viewer.layers
    viewer.layers.remove("flat")
    _add_scan(viewer, person)
    assert anatomy.bench.landmarks.placed.all()
    finish()


def test_a_bad_file_changes_nothing(placed, tmp_path, open_file, notes):
    before = placed.bench.landmarks
    for rows, fault in (
        ("angle left,1,2,3\nangle left,4,5,6\n", "line 3 repeats the landmark 'angle left'"),
        ("nose,1,2,3\n", "nose"),
        ("angle left,nan,2,3\n", "line 2 has 'nan' as x"),
    ):
        notes.clear()
        (tmp_path / "bad.csv").write_text("name,x,y,z\n" + rows)
        open_file(placed.files.open, tmp_path / "bad.csv")
        assert placed.bench.landmarks is before
        assert any("bad.csv" in note and fault in note for note in notes)
        assert fault in placed.trouble.text()
    write_landmarks(tmp_path / "good.csv", before)
    open_file(placed.files.open, tmp_path / "good.csv")
    assert not placed.trouble.text()


def test_swapped_sides_are_said_and_can_be_undone(
    placed, person, tmp_path, open_file, click, finish, qtbot
):
    names = [
        n.replace("left", "?").replace("right", "left").replace("?", "right")
        for n in person[1].names
    ]
    write_landmarks(tmp_path / "swapped.csv", Landmarks(tuple(names), person[1].points))
    open_file(placed.files.open, tmp_path / "swapped.csv")
    qtbot.waitUntil(lambda: bool(placed.bench.fault), timeout=MINUTE)
    assert "swapped" in placed.mesh.words.text() and not placed.mesh.swap.isHidden()
    assert not placed.files.export.isEnabled()
    click(placed.mesh.swap)
    finish()
    np.testing.assert_allclose(placed.bench.landmarks.points, person[1].points, atol=1e-3)
    assert placed.mesh.swap.isHidden() and placed.files.export.isEnabled()
    click(placed.landmarks.undo)
    qtbot.waitUntil(lambda: placed.bench.swapped, timeout=MINUTE)
    click(placed.landmarks.undo)
    finish()
    assert placed.files.export.isEnabled()


def test_an_exported_mesh_is_the_one_that_is_shown(placed, tmp_path, open_file, finish):
    for ending in (".ply", ".stl", ".obj"):
        path = tmp_path / ending[1:] / f"bone{ending}"
        path.parent.mkdir()
        open_file(placed.files.export, path)
        finish()
        shown = placed.bench.shown
        mesh = read_mesh(path, closed=True)
        assert mesh.volume == pytest.approx(shown.generated.mesh.volume, rel=1e-3)
        assert shown.sha256[:12].encode() in path.read_bytes()[:200]
        run = read_run(record_path(path))
        assert run.settings["method"] == "warped"
        kept = read_landmarks(path.with_name("bone landmarks.csv"))
        np.testing.assert_allclose(kept.points, placed.bench.landmarks.points, atol=1e-4)
        if ending != ".stl":
            colours = trimesh.load(path, process=False).visual.vertex_colors
            surest, unsurest = (
                colours[pick(shown.generated.uncertainty)] for pick in (np.argmin, np.argmax)
            )
            assert surest[2] > surest[0] and unsurest[0] > unsurest[2]
            assert b"uncertainty from 0 to " in path.read_bytes()[:300]


def test_a_mesh_of_another_ending_leaves_nothing(placed, tmp_path, open_file, notes, qtbot):
    open_file(placed.files.export, tmp_path / "bone.vtk")
    qtbot.waitUntil(lambda: not placed.bench.runner.running, timeout=MINUTE)
    assert any("bone.vtk does not end in" in note for note in notes)
    assert not list(tmp_path.glob("bone*"))


def test_a_mask_on_the_grid_of_the_scan(placed, person, viewer, tmp_path, open_file, click, finish):
    open_file(placed.files.export, tmp_path / "bone.ome.zarr")
    finish()
    stored = np.asarray(zarr.open_group(tmp_path / "bone.ome.zarr", mode="r")["0"])
    expected = mask(placed.bench.shown.generated.mesh, person[0].shape, PLACE)
    np.testing.assert_array_equal(stored > 0, expected > 0)
    click(placed.files.labels)
    finish()
    layer = viewer.layers["scan: anatomy"]
    np.testing.assert_array_equal(layer.data, expected)
    np.testing.assert_allclose(layer.translate, TRANSLATE)
    names = [layer.name for layer in viewer.layers]
    ours = ["anatomy: mesh", "anatomy: outline", "anatomy: landmarks"]
    assert names == ["scan", "scan: anatomy", *ours]


def test_colours_by_distance_to_a_segmentation(placed, person, viewer, finish, qtbot):
    # A crop, so that its first voxel is not that of the scan.
    truth = mask(person[2], person[0].shape, PLACE)[2:, 3:, 4:]
    corner = np.add(TRANSLATE, np.multiply((2, 3, 4), VOXEL_SIZE))
    place = {"scale": VOXEL_SIZE, "translate": corner, "units": ("mm",) * 3}
    viewer.add_labels(truth, name="truth", **place)
    section = placed.mesh
    for text in ("distance to truth", "distance to the threshold"):
        qtbot.waitUntil(lambda: placed.landmarks.scan is not None, timeout=MINUTE)
        section.colours.setCurrentIndex(section.colours.findText(text))
        section.colours.activated.emit(section.colours.currentIndex())
        finish()
        said = text.capitalize()
        qtbot.waitUntil(lambda said=said: said in section.words.text(), timeout=MINUTE)
        assert np.median(placed.bench.shown.values) < 1.0
        assert "distance" in section.bar.low.text()
        # Red means the same, however far the surface lies.
        assert section.bar.high.text() == "4 mm"
        values = placed.bench.shown.values
        assert f"{values.mean():.2f} mm on average" in section.words.text()
        assert f"95 % within {np.percentile(values, 95):.2f} mm" in section.words.text()
    section.colours.setCurrentIndex(0)
    section.colours.activated.emit(0)
    qtbot.waitUntil(lambda: placed.bench.shown.request.target is None, timeout=MINUTE)


def test_morphing_goes_from_one_to_the_other(
    placed, person, viewer, tmp_path, open_file, click, qtbot
):
    bench, morph = placed.bench, placed.morph
    # Someone larger, who lay the other way round in the scanner.
    middle = person[1].points.mean(axis=0)
    larger = 1.1 * (person[1].points - middle)
    write_landmarks(tmp_path / "larger.csv", Landmarks(person[1].names, larger * [-1, -1, 1]))
    open_file(morph.open, tmp_path / "larger.csv")
    first = bench.shown.generated.mesh.volume
    morph.slider.setValue(100)
    qtbot.waitUntil(lambda: bench.shown.generated.mesh.volume > 1.25 * first, timeout=MINUTE)
    assert bench.shown.generated.mesh.volume == pytest.approx(1.1**3 * first, rel=0.02)
    np.testing.assert_allclose(bench.landmarks.points, person[1].points, atol=1e-3)
    # The dots lie on the mesh on its way.
    dots = bench.points.space.to_world(viewer.layers["anatomy: landmarks"].data, MM)
    np.testing.assert_allclose(dots, larger + middle, atol=1e-3)
    morph.slider.setValue(50)
    click(morph.take)
    half = 1.05 * (person[1].points - middle) + middle
    np.testing.assert_allclose(bench.landmarks.points, half, atol=1e-3)
    assert morph.slider.value() == 0
    click(placed.landmarks.undo)
    np.testing.assert_allclose(bench.landmarks.points, person[1].points, atol=1e-3)


def test_what_take_leaves_out_is_said_before(placed, person, tmp_path, open_file, click):
    bench, morph, names = placed.bench, placed.morph, person[1].names
    write_landmarks(tmp_path / "same.csv", person[1])
    open_file(morph.open, tmp_path / "same.csv")
    assert "leaves out" not in morph.about.text()
    write_landmarks(tmp_path / "two less.csv", person[1].moved(dict.fromkeys(names[:2])))
    open_file(morph.open, tmp_path / "two less.csv")
    assert f"leaves out what the other set lacks: {names[0]}, {names[1]}." in morph.about.text()
    morph.slider.setValue(50)
    click(morph.take)
    assert bench.landmarks.placed.sum() == len(names) - 2
    click(placed.landmarks.undo)
    write_landmarks(tmp_path / "few.csv", person[1].moved(dict.fromkeys(names[:9])))
    open_file(morph.open, tmp_path / "few.csv")
    assert f"{names[3]} and 5 more." in morph.about.text()


def test_the_next_step_is_to_look_at_the_sides_while_they_are_turned_over(
    anatomy, person, tmp_path, open_file, finish
):
    for name, sides, step, said in (
        ("turned over", (-1, -1, 1), "Check", "What is called left lies on the right"),
        ("right", (1, 1, 1), "Export", "All are placed"),
    ):
        write_landmarks(tmp_path / "l.csv", Landmarks(person[1].names, person[1].points * sides))
        open_file(anatomy.files.open, tmp_path / "l.csv")
        finish()
        turned = "What is called left" in anatomy.mesh.words.text()
        assert turned == (name == "turned over")
        assert anatomy.steps[anatomy.next_step()[0]] == step and said in anatomy.hint.text()


@pytest.fixture
def shapes(tmp_path):
    """A folder of three coarse shapes with their landmarks."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    for seed in range(3):
        landmarks, mesh = sample(seed)
        corner = mesh.vertices.min(axis=0) - 8
        shape = np.ceil((np.ptp(mesh.vertices, axis=0) + 16)[::-1] / 2).astype(int)
        grid = Space.of((2.0,) * 3, MM, corner)
        inside = mask(mesh, tuple(shape.tolist()), grid)
        write_mesh(folder / f"{seed}.ply", outlined(inside.astype(np.float32), 0.5, grid), "")
        write_landmarks(folder / f"{seed}.csv", landmarks)
    return folder


def _name(picker, path):
    picker.line.setText(str(path))
    picker.line.editingFinished.emit()


def test_train_on_my_shapes(placed, person, viewer, shapes, click, finish, notes, qtbot):
    bench, learn = placed.bench, placed.learn
    assert not learn.train.isEnabled()
    _name(learn.folder, shapes)
    learn.form.widgets["minutes"].value = 0.02
    click(learn.train)
    finish()
    made = bench.request.model
    assert made != "base", notes
    assert read_card(made)["shapes"] == 3
    assert made.stem in learn.gain.text()
    qtbot.waitUntil(lambda: bench.shown.request.model == made, timeout=MINUTE)
    click(learn.back)
    assert bench.request.model == "base"
    learn.model.choice = made
    # The scan comes back with its landmarks and the model that was used last.
    viewer.layers.remove("scan")
    learn.model.choice = "base"
    learn.model.combo.removeItem(learn.model.combo.findData(made))
    _add_scan(viewer, person)
    assert bench.request.model == made
    assert bench.landmarks.placed.all()


def _step(dock):
    words = dock.progress.message.text().split()
    return int(words[-1]) if words[-2:-1] == ["step"] else 0


def test_a_training_that_was_cancelled_can_go_on(placed, shapes, click, qtbot):
    bench, learn = placed.bench, placed.learn
    _name(learn.folder, shapes)
    click(learn.train)
    # The state is kept every 40 steps.
    qtbot.waitUntil(lambda: _step(placed) > 40, timeout=2 * MINUTE)
    click(placed.progress.cancel)
    qtbot.waitUntil(lambda: not bench.runner.running, timeout=MINUTE)
    assert bench.request.model == "base"
    assert not list(bench.folder.rglob("*.safetensors"))
    assert learn.train.text() == "Go on"
    click(learn.train)
    qtbot.waitUntil(lambda: learn.training, timeout=MINUTE)
    click(learn.stop)
    qtbot.waitUntil(lambda: bench.request.model != "base", timeout=2 * MINUTE)
    assert read_card(bench.request.model)["steps"] >= 40


def test_a_folder_without_shapes_is_a_sentence(placed, tmp_path, click, qtbot, notes):
    _name(placed.learn.folder, tmp_path / "none")
    click(placed.learn.train)
    qtbot.waitUntil(lambda: not placed.bench.runner.running, timeout=MINUTE)
    assert any("none" in note and "folder" in note for note in notes)


def test_another_voxel_size_leaves_the_way_back(placed, finish):
    bench = placed.bench
    before = bench.landmarks
    bench.edit(bench.editor.clear)
    placed.data.voxel_size.typed.emit("1.1, 1.1, 1.1 mm")
    finish()
    assert bench.opened_volume.voxel_size == (1.1, 1.1, 1.1)
    assert bench.editor.can_undo
    bench.edit(bench.editor.undo)
    np.testing.assert_allclose(bench.landmarks.points, before.points, atol=1e-3)


def test_an_image_that_cannot_be_used_is_told_from_none(anatomy, viewer, person):
    assert "Open a scan" in anatomy.next_step()[1]
    viewer.add_image(person[0], name="no size")
    assert anatomy.bench.volume is None
    assert "voxel size is not known" in anatomy.data.about.text()
    assert "Data</i> says what to do" in anatomy.hint.text()


def test_micrometres_are_turned_into_millimetres(anatomy, viewer, person):
    size = tuple(1000 * s for s in VOXEL_SIZE)
    _add_scan(viewer, person, scale=size, units=("um",) * 3, translate=(0, 0, 0))
    np.testing.assert_allclose(anatomy.bench.request.space.sizes_in(MM), VOXEL_SIZE)


def test_the_channel_is_that_of_the_file(anatomy, viewer, person):
    _add_scan(viewer, person, metadata={"source": "scan.tif", "channel": 2})
    assert anatomy.bench.channel == 2


def test_a_model_without_a_template_is_said_where_the_mesh_would_be(placed, finish):
    placed.bench.use(shipped_weights("vessels-base"))
    assert "names no landmarks" in placed.mesh.words.text()
    assert "There is no mesh" in placed.hint.text()
    assert placed.bench.landmarks.placed.all()
    placed.bench.use("base")
    finish()
    assert "Volume" in placed.mesh.words.text()


def test_closing_the_dock_takes_its_layers_along(placed, viewer):
    viewer.window.remove_dock_widget(placed)
    assert [layer.name for layer in viewer.layers] == ["scan"]


def test_landmarks_need_thick_slices_but_the_scan_stays_sharp(placed, person, viewer):
    scan = viewer.layers["scan"]
    late = viewer.add_image(person[0], name="late", scale=VOXEL_SIZE, units=("mm",) * 3)
    assert any(viewer.dims.thickness)
    viewer.dims.set_point(0, TRANSLATE[0] + 40)
    np.testing.assert_array_equal(scan._slice.image.view, person[0][40])
    assert late.projection_mode == "none"
    viewer.window.remove_dock_widget(placed)
    assert not any(viewer.dims.thickness)
    assert scan.projection_mode == late.projection_mode == "mean"


def test_thick_slices_show_of_what_others_made_what_lies_in_the_slice(scanned, viewer):
    own = viewer.add_points([[5, 5, 5], [6, 5, 5]], units=("mm",) * 3)
    lines = viewer.add_vectors(np.array([[[5, 5, 5], [0, 1, 1]], [[6, 5, 5], [0, 1, 1]]]), ndim=3)
    assert viewer.dims.thickness[0] > 2
    assert [each.projection_mode for each in (own, lines)] == ["none", "none"]
    viewer.window.remove_dock_widget(scanned)
    assert [each.projection_mode for each in (own, lines)] == ["all", "all"]


def test_a_thickness_that_a_person_chose_stays(viewer, person, anatomy):
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.dims.thickness = (7, 0, 0)
    _add_scan(viewer, person)
    viewer.window.remove_dock_widget(anatomy)
    assert tuple(viewer.dims.thickness) == (7, 0, 0)


def test_undo_places_the_same_landmark_anew(scanned, person, click, click_at):
    bench = scanned.bench
    click(scanned.landmarks.place)
    asked = []
    for _ in range(2):
        asked.append(bench.editor.name)
        click_at(_point(person, asked[-1]))
    third = bench.editor.name
    click(scanned.landmarks.undo)
    assert bench.editor.name == asked[1]
    click(scanned.landmarks.redo)
    assert bench.editor.name == third


def test_after_the_last_landmark_clicks_place_no_more(
    placed, person, viewer, click, click_at, finish
):
    bench, section = placed.bench, placed.landmarks
    bench.choose(bench.editor.template.names.index("mental protuberance"))
    click(section.clear)
    assert "not placed" in section.about.text()
    click(section.place)
    assert "a click places it" in section.about.text()
    click_at(_point(person, "mental protuberance"))
    assert bench.landmarks.placed.all() and not section.place.isChecked()
    finish()
    before = bench.landmarks
    click_at(np.add(_point(person, "mental protuberance"), (0, 15, 0)))
    assert bench.landmarks is before


def test_another_scan_begins_with_uncertainty(placed, viewer, person, finish, qtbot):
    colours = placed.mesh.colours
    qtbot.waitUntil(lambda: placed.landmarks.scan is not None, timeout=MINUTE)
    colours.setCurrentIndex(1)
    colours.activated.emit(1)
    finish()
    assert placed.bench.request.target is not None
    other = viewer.add_image(person[0][::-1], name="other", scale=VOXEL_SIZE, units=("mm",) * 3)
    placed.bench.open(other)
    assert placed.bench.request.target is None and colours.currentText() == "uncertainty"

"""The voxel size of an image in each dock: said, typed, kept; all that is shown agrees on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QPoint, Qt

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import run
from napari_midl.engine.project import size_file
from napari_midl.methods.axons.operations import Export
from napari_midl.methods.axons.ports import TracesIn, TracesOut
from napari_midl.reader import layers_of
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import Trace
from napari_midl.volumes.volume import Volume
from napari_midl.widgets.axons.modes import TRACE

DOCKS = ("Vessels", "Axons", "Anatomy", "Staining")
TYPED, SIZE = "2, 0.5, 0.5 um", (2.0, 0.5, 0.5)
WIDTH = 380
MINUTE = 60_000
REST = 400  # after which a dock has followed what was changed in napari


@pytest.fixture
def files(tmp_path, tubes):
    """Images without a voxel size: a stack, and the two channels of a mosaic of its shape."""
    for name, image in (
        ("stack", tubes[0]),
        ("one_fluorescence", tubes[0][0]),
        ("one_reflectance", tubes[0][1]),
    ):
        tifffile.imwrite(tmp_path / f"{name}.tif", image)
    return tmp_path


@pytest.fixture
def open_in(viewer, files, notes, qtbot):
    """A dock in a window that is shown, beside the images that it needs."""

    def make(dock, *names):
        viewer.window._qt_window.show()
        viewer.window._qt_window.resize(1200, 700)
        wanted = ("one_fluorescence", "one_reflectance") if dock == "Staining" else ("stack",)
        for name in names or wanted:
            viewer.open(files / f"{name}.tif", plugin="napari-midl")
        frame, made = viewer.window.add_plugin_dock_widget("napari-midl", dock)
        resize = viewer.window._qt_window.resizeDocks
        resize([frame], [WIDTH], Qt.Orientation.Horizontal)
        qtbot.wait(100)
        viewer.reset_view()
        return made

    return make


@pytest.fixture
def type_size(qtbot):
    """Type a text into the line of a dock, and press Enter."""

    def press(dock, text):
        line = section(dock).voxel_size
        qtbot.mouseClick(line, Qt.MouseButton.LeftButton)
        qtbot.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        qtbot.keyClick(line, Qt.Key.Key_Backspace)
        qtbot.keyClicks(line, text)
        qtbot.keyClick(line, Qt.Key.Key_Return)

    return press


@pytest.fixture
def click_at(viewer, qtbot):
    """Click on a place in the data of a layer, in the canvas of a 2D view."""

    def press(layer, place):
        viewer.dims.set_point(0, layer.data_to_world(place)[0] * in_viewer(viewer, layer))
        qtbot.wait(100)
        world = np.asarray(layer.data_to_world(place))[-2:] * in_viewer(viewer, layer)
        camera, canvas = viewer.scene.camera, viewer.window._qt_viewer.canvas.native
        middle = np.asarray(viewer.canvas.size) / 2
        y, x = (world - np.asarray(camera.center)[-2:]) * camera.zoom + middle
        pixel = QPoint(round(float(x)), round(float(y)))
        assert canvas.rect().contains(pixel)
        qtbot.mouseMove(canvas, pixel)
        qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=pixel)
        qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=pixel)
        qtbot.wait(20)

    return press


def in_viewer(viewer, layer):
    """How many of the viewer's units are one of the layer's."""
    units = viewer.layers.units
    return 1.0 if units is None else float((1 * layer.units[-1]).to(units[-1]).magnitude)


def section(dock):
    return dock.channels if hasattr(dock, "channels") else dock.data


def shown(layer):
    return tuple(np.round(layer.scale, 9)), {str(unit) for unit in layer.units}


def has_size(dock, size):
    return dock.bench.volume.voxel_size == size


def size_of(layer):
    return SIZE[-layer.ndim :]


@pytest.mark.parametrize("name", DOCKS)
def test_an_unknown_size_is_said_typed_kept_and_given_back(
    name, open_in, type_size, viewer, files, qtbot
):
    dock = open_in(name)
    about, line = section(dock).about, section(dock).voxel_size
    assert "not known" in about.text() and "the image does not say it" in about.text()
    assert line.text() == "" and line.placeholderText() == "2, 0.5, 0.5 um"
    assert line.isVisible() and line.isEnabled()
    assert (dock.bench.volume is None) == (name == "Anatomy")

    type_size(dock, TYPED)
    for layer in viewer.layers:
        if not layer.name.startswith("anatomy"):
            assert shown(layer) == (size_of(layer), {"micrometer"})
    expected = (0.5, 0.5, 0.5) if name == "Staining" else SIZE
    volume = dock.bench.volume
    assert (volume.voxel_size[1:], volume.unit) == (expected[1:], "micrometer")
    assert "not known" not in about.text() and "0.5" in about.text() and "µm" in about.text()
    kept = size_file(dock.bench.folder)
    assert kept.is_file() and kept.parent.parent == files

    type_size(dock, "")
    assert {shown(layer)[1].pop() for layer in viewer.layers} == {"pixel"}
    assert "not known" in about.text() and not kept.exists()
    qtbot.wait(REST)
    assert "not known" in about.text()


@pytest.mark.parametrize("name", DOCKS)
def test_what_was_typed_is_found_when_the_image_is_opened_again(
    name, open_in, type_size, viewer, qtbot
):
    dock = open_in(name)
    type_size(dock, TYPED)
    viewer.layers.clear()
    assert dock.bench.volume is None and section(dock).voxel_size.text() == ""
    names = ("one_fluorescence", "one_reflectance") if name == "Staining" else ("stack",)
    again = open_in(name, *names)
    for layer in viewer.layers:
        if not layer.name.startswith("anatomy"):
            assert shown(layer) == (size_of(layer), {"micrometer"})
    assert again.bench.volume.unit == "micrometer"


@pytest.mark.parametrize("name", DOCKS)
def test_a_wrong_size_is_said_in_place_and_changes_nothing(name, open_in, type_size, viewer, files):
    dock = open_in(name)
    line, before = section(dock).voxel_size, [shown(layer) for layer in viewer.layers]
    about = section(dock).about.text()
    for text in ("2, 0.5, 0.5", "2 x bananas", "-1 um", "0 um"):
        type_size(dock, text)
        assert line.fault.isVisible() and repr(text) in line.fault.text()
        assert line.text() == text, "so that it can be corrected"
        assert [shown(layer) for layer in viewer.layers] == before
        assert section(dock).about.text() == about
        assert not list(files.rglob("voxel-size.json"))
    type_size(dock, "0.5 um")
    assert not line.fault.isVisible() and line.text() == "0.5 µm"


@pytest.mark.parametrize("name", DOCKS)
def test_nothing_is_cut_off(name, open_in, type_size, qtbot):
    dock = open_in(name)
    for text in ("", "2 x bananas", TYPED):
        if text:
            type_size(dock, text)
        qtbot.wait(300)
        for widget in (section(dock).voxel_size, section(dock).voxel_size.fault):
            if widget.isVisible():
                assert widget.width() >= widget.minimumSizeHint().width()
                at = widget.mapTo(dock, QPoint(0, 0))
                assert at.x() >= 0 and at.x() + widget.width() <= dock.width()
                needed = max(
                    widget.minimumSizeHint().height(), widget.heightForWidth(widget.width())
                )
                assert widget.height() >= needed
        about = section(dock).about
        assert about.height() >= about.heightForWidth(about.width())


def test_a_known_size_is_shown_and_can_be_corrected(viewer, files, tubes, open_in, type_size):
    place = {
        "imagej": True,
        "resolution": (2, 2),
        "metadata": {"unit": "um", "spacing": 3.0, "axes": "ZYX"},
    }
    tifffile.imwrite(files / "known.tif", tubes[0], **place)
    dock = open_in("Vessels", "known")
    line, about = dock.data.voxel_size, dock.data.about
    assert line.text() == "3, 0.5, 0.5 µm" and "not known" not in about.text()
    assert "The image itself" not in about.text()
    type_size(dock, "2, 0.5, 0.5 µm")
    assert shown(viewer.layers[0]) == (SIZE, {"micrometer"})
    assert "The image itself says 3 x 0.5 x 0.5 µm" in about.text()
    type_size(dock, "")
    assert line.text() == "3, 0.5, 0.5 µm" and shown(viewer.layers[0])[0] == (3.0, 0.5, 0.5)


def test_of_two_images_only_the_one_that_is_open_is_sized(open_in, type_size, viewer, files, tubes):
    tifffile.imwrite(files / "other.tif", tubes[0])
    dock = open_in("Vessels", "stack", "other")
    dock.data.image.setCurrentIndex(0)
    type_size(dock, TYPED)
    one, other = viewer.layers
    assert shown(one) == (SIZE, {"micrometer"}) and shown(other) == ((1.0, 1.0, 1.0), {"pixel"})
    dock.data.image.setCurrentIndex(1)
    assert dock.data.voxel_size.text() == "" and dock.bench.volume.unit is None
    type_size(dock, "1 mm")
    dock.data.image.setCurrentIndex(0)
    assert dock.data.voxel_size.text() == "2, 0.5, 0.5 µm"
    assert shown(one) == (SIZE, {"micrometer"}) and shown(other)[1] == {"millimeter"}


def test_the_channels_of_a_file_have_one_size(open_in, type_size, viewer, files, tubes):
    both = np.stack([tubes[0], tubes[0] // 2], axis=1)
    tifffile.imwrite(files / "both.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    dock = open_in("Axons", "both")
    assert len(viewer.layers) == 2
    type_size(dock, TYPED)
    assert [shown(layer) for layer in viewer.layers] == [(SIZE, {"micrometer"})] * 2


def test_a_size_edited_in_napari_is_followed_and_can_be_undone(
    open_in, type_size, viewer, qtbot, files
):
    dock = open_in("Axons")
    layer, line = viewer.layers[0], dock.data.voxel_size
    layer.units = ("um",) * 3
    layer.scale = (3, 1, 1)
    qtbot.waitUntil(lambda: line.text() == "3, 1, 1 µm", timeout=5000)
    assert dock.bench.volume.voxel_size == (3, 1, 1)
    type_size(dock, TYPED)
    layer.scale = (5, 0.5, 0.5)
    qtbot.waitUntil(lambda: line.text() == "5, 0.5, 0.5 µm", timeout=5000)
    # What was typed is not forced upon who changes it in napari.
    qtbot.wait(REST)
    assert shown(layer)[0] == (5.0, 0.5, 0.5)
    type_size(dock, "")
    assert shown(layer) == ((1.0, 1.0, 1.0), {"pixel"})


def test_the_scale_of_a_mosaic_edited_in_napari_is_followed(open_in, viewer, qtbot):
    dock = open_in("Staining")
    for layer in viewer.layers:
        layer.scale, layer.units = (0.5, 0.5), ("um", "um")
    qtbot.waitUntil(lambda: dock.channels.voxel_size.text() == "0.5 µm", timeout=5000)
    assert dock.bench.volume.unit == "micrometer"


def test_an_image_of_another_reader_gets_back_what_it_had(open_in, type_size, viewer, tubes):
    viewer.add_image(tubes[0], name="mine", scale=(3, 1, 1), units=("nm",) * 3, translate=(9, 5, 5))
    dock = open_in("Vessels", "stack")
    dock.data.image.setCurrentText("mine")
    layer = viewer.layers["mine"]
    assert dock.data.voxel_size.text() == "3, 1, 1 nm"
    type_size(dock, TYPED)
    assert shown(layer) == (SIZE, {"micrometer"})
    np.testing.assert_allclose(layer.translate, (0.009, 0.005, 0.005))
    type_size(dock, "")
    assert shown(layer) == ((3.0, 1.0, 1.0), {"nanometer"})
    np.testing.assert_allclose(layer.translate, (9, 5, 5))


def test_a_second_dock_follows_the_first(open_in, type_size, viewer, qtbot, click, stroke, notes):
    vessels = open_in("Vessels")
    click(vessels.annotate.classes[2])
    stroke(viewer.layers.selection.active, (2, 10, 10), (2, 10, 30))
    axons = viewer.window.add_plugin_dock_widget("napari-midl", "Axons")[1]
    type_size(vessels, TYPED)
    qtbot.waitUntil(lambda: axons.data.voxel_size.text() == "2, 0.5, 0.5 µm", timeout=5000)
    assert axons.bench.volume.unit == "micrometer"
    type_size(axons, "1 um")
    qtbot.waitUntil(lambda: vessels.data.voxel_size.text() == "1 µm", timeout=5000)
    qtbot.wait(2 * REST)
    assert shown(viewer.layers[0]) == ((1.0, 1.0, 1.0), {"micrometer"})
    # What lies over the image followed it at once, so that napari found no two units.
    assert not [note for note in notes if "units" in note]


def test_the_view_stays_and_what_is_painted_stays_on_its_voxels(
    open_in, type_size, viewer, click, stroke
):
    dock = open_in("Vessels")
    viewer.dims.set_point(0, 7)
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 20, 30), 8
    click(dock.annotate.classes[2])
    patch = viewer.layers.selection.active
    stroke(patch, (2, 10, 10), (2, 10, 30))
    corner = dock.bench.patches.patches[0].origin
    within = np.argwhere(patch.data).min(0)
    type_size(dock, "2, 0.5, 0.5 mm")
    patch, image = viewer.layers["patch 1"], viewer.layers[0]
    np.testing.assert_allclose(image.world_to_data(patch.data_to_world(within)), corner)
    assert shown(patch)[1] == {"millimeter"}
    np.testing.assert_allclose(image.world_to_data(viewer.dims.point)[0], 7)
    np.testing.assert_allclose(viewer.scene.camera.center[-2:], (10, 15))
    assert viewer.scene.camera.zoom == pytest.approx(16)


def placed(dock):
    """The only landmark that is placed."""
    points = dock.bench.landmarks.points
    (point,) = points[~np.isnan(points).any(1)]
    return point


def test_a_click_in_the_anatomy_dock_is_in_the_typed_size(
    open_in, type_size, viewer, click, click_at, qtbot
):
    dock = open_in("Anatomy")
    type_size(dock, "2, 0.5, 0.5 mm")
    viewer.reset_view()
    click(dock.landmarks.place)
    click_at(viewer.layers["stack"], (6, 30, 40))
    np.testing.assert_allclose(placed(dock), (20, 15, 12), atol=0.3)


def test_a_click_in_the_anatomy_dock_is_right_beside_an_image_in_smaller_units(
    open_in, viewer, tubes, click, click_at
):
    dock = open_in("Anatomy", "stack")
    viewer.layers.clear()
    scan = add(viewer, tubes[0], "scan", (2, 0.5, 0.5), "mm", (10, 20, 30))
    add(viewer, tubes[0], "other", (2000, 500, 500), "um", (1e4, 2e4, 3e4)).visible = False
    dock.data.image.setCurrentText("scan")
    viewer.reset_view()
    click(dock.landmarks.place)
    click_at(scan, (6, 30, 40))
    np.testing.assert_allclose(placed(dock), (30, 35, 42), atol=0.3)


def test_a_short_length_can_be_typed_in_a_large_unit(open_in, type_size, qtbot):
    dock = open_in("Vessels")
    type_size(dock, "0.002, 0.0005, 0.0005 mm")
    shortest = dock.measure.shortest
    shortest.lineEdit().selectAll()
    qtbot.keyClicks(shortest.lineEdit(), "0.0035")
    qtbot.keyClick(shortest.lineEdit(), Qt.Key.Key_Return)
    assert shortest.value() == 0.0035 and shortest.suffix() == " mm"


def test_stains_and_the_curtain_follow_their_mosaic(open_in, type_size, viewer, click, qtbot):
    dock = open_in("Staining")
    dock.stain.method.setCurrentIndex(dock.stain.method.findData("linear"))
    for _ in range(2):
        click(dock.stain.go)
        qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=2 * MINUTE)
    click(dock.compare.swipe)
    assert len(viewer.layers) >= 5
    type_size(dock, "0.5, 0.25 um")
    assert {shown(layer)[0] for layer in viewer.layers} == {(0.5, 0.25)}
    assert {shown(layer)[1].pop() for layer in viewer.layers} == {"micrometer"}


def test_a_run_of_a_dock_records_the_size_so_that_it_replays(
    open_in, type_size, viewer, files, tmp_path, qtbot
):
    dock = open_in("Axons")
    assert dock.bench.image_in.voxel_size == ""
    type_size(dock, TYPED)
    for edited in (SIZE, (4, 0.25, 0.25)):
        viewer.layers[0].scale = edited
        qtbot.waitUntil(partial(has_size, dock, edited), timeout=5000)
        kept = dock.bench.image_in
        alone = ImageIn(kept.path, kept.channel, kept.time, voxel_size=kept.voxel_size).open()
        assert alone.space == dock.bench.volume.space
    line = Trace("a", np.array([[1.0, 5, 5], [1, 5, 25]]), np.zeros(2))
    traces = TracesIn.of([line], ".csv")
    out = TracesOut(tmp_path / "line.swc")
    outcome = run(Export(traces=traces, image=dock.bench.image_in, out=out).perform())
    assert outcome.run.results["unit"] == "micrometer"
    assert outcome.run.results["length"] == pytest.approx(5.0)


def test_while_a_job_runs_the_size_cannot_be_changed(open_in, type_size, click, qtbot):
    dock = open_in("Vessels")
    click(dock.predict.go)
    assert not dock.data.voxel_size.isEnabled()
    dock.bench.runner.cancel()
    qtbot.waitUntil(lambda: dock.data.voxel_size.isEnabled(), timeout=MINUTE)


def test_what_is_half_typed_is_left_alone(open_in, viewer, qtbot):
    dock = open_in("Axons")
    line = dock.data.voxel_size
    qtbot.keyClicks(line, "2, 0.")
    viewer.layers[0].scale = (3, 1, 1)
    qtbot.wait(REST)
    assert line.text() == "2, 0."


def test_a_damaged_file_of_the_project_is_set_aside(open_in, files, notes, type_size):
    folder = files / "stack.tif.midl"
    folder.mkdir()
    (folder / "voxel-size.json").write_text("{")
    dock = open_in("Vessels")
    assert dock.bench.volume.unit is None
    assert any("holds no voxel size" in note for note in notes)
    assert not (folder / "voxel-size.json").exists()
    assert (folder / "voxel-size-unreadable-1.json").read_text() == "{"


def add(viewer, array, name, scale, unit, origin, turned=False):
    """An image as our reader opens it from a file that says its place."""
    direction = [[0, -1, 0], [1, 0, 0], [0, 0, 1]] if turned else np.eye(3)
    volume = Volume.from_array(
        array, scale=scale, units=unit, name=name, origin=origin, direction=direction
    )
    ((data, options, _),) = layers_of(volume)
    return viewer.add_image(data, **options)


def test_two_images_lie_to_each_other_as_in_the_world(viewer, tubes):
    whole = add(viewer, tubes[0], "whole", (2, 0.5, 0.5), "um", (100, 200, 300))
    part = add(viewer, tubes[0][4:, 10:, 20:], "part", (2, 0.5, 0.5), "um", (110, 205, 308))
    np.testing.assert_allclose(whole.translate, (300, 200, 100))
    np.testing.assert_allclose(whole.world_to_data(part.data_to_world((0, 0, 0))), (4, 10, 20))


def test_clicks_traces_and_patches_agree_on_an_image_with_an_origin(
    viewer, tubes, notes, click, click_at, qtbot, open_in
):
    axons = open_in("Axons", "stack")
    viewer.layers.clear()
    image = add(viewer, tubes[0], "placed", (2, 0.5, 0.5), "um", (100, 200, -300))
    # In other units, so that the viewer counts in nanometres.
    add(viewer, tubes[0], "other", (900, 400, 400), "nm", (100e3, 200e3, -300e3)).visible = False
    axons.data.image.setCurrentText("placed")
    viewer.reset_view()
    assert axons.bench.volume.space.origin == (100, 200, -300)
    click(axons.trace.modes[TRACE])
    clicked = []
    axons.trace.tracer.request = clicked.extend
    click_at(image, (6, 20, 30))
    np.testing.assert_allclose(clicked[0].seed.position, (6, 20, 30), atol=0.6)
    axons.bench.decide(
        lambda: axons.bench.traces.add(
            [Trace("a", np.array([[6.0, 20, 5], [6, 20, 60]]), np.zeros(2))]
        )
    )
    lines = viewer.layers["placed: traces"]
    np.testing.assert_allclose(lines.data_to_world((6, 20, 5)), image.data_to_world((6, 20, 5)))

    vessels = viewer.window.add_plugin_dock_widget("napari-midl", "Vessels")[1]
    vessels.data.image.setCurrentText("placed")
    viewer.dims.set_point(0, image.data_to_world((5, 0, 0))[0] * 1000)
    viewer.scene.camera.center = (0, *(1000 * np.array(image.data_to_world((5, 30, 40)))[-2:]))
    click(vessels.annotate.classes[2])
    patch = viewer.layers.selection.active
    within = patch.world_to_data(image.data_to_world((5, 30, 40)))
    np.testing.assert_allclose(within, (5, 30, 40), atol=1e-6)
    patch.paint(np.round(within), 2)
    part = vessels.bench.patches.patches[0]
    middle = np.array(part.origin) + np.array(part.labels.shape) // 2
    np.testing.assert_allclose(middle, (5, 30, 40))


def test_a_turned_image_is_shown_along_its_own_axes_and_says_so(viewer, tubes, notes, open_dock):
    layer = add(viewer, tubes[0], "turned", (2, 0.5, 0.5), "um", (100, 200, 300), turned=True)
    assert tuple(layer.translate) == (0, 0, 0)
    dock = open_dock(viewer)
    assert "turned against the world" in dock.data.about.text()
    assert dock.bench.volume.space.origin == (100, 200, 300)
    assert dock.bench.volume.space.direction[0] == (0, -1, 0)


def test_a_layer_that_was_moved_has_its_place_where_it_is(viewer, tubes, open_dock, notes, qtbot):
    layer = add(viewer, tubes[0], "moved", (2, 0.5, 0.5), "um", (100, 200, 300))
    dock = open_dock(viewer)
    layer.translate = (310, 200, 100)
    qtbot.waitUntil(lambda: dock.bench.volume.space.origin == (100, 200, 310), timeout=5000)
    other = viewer.add_image(tubes[0], name="plain", scale=(2, 1, 1), units=("um",) * 3)
    dock.data.image.setCurrentText("plain")
    assert dock.bench.volume.space.origin is None
    other.translate = (7, 6, 5)
    qtbot.waitUntil(lambda: dock.bench.volume.space.origin == (5, 6, 7), timeout=5000)


def test_what_was_taken_for_granted_is_shown(viewer, tubes, open_dock, notes):
    volume = Volume.from_array(tubes[0], scale=(2, 1, 1), units="um", name="noted")
    volume = replace(volume, notes=("It has two images; the first is opened.",))
    ((data, options, _),) = layers_of(volume)
    viewer.add_image(data, **options)
    assert "the first is opened" in open_dock(viewer).data.about.text()


def test_a_plane_keeps_its_pixel_size(viewer, files, tubes, notes, open_in):
    place = {"imagej": True, "resolution": (4, 2), "metadata": {"unit": "um"}}
    tifffile.imwrite(files / "plane.tif", tubes[0][0], **place)
    dock = open_in("Axons", "plane")
    assert shown(viewer.layers[0]) == ((0.5, 0.25), {"micrometer"})
    assert dock.data.voxel_size.text() == "0.5, 0.25 µm"
    assert open_volume(files / "plane.tif").voxel_size == (0.25, 0.5, 0.25)

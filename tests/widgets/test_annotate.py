from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr

from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.widgets.images import volume_of
from napari_midl.widgets.tool.paint_section import IN_3D

BACKGROUND, VESSEL = CLASSES.value("background"), CLASSES.value("vessel")


def test_what_is_painted_is_saved_and_restored_in_a_new_viewer(
    dock, viewer, make_napari_viewer, tubes, click, stroke, qtbot, open_dock
):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20), (z, 20, 30))
    click(dock.annotate.classes[BACKGROUND])
    stroke(layer, (z, 40, 20), (z, 40, 30))
    painted = layer.data.copy()
    assert {VESSEL, BACKGROUND} <= set(np.unique(painted))
    file = dock.bench.folder / "patches" / "patch 1.tif"
    qtbot.waitUntil(file.exists)
    qtbot.waitUntil(lambda: "Saved" in dock.annotate.status.text())

    again = make_napari_viewer()
    again.add_image(tubes[0], name="tubes", scale=(2, 1, 1), units=("um",) * 3)
    restored = open_dock(again)
    np.testing.assert_array_equal(again.layers["patch 1"].data, painted)
    np.testing.assert_allclose(again.layers["patch 1"].translate, layer.translate)
    assert restored.bench.patches.names == ["patch 1"]


def test_closing_and_reopening_the_dock_shows_each_patch_once(
    dock, viewer, tubes, click, stroke, open_dock
):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20), (z, 20, 30))
    viewer.window.remove_dock_widget(dock)
    assert [layer.name for layer in viewer.layers] == ["tubes"]
    viewer.add_image(tubes[0], name="other")
    viewer.layers.remove("other")
    open_dock(viewer)
    assert [layer.name for layer in viewer.layers] == ["tubes", "patch 1"]
    np.testing.assert_array_equal(viewer.layers["patch 1"].data, layer.data)


def test_a_patch_without_paint_is_called_empty_until_the_first_stroke(dock, viewer, click, stroke):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers.selection.active
    assert layer.name == "patch 1 (ready to paint)" and dock.bench.patches.names == []
    stroke(layer, (4, 20, 20))
    assert layer.name == "patch 1" and dock.bench.patches.names == ["patch 1"]


def test_turning_to_3d_puts_the_brush_down_so_that_a_drag_turns_the_view(
    dock, viewer, notes, click
):
    click(dock.annotate.classes[VESSEL])
    viewer.dims.ndisplay = 3
    assert dock.annotate.hand.isChecked() and not dock.annotate.classes[VESSEL].isChecked()
    assert str(viewer.layers.selection.active.mode) == "pan_zoom"
    click(dock.annotate.classes[VESSEL])
    assert str(viewer.layers.selection.active.mode) == "paint"
    # Else a drag there that paints nothing would not turn the view either, without a word.
    assert notes == [IN_3D]


def test_undo_is_saved_too(dock, viewer, click, stroke, qtbot):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20), (z, 20, 30))
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    click(dock.annotate.undo)
    assert not layer.data.any()
    assert dock.bench.patches.unsaved
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    click(dock.annotate.redo)
    assert layer.data.any() and not dock.annotate.redo.isEnabled()


def test_closing_the_viewer_saves_at_once(dock, viewer, click, stroke):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    file = dock.bench.folder / "patches" / "patch 1.tif"
    stroke(layer, (z, 20, 20), (z, 20, 30))
    assert not file.exists()
    viewer.close()
    assert file.exists()


def test_a_folder_that_cannot_be_written_is_said_and_the_paint_stays(
    dock, viewer, click, stroke, qtbot, notes, tmp_path
):
    (tmp_path / "file").touch()
    dock.data.folder.line.setText(str(tmp_path / "file" / "project"))
    dock.data.folder.line.editingFinished.emit()
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20))
    qtbot.waitUntil(lambda: any("cannot be written" in note for note in notes))
    assert layer.data.any()
    assert "Not saved" in dock.annotate.status.text()


@pytest.fixture
def unsaved(dock, viewer, click, stroke, qtbot, tmp_path):
    """A stroke that could not be saved; gives its layer."""
    (tmp_path / "file").touch()
    choose(dock, tmp_path / "file" / "project")
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20), (z, 20, 30))
    qtbot.waitUntil(lambda: "Not saved" in dock.annotate.status.text())
    return layer


def choose(dock, folder):
    dock.data.folder.line.setText(str(folder))
    dock.data.folder.line.editingFinished.emit()


def test_paint_that_could_not_be_saved_moves_to_another_folder(dock, viewer, unsaved, tmp_path):
    paint = unsaved.data.copy()
    choose(dock, tmp_path / "writable")
    assert (tmp_path / "writable" / "patches" / "patch 1.tif").exists()
    np.testing.assert_array_equal(viewer.layers["patch 1"].data, paint)


def test_paint_that_moves_replaces_nothing(dock, viewer, unsaved, tmp_path):
    paint, store = (
        unsaved.data.copy(),
        AnnotationStore(tmp_path / "b" / "patches", dock.bench.volume),
    )
    before = np.full((2, 4, 4), VESSEL, np.uint8)
    store.save(Patch((0, 0, 0), before, "patch 1"))
    choose(dock, tmp_path / "b")
    assert viewer.layers["patch 1"].data[:2, :4, :4].all()
    assert viewer.layers["patch 1"].data.sum() == before.sum()
    assert viewer.layers["patch 2"].data.sum() == paint.sum()


def test_unsaved_paint_is_not_left_for_another_folder_or_image(
    dock, viewer, unsaved, tubes, notes, tmp_path
):
    choose(dock, tmp_path / "file" / "other")
    assert "cannot be written" in notes[-1]
    assert unsaved in viewer.layers and unsaved.data.any()
    viewer.add_image(tubes[0], name="other")
    dock.data.image.setCurrentIndex(1)
    assert unsaved in viewer.layers
    assert dock.bench.image.name == dock.data.image.currentText() == "tubes"
    viewer.layers.remove("tubes")
    assert unsaved in viewer.layers
    choose(dock, tmp_path / "writable")
    assert (tmp_path / "writable" / "patches" / "patch 1.tif").exists()


def test_a_class_that_does_not_exist_is_painted_as_vessel(dock, viewer, click, stroke, qtbot):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    layer.selected_label = 3
    assert layer.selected_label == VESSEL
    stroke(layer, (4, 20, 20))
    layer.data = np.where(layer.data, 7, 0).astype(np.uint8)
    assert set(np.unique(layer.data)) == {0, VESSEL}
    qtbot.waitUntil(lambda: not dock.annotate.status.text().startswith("0 voxels of vessel"))


def test_a_patch_deleted_in_the_layer_list_is_not_trained_on(dock, viewer, click, stroke):
    click(dock.annotate.classes[VESSEL])
    stroke(viewer.layers["patch 1 (ready to paint)"], (4, 20, 20))
    viewer.layers.remove("patch 1")
    assert dock.bench.patches.names == []
    assert dock.bench.patches.patches == []
    assert not dock.learn.train.isEnabled()


def test_a_patch_that_is_renamed_keeps_its_paint_under_the_new_name(
    dock, viewer, click, stroke, qtbot, notes
):
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    stroke(layer, (4, 20, 20), (4, 20, 30))
    dock.bench.patches.flush()
    layer.name = "thin_ones"
    folder = dock.bench.folder / "patches"
    assert [path.name for path in folder.iterdir()] == ["thin_ones.tif"]
    assert dock.annotate.list.item(0).text() == "thin_ones"
    stroke(layer, (4, 40, 20), (4, 40, 30))
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    assert [path.name for path in folder.iterdir()] == ["thin_ones.tif"]
    # A name that makes the same file would replace it.
    store = AnnotationStore(folder, dock.bench.volume, CLASSES)
    store.save(Patch((0, 0, 0), np.full((2, 4, 4), VESSEL, np.uint8), "patch 1"))
    dock.bench.open(viewer.layers["tubes"])
    viewer.layers["patch 1"].name = "thin/ones"
    assert dock.bench.patches.names == ["patch 1", "thin_ones"]
    assert "give patch 1 another name" in notes[-1]


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_the_volume_is_the_layers_data_and_nothing_is_read(viewer, tubes, tmp_path, kind):
    image = tubes[0]
    data = {
        "numpy": lambda: image,
        "dask": lambda: da.from_array(image),
        "zarr": lambda: zarr.create_array(tmp_path / "z.zarr", data=image, chunks=(4, 32, 32)),
    }[kind]()
    layer = viewer.add_image(data, scale=(2, 1, 1), units=("um",) * 3, translate=(4, 0, 0))
    volume = volume_of(layer)
    assert volume.axes == ("Z", "Y", "X")
    assert volume.voxel_size == (2, 1, 1)
    assert volume.unit == "micrometer"
    np.testing.assert_array_equal(np.asarray(volume.data), image)


def test_a_channel_is_chosen(viewer, tubes, notes, open_dock):
    image = np.stack([tubes[0] * 0, tubes[0]])
    viewer.add_image(image, name="two", scale=(1, 2, 1, 1))
    dock = open_dock(viewer)
    assert not dock.data.channel.isHidden() and dock.data.time.isHidden()
    dock.data.channel.setValue(1)
    np.testing.assert_array_equal(np.asarray(dock.bench.volume.data), tubes[0])


@pytest.mark.parametrize(
    ("data", "said"),
    [(np.zeros((8, 32, 32, 3), np.uint8), "RGB"), (np.zeros((64, 64), np.uint8), "one slice")],
)
def test_an_image_that_cannot_be_used_is_explained(viewer, notes, open_dock, data, said):
    viewer.add_image(data, name="bad", rgb=data.shape[-1] == 3)
    dock = open_dock(viewer)
    assert said in dock.data.about.text()
    assert not dock.annotate.classes[VESSEL].isEnabled()
    assert not dock.predict.go.isEnabled()


def test_another_file_does_not_change_the_choice_of_an_image_that_cannot_be_used(
    viewer, tubes, notes, open_dock
):
    viewer.add_image(tubes[0], name="tubes")
    viewer.add_image(tubes[0][0], name="flat")
    dock = open_dock(viewer)
    dock.data.image.setCurrentIndex(1)
    viewer.add_image(tubes[0], name="other")
    assert dock.data.image.currentText() == "flat"
    assert "one slice" in dock.data.about.text()


def test_an_image_that_is_renamed_is_listed_by_its_new_name(dock, viewer):
    viewer.layers["tubes"].name = "vessels"
    assert dock.data.image.currentText() == "vessels"


def test_a_voxel_size_that_is_set_later_is_followed(
    viewer, tubes, notes, open_dock, click, stroke, qtbot
):
    image = viewer.add_image(tubes[0], name="tubes")
    dock = open_dock(viewer)
    assert "lengths are in voxels" in dock.data.about.text()
    click(dock.annotate.classes[VESSEL])
    stroke(viewer.layers["patch 1 (ready to paint)"], (4, 20, 20))
    image.scale, image.units = (3, 1, 1), ("um",) * 3
    qtbot.waitUntil(lambda: dock.bench.volume.voxel_size == (3, 1, 1))
    assert "3 x 1 x 1 µm" in dock.data.about.text() and "lengths" not in dock.data.about.text()
    np.testing.assert_allclose(viewer.layers["patch 1"].scale, (3, 1, 1))


def test_the_hint_leads_on(viewer, tubes, click, stroke, notes, open_dock, qtbot):
    dock = open_dock(viewer)

    def wait_for(words):
        qtbot.waitUntil(lambda: words in dock.hint.text())

    wait_for("Open Sample")
    viewer.add_image(tubes[0], name="tubes")
    wait_for("key 2")
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers["patch 1 (ready to paint)"]
    z = int(layer.world_to_data(viewer.dims.point)[0])
    stroke(layer, (z, 20, 20))
    wait_for("key 1")
    click(dock.annotate.classes[BACKGROUND])
    stroke(layer, (z, 40, 40))
    wait_for("Fine-tune")


def test_files_with_dots_in_their_names_have_folders_of_their_own(
    viewer, tubes, notes, open_dock, click, stroke, tmp_path
):
    for name in ("scan.1.tif", "scan.2.tif"):
        tifffile.imwrite(tmp_path / name, tubes[0], photometric="minisblack")
        viewer.open(tmp_path / name, plugin="napari")
    dock = open_dock(viewer)
    click(dock.annotate.classes[VESSEL])
    stroke(viewer.layers["patch 1 (ready to paint)"], (4, 20, 20))
    dock.data.image.setCurrentIndex(0)
    assert dock.bench.patches.names == []
    dock.data.image.setCurrentIndex(1)
    assert dock.bench.patches.names == ["patch 1"]


def test_channels_have_patches_of_their_own(viewer, tubes, notes, open_dock, click, stroke):
    viewer.add_image(np.stack([tubes[0], tubes[0]]), name="two", scale=(1, 2, 1, 1))
    dock = open_dock(viewer)
    click(dock.annotate.classes[VESSEL])
    stroke(viewer.layers["patch 1 (ready to paint)"], (4, 20, 20))
    dock.data.channel.setValue(1)
    assert dock.bench.patches.names == []
    dock.data.channel.setValue(0)
    assert dock.bench.patches.names == ["patch 1"]

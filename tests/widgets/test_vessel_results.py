"""What comes after a prediction: what it says of itself, corrections, numbers and files."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import QPoint, Qt
from tests.widgets.conftest import Event

from napari_midl.engine.models import hash_file, shipped_weights
from napari_midl.engine.project import patches_folder
from napari_midl.methods.vessels.classes import CLASSES, CORRECTIONS
from napari_midl.methods.vessels.provenance import facts
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.widgets.vessels.export import BRANCHES, LINES, NIFTI, SUMMARY, TIFF

MINUTE = 60_000
NOT_VESSEL, VESSEL = (CORRECTIONS.value(name) for name in ("not vessel", "vessel"))


def make_prediction(folder, truth, name="prediction-7", tiles=None, **more):
    """A prediction of the base that is the truth; `tiles` of two are there, or all."""
    folder.mkdir(parents=True, exist_ok=True)
    about = facts("base", hash_file(shipped_weights("vessels-pixels")), 0.5) | {
        "begun": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "tiles": {"count": 2, "size": [12, 32, 72]},
        **more,
    }
    out = OmeZarrImage.create(
        folder / f"{name}.ome.zarr",
        shape=(1, *truth.shape),
        dtype="float32",
        axes="CZYX",
        space=Space.of((2, 1, 1), "micrometer"),
        chunks=(1, 12, 32, 72),
        channels=("vessel probability",),
        about=about,
    )
    out.write((slice(None),) * 4, truth[None].astype(np.float32) * 0.8)
    if tiles is not None:
        journal = '{"settings": {}}\n' + "".join(f"{index}\n" for index in range(tiles))
        out.path.with_name(f"{out.path.name}.progress").write_text(journal)
    return out.path


def show(dock, path, click):
    dock.predict.out.line.setText(str(path))
    dock.predict.out.line.editingFinished.emit()
    click(dock.predict.show_button)


def analyse(dock, click, qtbot):
    before = dock.measure.measured
    click(dock.measure.analyse)
    qtbot.waitUntil(lambda: dock.measure.measured is not before and dock.bench.idle, timeout=MINUTE)


@pytest.fixture
def shown(dock, tubes, click):
    """A dock with a whole prediction of its image."""
    dock.path = make_prediction(dock.bench.folder / "results", tubes[1])
    show(dock, dock.path, click)
    return dock


@pytest.fixture
def save(monkeypatch, tmp_path, qtbot):
    """Choose from the menu of *Export…*, and name the file."""

    def export(dock, kind, name):
        path = tmp_path / name
        monkeypatch.setattr(
            "qtpy.QtWidgets.QFileDialog.getSaveFileName", lambda *_: (str(path), kind.filter)
        )
        dock.measure.export.kinds[kind].trigger()
        qtbot.waitUntil(lambda: dock.bench.idle and path.exists(), timeout=MINUTE)
        return path

    return export


def test_a_hidden_layer_comes_after_what_is_seen_and_lies_below_it(dock, tubes, click, qtbot):
    path = make_prediction(dock.bench.folder / "results", tubes[1], tiles=1)
    show(dock, path, click)
    layers = dock.bench.viewer.layers
    seen = dock.bench.shown.labels.name
    assert seen.startswith("tubes: vessels (") and "tubes: probability" not in str(list(layers))
    qtbot.waitUntil(lambda: len(dock.bench.shown.present) == 2)
    names = [layer.name for layer in layers]
    hidden = seen.replace("vessels", "probability", 1)
    assert names.index("tubes") < names.index(hidden) < names.index(seen)
    assert not layers[hidden].visible


def test_no_hidden_layer_comes_of_what_was_taken_away(dock, tubes, click, qtbot, notes):
    show(dock, make_prediction(dock.bench.folder / "results", tubes[1]), click)
    dock.bench.shown.remove()
    qtbot.wait(100)
    assert [layer.name for layer in dock.bench.viewer.layers] == ["tubes"] and not notes


def test_a_dock_that_is_opened_again_shows_each_thing_once(shown, viewer, click, qtbot, open_dock):
    analyse(shown, click, qtbot)
    shown.measure.lit.go_to(0)
    before = sorted(layer.name for layer in viewer.layers)
    viewer.window.remove_dock_widget(shown)
    again = open_dock(viewer)
    again.measure.lit.go_to(0)
    qtbot.waitUntil(lambda: sorted(layer.name for layer in viewer.layers) == before)
    assert len([name for name in viewer.window.dock_widgets if "branches" in name]) == 1


@pytest.fixture
def series(viewer, tubes, notes, open_dock):
    """A dock beside a stack of tubes at two time points."""
    frames = np.stack([tubes[0]] * 2)
    viewer.add_image(frames, name="series", axis_labels=("t", "z", "y", "x"))
    viewer.dims.set_current_step(0, 0)
    return open_dock(viewer)


def go_to(dock, time, qtbot):
    dock.bench.viewer.dims.set_current_step(0, time)
    qtbot.waitUntil(lambda: dock.bench.time == time)


def test_what_was_stopped_at_another_time_point_is_not_gone_on_with(series, tubes, qtbot):
    folder = series.bench.folder / "results"
    path = make_prediction(folder, tubes[1], tiles=1, **{"time point": 0})
    go_to(series, 1, qtbot)
    assert series.predict.go.text() == "Predict" and series.predict.out.path != path
    assert series.predict.earlier.count() == 0
    go_to(series, 0, qtbot)
    assert series.predict.go.text() == "Resume" and series.predict.out.path == path


def test_it_is_said_which_paint_of_a_series_is_not_learnt(series, tubes, tmp_path, qtbot):
    truth = np.where(tubes[1], VESSEL, NOT_VESSEL).astype(np.uint8)
    for point in (0, 1):
        place = patches_folder(series.bench.folder, 0, point)
        AnnotationStore(place, series.bench.volume, CLASSES).save(Patch((0, 0, 0), truth, "a"))
    go_to(series, 1, qtbot)
    said = []
    series.bench.told.connect(said.append)
    series.learn.operation(tmp_path / "m.safetensors")
    assert said == ["What is painted at time point 1 is learnt, and not that at 0."]


def vessels(dock):
    return np.asarray(dock.bench.shown.labels.data) > 0


def test_a_part_says_so_on_the_layer_in_the_dock_the_table_and_the_files(
    dock, viewer, tubes, click, qtbot, save
):
    show(dock, make_prediction(dock.bench.folder / "results", tubes[1], tiles=1), click)
    assert "tubes: vessels (only 1 of 2 tiles)" in [layer.name for layer in viewer.layers]
    warning = dock.measure.warning
    assert not warning.isHidden() and "only 1 of 2 tiles" in warning.text()
    analyse(dock, click, qtbot)
    assert "only 1 of 2 tiles" in dock.measure.table.banner.text()
    table = pd.read_csv(save(dock, BRANCHES, "b.csv"))
    assert set(table["predicted"]) == {"1 of 2 tiles"}
    assert pd.read_csv(save(dock, SUMMARY, "s.csv"))["predicted"][0] == "1 of 2 tiles"
    assert "# predicted: 1 of 2 tiles" in save(dock, LINES, "l.swc").read_text()
    assert "1 of 2 tiles" in tifffile.tiffcomment(save(dock, TIFF, "m.ome.tif"))

    # Once the rest is there the numbers are old.
    dock.bench.shown.path.with_name("prediction-7.ome.zarr.progress").unlink()
    dock.bench.result.emit()
    assert warning.isHidden() and "tubes: vessels" in viewer.layers
    assert "Then 1 of 2 tiles were predicted" in dock.measure.stale.text()
    assert not dock.measure.export.kinds[SUMMARY].isEnabled()


def test_a_prediction_of_another_model_says_so(shown, viewer, click, qtbot, save):
    warning = shown.measure.warning
    assert warning.isHidden() and "tubes: vessels" in viewer.layers
    shown.learn.model.choice = "scratch"
    assert "of the model base, not of scratch that is chosen now" in warning.text()
    assert any("not of scratch" in layer.name for layer in viewer.layers)
    analyse(shown, click, qtbot)
    noted = pd.read_csv(save(shown, BRANCHES, "b.csv"))["note"][0]
    assert noted == "of the model base, not of scratch that is chosen now"
    shown.learn.model.choice = "base"
    assert warning.isHidden() and "tubes: vessels" in viewer.layers


def test_a_prediction_older_than_the_paint_says_so(shown, click, qtbot):
    dock = shown
    assert dock.measure.warning.isHidden()
    folder = dock.bench.folder / "patches"
    store = AnnotationStore(folder, dock.bench.volume, CLASSES)
    store.save(Patch((0, 0, 0), np.full((1, 4, 4), 1, np.uint8), "patch 1"))
    newer = time.time() + 60
    os.utime(store.path("patch 1"), (newer, newer))
    dock.bench.patches.changed.emit()
    assert "older than the newest paint" in dock.measure.warning.text()


def test_the_hint_goes_on_to_the_export_until_the_numbers_are_of_something_else(
    shown, click, qtbot
):
    assert "Analyse" in shown.hint.text()
    analyse(shown, click, qtbot)
    assert "Export" in shown.hint.text()
    shown.predict.threshold.setValue(0.9)
    qtbot.waitUntil(lambda: "Analyse" in shown.hint.text())


def test_a_blob_is_erased_by_hand_and_counts_everywhere(
    shown, viewer, tubes, click, stroke, qtbot, save
):
    dock = shown
    viewer.dims.set_point(0, 2.0 * 6)
    before = vessels(dock)
    click(dock.correct.classes[NOT_VESSEL])
    layer = viewer.layers.selection.active
    assert layer.selected_label == NOT_VESSEL and layer.editable
    layer.brush_size = 9
    origin = np.rint(np.subtract(layer.translate, dock.bench.image.translate) / layer.scale)
    for at in STROKE:
        stroke(layer, [a - o for a, o in zip(at, origin, strict=True)])
    qtbot.waitUntil(lambda: not vessels(dock)[6, 20, 12], timeout=5000)
    erased = before & ~vessels(dock)
    assert erased.sum() > 50 and not (vessels(dock) & ~before).any()
    assert "voxels taken out and 0 put in" in dock.correct.status.text()

    # The analysis, the mask and what is said of them.
    analyse(dock, click, qtbot)
    fraction = dock.measure.graph.summary["volume_fraction"][0]
    assert fraction == pytest.approx(vessels(dock).mean())
    mask = open_volume(save(dock, NIFTI, "m.nii.gz")).spatial()
    np.testing.assert_array_equal(np.asarray(mask.data) > 0, vessels(dock))
    corrected = pd.read_csv(save(dock, SUMMARY, "s.csv"))["corrected voxels"][0]
    assert corrected == dock.bench.corrections.counts["not vessel"] > 0

    # What is corrected later makes the numbers stale.
    click(dock.correct.classes[VESSEL])
    stroke(viewer.layers.selection.active, (4, 40, 20), (4, 40, 30))
    qtbot.waitUntil(lambda: "was corrected since" in dock.measure.stale.text(), timeout=5000)
    assert not dock.measure.export.kinds[SUMMARY].isEnabled()
    assert dock.measure.export.kinds[TIFF].isEnabled()


STROKE = [(6, 20, x) for x in range(6, 30, 2)]


def test_corrections_are_taught_once(shown, viewer, click, stroke, qtbot, notes):
    dock = shown
    assert not dock.correct.teach.isEnabled()
    click(dock.correct.classes[NOT_VESSEL])
    stroke(viewer.layers.selection.active, *STROKE)
    qtbot.waitUntil(lambda: dock.correct.teach.isEnabled())
    corrected = dock.bench.corrections.counts["not vessel"]
    assert corrected and dock.bench.patches.counts["background"] == 0
    for said in ("press Fine-tune", "already"):
        click(dock.correct.teach)
        assert said in notes[-1]
        assert dock.bench.patches.counts == {"background": corrected, "vessel": 0}
    assert dock.bench.corrections.counts["not vessel"] == corrected
    assert dock.learn.train.isEnabled()


def test_what_was_taught_and_the_strokes_before_it_can_be_undone(
    shown, viewer, click, stroke, qtbot
):
    annotate, patches = shown.annotate, shown.bench.patches
    click(annotate.classes[CLASSES.value("vessel")])
    stroke(viewer.layers.selection.active, (6, 40, 10), (6, 40, 30))
    painted = patches.counts
    click(shown.correct.classes[NOT_VESSEL])
    stroke(viewer.layers.selection.active, *STROKE)
    qtbot.waitUntil(lambda: shown.correct.teach.isEnabled())
    click(shown.correct.teach)
    assert patches.counts["background"] and patches.counts["vessel"] == painted["vessel"]
    click(shown.correct.classes[NOT_VESSEL])  # so that Undo is of the paint
    for left in (painted, {"background": 0, "vessel": 0}):
        click(annotate.undo)
        assert patches.counts == left


def test_the_eraser_takes_corrections_away_while_one_corrects(shown, viewer, click, stroke, qtbot):
    annotate, corrections = shown.annotate, shown.bench.corrections
    click(shown.correct.classes[NOT_VESSEL])
    stroke(viewer.layers.selection.active, *STROKE)
    qtbot.waitUntil(lambda: corrections.counts["not vessel"] > 0)
    assert not annotate.hand.isChecked()
    click(annotate.classes[UNLABELLED])
    assert annotate.classes[UNLABELLED].isChecked()
    stroke(viewer.layers.selection.active, *STROKE)
    qtbot.waitUntil(lambda: not any(corrections.counts.values()))
    assert not shown.bench.patches.names
    click(annotate.hand)
    assert corrections.label is None and annotate.hand.isChecked()


def test_a_clicked_row_lights_its_branch_and_a_clicked_branch_its_row(shown, viewer, click, qtbot):
    dock = shown
    analyse(dock, click, qtbot)
    table, graph = dock.measure.table.branches, dock.measure.graph
    view = table.view
    place = view.visualRect(view.model().index(0, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(place))
    row = int(graph.branches["length"].idxmax())
    lit = dock.measure.lit.layer
    np.testing.assert_allclose(lit.data, graph.branch_vectors(row))
    assert lit in viewer.layers and lit.name == "tubes: chosen branch"

    other = next(each for each in range(len(graph.paths)) if each != row)
    path = graph.paths[other][:, :3] / graph.space.voxel_size
    voxel = path[len(path) // 2]
    viewer.layers.selection.active = dock.bench.image
    viewer.dims.set_point(0, 2.0 * voxel[0])
    viewer.scene.camera.zoom = 8
    for each in list(viewer.mouse_drag_callbacks):
        event = Event("mouse_press", dock.bench.image, voxel)
        step = each(viewer, event)
        if step is not None:
            next(step, None)
            event.type = "mouse_release"
            next(step, None)
    pieces = graph.branch_vectors(other)
    drawn, rest = np.split(dock.measure.lit.layer.data, [len(pieces)])
    np.testing.assert_allclose(drawn, pieces)
    assert not rest[:, 1].any(), "what the longer one had more of is not seen"
    assert table.rows == [other]
    assert sum("chosen branch" in layer.name for layer in viewer.layers) == 1


def test_any_labels_layer_is_measured_where_it_lies(dock, viewer, tubes, click, qtbot, save):
    assert not dock.measure.analyse.isEnabled()
    viewer.add_labels(tubes[1] * 7, name="by hand", scale=(2, 1, 1), units=("um",) * 3)
    dock.measure.what.setCurrentText("by hand")
    analyse(dock, click, qtbot)
    found = dock.measure.graph
    assert found.unit == "micrometer" and found.space.voxel_size == (2, 1, 1)
    assert found.summary["volume_fraction"][0] == pytest.approx(tubes[1].mean())
    table = pd.read_csv(save(dock, BRANCHES, "b.csv"))
    assert set(table["mask"]) == {"by hand"} and "model" not in table
    viewer.layers["by hand"].paint((6, 40, 40), 1)
    assert "by hand was edited since" in dock.measure.stale.text()


def test_labels_of_another_image_are_measured_in_their_own_voxels(dock, viewer, click, qtbot):
    mask = np.zeros((4, 20, 30), np.uint8)
    mask[2, 10, 5:26] = 1
    layer = viewer.add_labels(mask, name="other", scale=(3, 0.5, 0.5), units=("um",) * 3)
    dock.measure.what.setCurrentText("other")
    analyse(dock, click, qtbot)
    assert dock.measure.graph.summary["length"][0] == pytest.approx(10)
    np.testing.assert_allclose(viewer.layers["other: centre lines"].scale, layer.scale)


def test_each_region_has_a_row(shown, viewer, tubes, click, qtbot, save):
    regions = np.ones(tubes[1].shape, np.uint16)
    regions[:, 32:] = 2
    viewer.add_labels(regions, name="regions", scale=(2, 1, 1), units=("um",) * 3)
    shown.measure.regions.setCurrentText("regions")
    analyse(shown, click, qtbot)
    table = pd.read_csv(save(shown, SUMMARY, "s.csv"), dtype={"region": str})
    assert list(table["region"]) == ["all", "1", "2"]
    fractions = [part.mean() for part in (tubes[1], tubes[1][:, :32], tubes[1][:, 32:])]
    np.testing.assert_allclose(table["volume fraction"], fractions, rtol=1e-4)
    assert shown.measure.table.regions.view.model().rowCount() == 3


def test_what_was_shown_and_measured_is_there_again(shown, viewer, tubes, click, qtbot, save):
    dock = shown
    dock.predict.threshold.setValue(0.37)
    qtbot.waitUntil(lambda: dock.bench.threshold == 0.37)
    analyse(dock, click, qtbot)
    before = save(dock, BRANCHES, "before.csv").read_text()
    viewer.add_image(tubes[0], name="other")
    dock.data.image.setCurrentIndex(1)
    assert dock.bench.shown is None and dock.measure.graph is None
    dock.data.image.setCurrentIndex(0)
    assert dock.bench.shown.path == dock.path and dock.bench.threshold == 0.37
    assert dock.predict.threshold.value() == pytest.approx(0.37)
    assert (
        dock.measure.stale.isHidden() and "Vessel branches of tubes" in viewer.window.dock_widgets
    )
    assert save(dock, BRANCHES, "after.csv").read_text() == before


def test_to_a_part_that_is_shown_again_the_rest_is_added(dock, viewer, tubes, click):
    part = {"box": "0:12,:,:", "box complete": True}
    made = make_prediction(dock.bench.folder / "results", tubes[1], tiles=1, **part)
    show(dock, made, click)
    viewer.add_image(tubes[0], name="other")
    dock.data.image.setCurrentIndex(1)
    dock.data.image.setCurrentIndex(0)
    assert dock.bench.shown.path == dock.predict.out.path == made


def test_what_was_shown_stays_where_a_prediction_is_cancelled_before_its_first_tile(
    shown, viewer, tubes, click, qtbot, held_up
):
    dock, made = shown, shown.path
    dock.predict.out.line.setText(str(made.with_name("prediction-8.ome.zarr")))
    dock.predict.out.line.editingFinished.emit()
    with held_up():
        click(dock.predict.go)
    qtbot.waitUntil(lambda: dock.bench.shown.path != made, timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: dock.bench.idle, timeout=MINUTE)
    assert dock.bench.shown.path == made and dock.predict.go.text() == "Resume"
    found = np.asarray(viewer.layers["tubes: vessels"].data)
    np.testing.assert_array_equal(found, tubes[1])
    assert dock.predict.earlier.currentText() == "prediction-7"


def test_a_damaged_note_of_what_was_shown_is_left_alone(shown, viewer, tubes, qtbot, notes):
    dock, kept = shown, shown.path.with_name("shown.json")
    qtbot.waitUntil(kept.exists)
    viewer.add_image(tubes[0], name="other")
    dock.data.image.setCurrentIndex(1)
    kept.write_text("{")
    dock.data.image.setCurrentIndex(0)
    assert dock.bench.shown is None and dock.bench.volume is not None
    assert not any("shown.json" in note for note in notes)


def test_several_images_are_measured_in_one_run(
    dock, viewer, tubes, click, qtbot, monkeypatch, tmp_path, notes
):
    paths = [tmp_path / "one.tif", tmp_path / "two.tif"]
    for path in paths:
        tifffile.imwrite(path, tubes[0][:, :48, :48])
    assert not dock.batch.go.isEnabled()
    monkeypatch.setattr(
        "qtpy.QtWidgets.QFileDialog.getOpenFileNames", lambda *_: (list(map(str, paths)), "")
    )
    click(dock.batch.add)
    dock.batch.out.line.setText(str(tmp_path / "out"))
    click(dock.batch.go)
    qtbot.waitUntil(lambda: dock.batch.table is not None, timeout=2 * MINUTE)
    table = pd.read_csv(tmp_path / "out" / "summary-1.csv")
    assert list(table["image"]) == list(map(str, paths))
    assert dock.batch.table.view.model().rowCount() == 2
    assert (tmp_path / "out" / "two.ome.zarr").is_dir()
    assert "2 images" in dock.batch.status.text()

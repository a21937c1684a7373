"""The staining dock driven by clicks in a real window."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from imageio import v3 as imageio
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QPushButton,
)
from safetensors.numpy import save_file

from napari_midl.engine.jobs import Progress, run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.models import Model, save_model
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.methods.staining.models import scratch_despeckler
from napari_midl.methods.staining.review import read_review, review_path
from napari_midl.methods.staining.synthetic import synthetic_mosaic
from napari_midl.volumes.open import open_volume
from napari_midl.widgets.parts import dock_frame
from napari_midl.widgets.staining.export import ANNOTATIONS, DRAWN, PAGE, SLIDE, VIEW

MINUTE = 60_000


@pytest.fixture(scope="module")
def drawn():
    return synthetic_mosaic((600, 640), np.random.default_rng(2))


@pytest.fixture
def open_staining(viewer, notes):
    return lambda: viewer.window.add_plugin_dock_widget("napari-midl", "Staining")[1]


@pytest.fixture
def staining(viewer, drawn, open_staining):
    """A dock beside the two channels of a mosaic."""
    place = {"scale": (0.75, 0.75), "units": ("um", "um")}
    viewer.add_image(drawn.reflectance, name="reflectance", **place)
    viewer.add_image(drawn.fluorescence, name="fluorescence", **place)
    return open_staining()


@pytest.fixture
def idle(qtbot):
    def wait(dock):
        qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=2 * MINUTE)

    return wait


@pytest.fixture
def other_despeckler(tmp_path):
    """A despeckler of one's own, which has learnt nothing."""
    path = tmp_path / "other.safetensors"
    model = scratch_despeckler("compact", 3)
    save_model(Model(model.network, {**model.card, "settings": {"preset": "compact"}}), path)
    return path


@pytest.fixture
def stained(staining, click, idle):
    """The dock after staining all by the linear method."""
    choose(staining, "linear")
    click(staining.stain.go)
    idle(staining)
    return staining


def choose(dock, method):
    dock.stain.method.setCurrentIndex(dock.stain.method.findData(method))


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_opening_the_dock_needs_no_torch(viewer, monkeypatch, open_staining, drawn):
    monkeypatch.setattr(dock_frame, "find_spec", lambda name: None)
    for name in ("reflectance", "fluorescence"):
        viewer.add_image(getattr(drawn, name), name=name)
    dock = open_staining()
    assert "pip install torch" in dock.torch.text() and not dock.torch.isHidden()
    assert not dock.stain.look.isEnabled() and not dock.stain.go.isEnabled()


def test_the_channels_are_told_by_their_names(staining):
    assert staining.bench.fluorescence.layer.name == "fluorescence"
    assert staining.bench.reflectance.layer.name == "reflectance"
    assert "600 x 640 pixels of 0.75 µm" in staining.channels.about.text()


def test_a_picture_in_colours_is_not_left_out_without_a_word(viewer, open_staining):
    dock = open_staining()
    assert "RGB" not in dock.channels.about.text()
    viewer.add_image(np.full((60, 60, 3), 90, np.uint8), rgb=True, name="slide")
    viewer.add_image(np.zeros((60, 60), np.uint8), name="reflectance")
    assert "A picture in colours (RGB) is not offered" in dock.channels.about.text()


def test_the_channels_of_one_layer_can_be_chosen(viewer, drawn, open_staining, click, idle):
    both = np.stack([drawn.reflectance, drawn.fluorescence])[:, None]
    viewer.add_image(both, name="both", axis_labels=("c", "z", "y", "x"))
    dock = open_staining()
    dock.channels.fluorescence.setCurrentIndex(1)
    dock.channels.reflectance.setCurrentIndex(0)
    choose(dock, "linear")
    click(dock.stain.go)
    idle(dock)
    assert dock.bench.shown.path.exists()


def test_channels_that_do_not_fit_are_said_in_the_dock(viewer, drawn, open_staining):
    dock = open_staining()
    assert "Two channels" in dock.channels.about.text()
    viewer.add_image(drawn.reflectance, name="reflectance")
    assert not dock.stain.look.isEnabled()
    viewer.add_image(drawn.fluorescence[:100], name="fluorescence")
    assert "600 x 640" in dock.channels.about.text() and "100 x 640" in dock.channels.about.text()
    assert not dock.stain.look.isEnabled() and not dock.stain.go.isEnabled()
    assert "cannot be stained together" in dock.hint.text()


def test_the_time_point_in_view_is_stained(viewer, drawn, open_staining, click, idle, qtbot):
    dock = open_staining()
    viewer.add_image(drawn.fluorescence, name="fluorescence")
    frames = np.stack([drawn.reflectance, drawn.reflectance[::-1]])[:, None]
    series = viewer.add_image(frames, name="reflectance", axis_labels=("t", "z", "y", "x"))
    assert not dock.channels.time.isHidden() and dock.bench.time == 0
    choose(dock, "linear")
    click(dock.stain.go)
    idle(dock)
    first = dock.bench.shown.path
    viewer.dims.set_point(0, 1)
    qtbot.waitUntil(lambda: dock.bench.time == 1)
    assert dock.channels.time.value() == 1
    # What was made of another time point is neither shown nor offered.
    assert dock.bench.shown is None and dock.stain.earlier.count() == 0
    click(dock.stain.go)
    idle(dock)
    second = dock.bench.shown.path
    assert second != first
    said = read_run(record_path(second)).arguments
    assert (said["reflectance_time"], said["fluorescence_time"]) == (1, 0)
    now, before = (np.asarray(open_volume(path).data) for path in (second, first))
    assert (now != before).any()
    viewer.layers.remove(series)
    assert dock.channels.time.isHidden()


def test_series_of_other_lengths_are_no_pair(viewer, drawn, open_staining):
    dock = open_staining()
    for name, count in (("fluorescence", 2), ("reflectance", 3)):
        frames = np.stack([getattr(drawn, name)] * count)[:, None]
        viewer.add_image(frames, name=name, axis_labels=("t", "z", "y", "x"))
    assert "2 time points and reflectance 3" in dock.channels.about.text()
    assert dock.bench.volume is None


def test_a_flat_channel_is_said(viewer, notes, open_staining, click, idle):
    viewer.add_image(np.zeros((80, 90)), name="fluorescence")
    viewer.add_image(np.eye(80, 90), name="reflectance")
    dock = open_staining()
    click(dock.stain.look)
    idle(dock)
    assert any("everywhere" in note for note in notes)


def test_a_look_shows_each_step_over_the_view(staining, viewer, click, idle):
    choose(staining, "density")
    click(staining.stain.look)
    idle(staining)
    assert names(viewer)[2:] == ["view: despeckled", "view: linear", "view: density"]
    assert viewer.layers["view: density"].rgb
    before = viewer.layers["view: density"].data
    click(staining.stain.look)
    idle(staining)
    assert len(viewer.layers) == 5
    np.testing.assert_array_equal(viewer.layers["view: density"].data, before)


def test_the_choice_of_speckle_reaches_the_view(staining, viewer, click, idle, other_despeckler):
    choose(staining, "density")
    click(staining.stain.look)
    idle(staining)
    base = viewer.layers["view: despeckled"].data
    clean = viewer.layers["view: density"].data
    staining.stain.speckle.add(other_despeckler)
    click(staining.stain.look)
    idle(staining)
    assert np.abs(viewer.layers["view: despeckled"].data - base).mean() > 0.01
    staining.stain.speckle.choice = "kept"
    click(staining.stain.look)
    idle(staining)
    kept = viewer.layers["view: density"].data

    def grain(picture):
        return np.abs(np.diff(picture[..., 1].astype(float), axis=1)).mean()

    assert grain(kept) > 1.2 * grain(clean)


def test_the_choice_of_speckle_reaches_the_whole_and_its_record(
    staining, click, idle, other_despeckler
):
    choose(staining, "linear")
    staining.stain.speckle.add(other_despeckler)
    records = {}
    for speckle in ("base", other_despeckler, "kept"):
        staining.stain.speckle.choice = speckle
        click(staining.stain.go)
        idle(staining)
        records[speckle] = read_run(record_path(staining.bench.shown.path))
    other = records[other_despeckler]
    assert records["base"].inputs["despeckler"] != other.inputs["despeckler"]
    assert other.arguments["despeckler"] == str(other_despeckler)
    assert records["kept"].settings["keep_speckle"] and "despeckler" not in records["kept"].inputs
    assert len({each["sha256"] for r in records.values() for each in r.outputs.values()}) == 3


def test_what_was_looked_at_last_lies_on_top_and_no_other_view_is_left(
    staining, viewer, click, idle
):
    staining.stain.speckle.choice = "kept"
    for method in ("density", "beer-lambert", "density"):
        choose(staining, method)
        click(staining.stain.look)
        idle(staining)
    assert names(viewer)[2:] == ["view: beer-lambert", "view: linear", "view: density"]
    viewer.scene.camera.zoom = 8
    click(staining.stain.look)
    idle(staining)
    assert names(viewer)[2:] == ["view: linear", "view: density"]


def test_a_look_and_the_whole_show_the_same(staining, viewer, click, idle):
    choose(staining, "density")
    click(staining.stain.look)
    idle(staining)
    view = viewer.layers["view: density"]
    corner = [round(t / s) for t, s in zip(view.translate, view.scale, strict=True)]
    height, width = view.data.shape[:2]
    seen = np.array(view.data)
    click(staining.stain.go)
    idle(staining)
    whole = np.asarray(open_volume(staining.bench.shown.path).data)[:3]
    part = whole[:, corner[0] : corner[0] + height, corner[1] : corner[1] + width]
    assert np.abs(np.moveaxis(part, 0, -1).astype(int) - seen).max() <= 1


def test_live_looks_again_when_the_view_comes_to_rest(staining, viewer, qtbot, idle):
    choose(staining, "linear")
    staining.stain.speckle.choice = "kept"
    viewer.scene.camera.zoom = 8
    qtbot.mouseClick(
        staining.stain.live,
        Qt.MouseButton.LeftButton,
        pos=QPoint(8, staining.stain.live.height() // 2),
    )
    qtbot.waitUntil(lambda: "view: linear" in viewer.layers, timeout=MINUTE)
    idle(staining)
    there = tuple(viewer.layers["view: linear"].translate)
    viewer.scene.camera.center = (0, 60, 60)
    qtbot.waitUntil(lambda: tuple(viewer.layers["view: linear"].translate) != there, timeout=MINUTE)
    idle(staining)


def test_the_whole_stain_is_shown_recorded_and_replays(
    staining, viewer, click, idle, tmp_path, qtbot
):
    import tifffile

    for name in ("reflectance", "fluorescence"):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, viewer.layers[name].data)
        viewer.layers[name].metadata["source"] = str(path)
    staining.channels.folder.line.setText(str(tmp_path / "project"))
    staining.channels.folder.line.editingFinished.emit()
    click(staining.stain.go)
    idle(staining)
    out = staining.bench.shown.path
    assert out.parent.parent == tmp_path / "project"
    assert "not for diagnosis" in staining.bench.shown.colours.name
    assert staining.bench.shown.colours.metadata["notice"]
    qtbot.waitUntil(lambda: any("do not trust" in layer.name for layer in viewer.layers))
    assert tuple(staining.bench.shown.colours.scale) == (0.75, 0.75)
    assert run(replay(record_path(out))).same


def test_cancel_and_resume(staining, viewer, click, qtbot, idle, unhurried):
    choose(staining, "linear")
    staining.stain.form.widgets["tile"].value = 64
    with unhurried():
        click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    out = staining.stain.out.path
    assert is_unfinished(out) and staining.stain.go.text() == "Resume"
    staining.stain.form.widgets["tile"].value = 512
    click(staining.stain.go)
    idle(staining)
    assert not is_unfinished(out) and record_path(out).exists()
    assert np.asarray(open_volume(out).data).min(axis=(1, 2)).max() < 255


def test_the_stain_that_was_shown_stays_where_the_next_is_cancelled_before_its_first_tile(
    staining, viewer, click, idle, qtbot, held_up
):
    choose(staining, "linear")
    click(staining.stain.go)
    idle(staining)
    made, names = staining.bench.shown.path, {layer.name for layer in viewer.layers}
    with held_up():
        click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown.path != made, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    assert staining.bench.shown.path == made and staining.bench.shown.present
    assert {layer.name for layer in viewer.layers} == names


def test_a_stopped_stain_shows_the_settings_that_it_goes_on_with(
    staining, viewer, click, qtbot, idle, open_staining
):
    choose(staining, "beer-lambert")
    staining.stain.speckle.choice = "kept"
    staining.stain.watermark.setChecked(True)
    staining.stain.form.widgets["tile"].value = 64
    click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    assert "Resume" in staining.hint.text()
    assert not staining.review.begin.isEnabled() and "Resume" in staining.review.status.text()
    viewer.window.remove_dock_widget(staining.parent())
    again = open_staining()
    assert again.stain.go.text() == "Resume"
    assert again.stain.method.currentData() == "beer-lambert"
    assert again.stain.speckle.choice == "kept" and again.stain.watermark.isChecked()


def test_resuming_with_another_despeckler_says_what_to_mend(
    staining, click, qtbot, idle, notes, other_despeckler
):
    choose(staining, "linear")
    staining.stain.speckle.add(other_despeckler)
    staining.stain.form.widgets["tile"].value = 64
    click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    staining.stain.speckle.choice = "base"
    click(staining.stain.go)
    idle(staining)
    assert "another despeckler; go on with what it began with" in notes[-1]
    staining.stain.speckle.choice = other_despeckler
    click(staining.stain.go)
    idle(staining)
    assert record_path(staining.bench.shown.path).exists()


def test_a_reopened_dock_shows_the_last_stain_once(stained, viewer, click, open_staining):
    before = names(viewer)
    viewer.window.remove_dock_widget(stained.parent())
    again = open_staining()
    click(again.stain.show_button)
    assert names(viewer) == before and again.review.begin.isEnabled()


def test_a_swipe_shows_one_left_and_the_other_right(stained, viewer, click, idle):
    choose(stained, "beer-lambert")
    click(stained.stain.go)
    idle(stained)
    first, second = (layer for layer in viewer.layers if layer.rgb)
    click(stained.compare.swipe)
    curtain = viewer.layers[-1]
    assert curtain.name.startswith("curtain") and second.visible and not first.visible
    levels = curtain.data if curtain.multiscale else [curtain.data]
    for share in (0.5, 0.25):
        stained.compare.slider.setValue(round(1000 * share))
        stained.compare._on_moved()
        opacity = np.asarray(levels[0][:, :])[..., 3]
        assert (opacity[:, : int(640 * share)] == 255).all()
        assert (opacity[:, int(640 * share) + 1 :] == 0).all()
    click(stained.compare.swipe)
    assert curtain not in viewer.layers and first.visible


def test_a_slide_can_be_dropped_in(staining, click, idle, tmp_path, notes):
    click(staining.stain.look)
    idle(staining)
    picture = np.full((80, 80, 3), 250, np.uint8)
    picture[:40] = (225, 130, 175)
    picture[50:70, :60] = (90, 60, 140)
    imageio.imwrite(tmp_path / "slide.png", picture)
    drop(staining.stain.reference, tmp_path / "slide.png")
    idle(staining)
    assert staining.stain.operation().reference.path == tmp_path / "slide.png"
    imageio.imwrite(tmp_path / "glass.png", np.full((80, 80, 3), 250, np.uint8))
    drop(staining.stain.reference, tmp_path / "glass.png")
    idle(staining)
    assert "no stained tissue" in notes[-1]
    assert staining.stain.operation().reference.path == tmp_path / "slide.png"
    # The view in these colours lies beside the one before, to be compared.
    click(staining.stain.look)
    idle(staining)
    assert [staining.compare.left.currentText(), staining.compare.right.currentText()] == [
        "view: linear",
        "view: beer-lambert, colours of slide",
    ]
    assert staining.compare.left.findText("view: beer-lambert") >= 0
    choose(staining, "linear")
    assert staining.stain.operation().reference is None


def drop(widget, path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    nothing = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(
        QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, nothing
    )
    widget.dropEvent(event)


def test_fields_are_reviewed_by_keys_and_kept(stained, viewer, click, idle, qtbot, monkeypatch):
    click(stained.review.begin)
    idle(stained)
    path = stained.bench.shown.path
    grid = stained.review.list
    count = grid.count()
    assert count >= 2
    qtbot.keyClick(grid, Qt.Key.Key_A)
    monkeypatch.setattr(QInputDialog, "getText", lambda *a, **k: ("folded", True))
    qtbot.keyClick(grid, Qt.Key.Key_C)
    qtbot.keyClick(grid, Qt.Key.Key_R)
    verdicts = [field.verdict for field in read_review(review_path(path))]
    assert verdicts[:2] == ["accepted", "rejected"]
    assert read_review(review_path(path))[1].comment == "folded"
    assert f"2 of {count} fields reviewed, 1 rejected" in stained.review.status.text()
    # A new round begins with what is not decided.
    click(stained.review.begin)
    idle(stained)
    assert [f.verdict for f, _ in stained.review.items][:2] == ["accepted", "rejected"]
    assert grid.currentRow() == (2 if count > 2 else 0)


def test_a_decision_is_taken_back_where_it_was_made(stained, viewer, click, idle, qtbot):
    viewer.window._qt_window.show()
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.layers.selection.active = stained.bench.image
    review = stained.review
    click(review.begin)
    idle(stained)
    assert not review.undo.isEnabled()
    click(review.accept)
    click(review.reject)
    for left in (["accepted", ""], ["", ""]):
        qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert [field.verdict for field, _ in review.items[:2]] == left
        path = review_path(stained.bench.shown.path)
        assert [field.verdict for field in read_review(path)][:2] == left
        assert review.list.currentRow() == left.count("accepted")
    assert not review.undo.isEnabled()


def test_keys_decide_over_the_image_while_there_are_fields(stained, viewer, click, idle, qtbot):
    viewer.window._qt_window.show()
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.layers.selection.active = stained.bench.image
    qtbot.keyClick(canvas, "a")
    assert not stained.review.items
    click(stained.review.begin)
    idle(stained)
    qtbot.keyClick(canvas, "a")
    qtbot.keyClick(canvas, "r")
    assert [f.verdict for f, _ in stained.review.items[:2]] == ["accepted", "rejected"]
    # Those of a person's own box stay what napari makes of them.
    viewer.add_shapes(name="box")
    qtbot.keyClick(canvas, "r")
    assert sum(bool(f.verdict) for f, _ in stained.review.items) == 2
    assert viewer.layers["box"].mode == "add_rectangle"


def test_the_review_is_exported(stained, click, idle, tmp_path, monkeypatch):
    click(stained.review.begin)
    idle(stained)
    click(stained.review.reject)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path))
    stained.review.export.kinds[PAGE].trigger()
    idle(stained)
    (folder,) = tmp_path.glob("* review")
    rows = list(csv.DictReader((folder / "review.csv").read_text().splitlines()))
    assert rows[0]["verdict"] == "rejected" and {"y", "x", "height", "width"} <= set(rows[0])
    page = (folder / "index.html").read_text()
    assert page.count("<img") == len(rows) == len(list((folder / "thumbnails").glob("*.png")))
    assert "not for diagnosis" in page


def test_training_needs_two_folders_and_ends_in_the_list_of_weights(
    staining, click, idle, tmp_path, drawn, unhurried
):
    import tifffile

    from napari_midl.methods.staining.settings import TrainSettings

    assert not staining.learn.train.isEnabled()
    for name in ("mosaics", "slides"):
        (tmp_path / name).mkdir()
    tifffile.imwrite(tmp_path / "mosaics/a_fluorescence.tif", drawn.fluorescence)
    tifffile.imwrite(tmp_path / "mosaics/a_reflectance.tif", drawn.reflectance)
    picture = np.full((200, 200, 3), (225, 130, 175), np.uint8)
    picture[50:70, :60] = (90, 60, 140)
    picture[150:] = 250
    imageio.imwrite(tmp_path / "slides/a.png", picture)
    for picker, name in ((staining.learn.confocal, "mosaics"), (staining.learn.slides, "slides")):
        picker.line.setText(str(tmp_path / name))
        picker.line.editingFinished.emit()
    staining.learn.form.widgets["steps"].value = 4
    staining.learn.form.widgets["crop"].value = 32
    assert TrainSettings().generator == staining.learn.form.widgets["generator"].value
    window = staining.window()
    window.show()
    staining.learn.train.setFocus()
    with unhurried():
        click(staining.learn.train)
    assert not staining.learn.train.isEnabled()
    assert "learns from your two folders" in staining.hint.text()
    assert "Looking and staining wait for it" in staining.hint.text()
    assert not (staining.stain.look.isEnabled() or staining.stain.go.isEnabled())
    assert not isinstance(window.focusWidget(), QLineEdit | QAbstractSpinBox | QPushButton)
    idle(staining)
    assert "learns from" not in staining.hint.text()
    assert "Trained for 4 steps" in staining.learn.gain.text()
    assert staining.stain.model.choice.name == "stain-1.safetensors"
    click(staining.stain.look)
    idle(staining)


def test_a_training_that_was_stopped_goes_on_or_begins_anew(
    staining, viewer, click, monkeypatch, open_staining
):
    checkpoint = staining.bench.folder / "models" / "stain-3.checkpoint"
    checkpoint.parent.mkdir(parents=True)
    training = {"settings": {"crop": 32, "minutes": 7.0}, "inputs": {}}
    save_file(
        {"w": np.zeros(1, np.float32)}, checkpoint, metadata={"training": json.dumps(training)}
    )
    viewer.window.remove_dock_widget(staining.parent())
    dock = open_staining()
    learn, made = dock.learn, []
    assert learn.train.text() == "Go on" and "stain-3" in learn.train.toolTip()
    assert not learn.anew.isHidden()
    assert learn.form.widgets["crop"].value == 32
    for picker in (learn.confocal, learn.slides):
        picker.line.setText("/somewhere")
        picker.line.editingFinished.emit()

    def job(out):
        made.append(out.name)
        yield Progress(0, 0)

    monkeypatch.setattr(learn, "job", job)
    monkeypatch.setattr(dock.bench, "start", lambda title, job, *_: next(job) is None)
    click(learn.train)
    asked = []

    def question(*given):
        asked.append(given[2])
        return QMessageBox.StandardButton.No if len(asked) == 1 else QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", question)
    click(learn.anew)
    assert checkpoint.exists() and "stain-3" in asked[0]
    click(learn.anew)
    assert not checkpoint.exists()
    assert made == ["stain-3.safetensors", "stain-1.safetensors"]


def test_a_stopped_stain_is_nothing_that_another_tool_offers_to_resume(
    staining, viewer, click, qtbot, idle, unhurried
):
    choose(staining, "linear")
    staining.stain.form.widgets["tile"].value = 64
    with unhurried():
        click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    stain = staining.stain.out.path
    segment = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    segment.data.image.setCurrentIndex(segment.data.image.findText("reflectance"))
    assert segment.bench.folder == staining.bench.folder
    predict = segment.predict
    assert predict.out.path.name == "segmentation-1.ome.zarr" and not predict.earlier.count()
    predict.out.path = stain  # by hand
    predict.out.changed.emit()
    assert predict.go.text() == "Predict" and not predict.earlier.count()
    assert is_unfinished(stain) and staining.stain.go.text() == "Resume"


def test_closing_the_dock_ends_its_job(staining, viewer, click, qtbot):
    click(staining.stain.go)
    viewer.window.remove_dock_widget(staining.parent())
    assert not staining.bench.runner.running


def test_swapping_the_channels_keeps_the_project(staining, click):
    before, folder = staining.bench.reflectance.layer.name, staining.bench.folder
    click(staining.channels.swap)
    assert staining.bench.fluorescence.layer.name == before == "reflectance"
    assert staining.bench.reflectance.layer.name == "fluorescence"
    assert staining.bench.folder == folder and staining.stain.look.isEnabled()
    click(staining.channels.swap)
    assert staining.bench.reflectance.layer.name == "reflectance"


def test_a_stopped_stain_is_not_offered_to_be_resumed_with_swapped_channels(
    staining, click, qtbot, idle, held_up
):
    stain = staining.stain
    choose(staining, "linear")
    with held_up():
        click(stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    stopped = stain.out.path
    assert stain.go.text() == "Resume"
    click(staining.channels.swap)
    assert stain.go.text() == "Stain" and stain.out.path != stopped
    assert stain.method.isEnabled() and "Resume" not in staining.hint.text()
    click(stain.go)
    idle(staining)
    assert not staining.trouble.text() and not is_unfinished(staining.bench.shown.path)
    click(staining.channels.swap)
    assert stain.go.text() == "Resume" and stain.out.path == stopped


def test_two_different_stains_are_compared_whichever_goes(staining, viewer, drawn):
    compare = staining.compare

    def chosen():
        return [made.currentText() for made in (compare.left, compare.right)]

    picture = np.full((*drawn.reflectance.shape, 3), 90, np.uint8)
    viewer.add_image(picture, rgb=True, name="a")
    assert not compare.swipe.isEnabled() and "Two stains" in compare.swipe.toolTip()
    viewer.add_image(picture, rgb=True, name="b")
    assert chosen() == ["a", "b"] and compare.swipe.isEnabled()
    viewer.add_image(picture, rgb=True, name="c")
    assert chosen() == ["b", "c"]
    compare.left.setCurrentIndex(0)
    compare.left.activated.emit(0)
    viewer.add_image(picture, rgb=True, name="d")
    assert chosen() == ["a", "c"]
    viewer.layers.remove("a")
    assert chosen() == ["d", "c"]
    viewer.layers.remove("c")
    assert chosen() == ["d", "b"]


@pytest.mark.parametrize("gone", ["left", "right"])
def test_the_curtain_goes_with_either_of_its_pictures(staining, viewer, drawn, click, gone):
    """It would show what is gone, under the name of the picture that is chosen in its place."""
    compare, picture = staining.compare, np.full((*drawn.reflectance.shape, 3), 90, np.uint8)
    for name in ("other", "left", "right"):
        viewer.add_image(picture, rgb=True, name=name)
    click(compare.swipe)
    assert any(layer.name.startswith("curtain") for layer in viewer.layers)
    viewer.layers.selection.active = viewer.layers[gone]
    viewer.layers.remove_selected()  # as napari's bin does
    assert not any(layer.name.startswith("curtain") for layer in viewer.layers)
    left = viewer.layers["right" if gone == "left" else "left"]
    assert left.visible and compare.swipe.text() == "Swipe" and compare.swipe.isEnabled()


def test_a_slide_that_lies_beside_is_not_compared_unasked(staining, viewer, click, idle):
    viewer.add_image(np.full((60, 60, 3), 90, np.uint8), rgb=True, name="slide")
    choose(staining, "density")
    click(staining.stain.look)
    idle(staining)
    compare = staining.compare
    chosen = [made.currentText() for made in (compare.left, compare.right)]
    assert chosen == ["view: linear", "view: density"] and compare.swipe.isEnabled()


def test_nothing_covers_what_is_right_of_the_curtain(staining, viewer, click, idle):
    for method in ("beer-lambert", "density"):
        choose(staining, method)
        click(staining.stain.look)
        idle(staining)
    compare = staining.compare
    for made, name in ((compare.left, "view: density"), (compare.right, "view: beer-lambert")):
        made.setCurrentIndex(made.findText(name))
        made.activated.emit(made.currentIndex())
    click(compare.swipe)
    right = viewer.layers.index("view: beer-lambert")
    seen = [layer.name for layer in viewer.layers[right:] if layer.visible]
    assert seen == ["view: beer-lambert", "curtain: view: density"]


class Mouse:
    """What napari hands to the mouse callbacks of a viewer in a 2D view."""

    def __init__(self, kind, position):
        self.type, self.button, self.position = kind, 1, position
        self.modifiers, self.view_direction, self.dims_displayed = [], None, [0, 1]
        self.pos, self.is_dragging, self.handled = np.zeros(2), kind == "mouse_move", False


def drag(viewer, *positions):
    """Press at the first position, move over the others, release; whether the view could pan."""
    from napari.utils._proxies import ReadOnlyWrapper
    from napari.utils.interactions import (
        mouse_move_callbacks,
        mouse_press_callbacks,
        mouse_release_callbacks,
    )

    # Wrapped as by napari's canvas, which puts the later events into the first one's place.
    mouse_press_callbacks(viewer, ReadOnlyWrapper(Mouse("mouse_press", positions[0])))
    pans = viewer.scene.camera.mouse_pan
    for position in positions[1:]:
        mouse_move_callbacks(viewer, Mouse("mouse_move", position))
    mouse_release_callbacks(viewer, Mouse("mouse_release", positions[-1]))
    return pans


def test_the_curtain_is_dragged_on_the_image(staining, viewer, drawn, click):
    place = {"scale": (0.75, 0.75), "units": ("um", "um")}
    for name in ("a", "b"):
        picture = np.full((*drawn.reflectance.shape, 3), 90, np.uint8)
        viewer.add_image(picture, rgb=True, name=name, **place)
    click(staining.compare.swipe)
    middle, quarter = 0.75 * 320, 0.75 * 160
    assert drag(viewer, (100, quarter), (100, 300)) and staining.compare.slider.value() == 500
    assert not drag(viewer, (100, middle), (100, 200), (100, quarter))
    assert staining.compare.slider.value() == pytest.approx(250, abs=2)
    assert viewer.scene.camera.mouse_pan
    click(staining.compare.swipe)
    assert drag(viewer, (100, quarter), (100, middle)) and staining.compare.slider.value() < 260


def test_what_is_not_stained_yet_is_transparent(staining, click, qtbot, idle):
    choose(staining, "linear")
    staining.stain.form.widgets["tile"].value = 64
    click(staining.stain.go)
    qtbot.waitUntil(lambda: staining.bench.shown is not None, timeout=MINUTE)
    click(staining.progress.cancel)
    idle(staining)
    layer = staining.bench.shown.colours
    seen = np.asarray(layer.data[0] if layer.multiscale else layer.data)
    stored = np.asarray(open_volume(staining.bench.shown.path).data)[:3]
    there = stored.any(0)
    assert 0 < there.sum() < there.size
    np.testing.assert_array_equal(seen[..., 3], np.where(there, 255, 0))


def test_the_field_under_review_is_framed_and_its_doubt_has_a_scale(
    staining, viewer, click, click_row, idle
):
    click(staining.stain.go)
    idle(staining)
    review = staining.review
    assert not review.scale.isVisibleTo(review)
    click(review.begin)
    idle(staining)
    lines = viewer.layers["field under review"]
    field = review.items[0][0]
    corners = lines.data[:, 0]
    assert corners.min(axis=0).tolist() == [field.y - 0.5, field.x - 0.5]
    assert corners.max(axis=0).tolist() == [
        field.y + field.height - 0.5,
        field.x + field.width - 0.5,
    ]
    assert tuple(lines.scale) == (0.75, 0.75)
    assert review.scale.isVisibleTo(review)
    doubts = [each.doubt for each, _ in review.items]
    assert f"{min(doubts):.2f} to {max(doubts):.2f}" in review.scale.high.text()
    open_colour = lines.edge_color[0].tolist()
    click(review.accept)
    click_row(review.list, 0)
    assert lines.edge_color[0].tolist() != open_colour
    click_row(review.list, 1)
    assert lines.data[:, 0].min(axis=0).tolist() != [field.y - 0.5, field.x - 0.5]
    viewer.window.remove_dock_widget(staining.parent())
    assert "field under review" not in names(viewer)


def test_a_stain_is_exported_for_other_programs(
    stained, viewer, click, idle, tmp_path, monkeypatch
):
    import tifffile
    from PIL import Image

    kinds = stained.review.export.kinds
    assert kinds[SLIDE].isEnabled() and "Press Review" in kinds[ANNOTATIONS].toolTip()
    click(stained.review.begin)
    idle(stained)
    click(stained.review.accept)

    def save(kind, name):
        path = tmp_path / name
        typed = (str(path.with_name(name.split(".")[0])), kind.filter)
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: typed)
        kinds[kind].trigger()
        idle(stained)
        return path

    with tifffile.TiffFile(save(SLIDE, "slide.ome.tif")) as file:
        assert file.series[0].shape == (600, 640, 3) and file.is_ome
    box = [[10, 20], [100, 20], [100, 200], [10, 200]]
    viewer.add_shapes([box], name="box", scale=(0.75, 0.75), units=("um", "um"))
    with Image.open(save(DRAWN, "box.png")) as picture:
        assert picture.size == (181, 91)
    viewer.scene.camera.zoom = 8
    with Image.open(save(VIEW, "view.png")) as picture:
        assert picture.width < 640
    held = json.loads(save(ANNOTATIONS, "review.geojson").read_text(encoding="utf-8"))
    names_ = [each["properties"].get("classification", {}).get("name") for each in held["features"]]
    assert names_[0] == "accepted"

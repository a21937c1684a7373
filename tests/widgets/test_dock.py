"""The dock driven by clicks: first with stand-in jobs, then once with the real ones."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QScrollArea

from napari_midl.engine.jobs import Progress, run
from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.models import read_card, shipped_weights
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run
from napari_midl.errors import InputError
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.operations import Finetune, Predict
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.boxes import box_of
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.volumes.swc import read_swc
from napari_midl.widgets.looking import box_in_view, looked_at
from napari_midl.widgets.parts import dock_frame
from napari_midl.widgets.vessels import where
from napari_midl.widgets.vessels.export import BRANCHES, LINES, NIFTI, SUMMARY, TIFF

BACKGROUND, VESSEL = CLASSES.value("background"), CLASSES.value("vessel")
MINUTE = 60_000


@pytest.fixture
def painted(dock, viewer, tubes):
    """Two patches painted with the truth, as a project may hold them."""
    bench = dock.bench
    store = AnnotationStore(bench.folder / "patches", bench.volume, CLASSES)
    truth = np.where(tubes[1], VESSEL, BACKGROUND).astype(np.uint8)
    for name, origin, size in (
        ("patch 1", (4, 0, 0), (5, 64, 64)),
        ("patch 2", (3, 10, 32), (5, 40, 40)),
    ):
        store.save(Patch(origin, truth[box_of(origin, size)], name))
    bench.open(viewer.layers["tubes"])
    return dock


@pytest.fixture
def forever(monkeypatch):
    """Stands in for fine-tuning: steps, with a preview of the view, until it is closed."""
    closed = threading.Event()

    def finetune(self, run):
        try:
            for step in range(10**9):
                time.sleep(0.01)
                box = run.watch.view()
                shape = tuple(s.stop - s.start for s in box) if box else None
                preview = (box, np.full(shape, 0.5, np.float32)) if box else None
                yield Progress(step, 10**9, f"step {step}", {"loss": 1.0}, preview)
        finally:
            closed.set()

    monkeypatch.setattr(Finetune, "job", finetune)
    return closed


def test_opening_the_dock_needs_no_torch(viewer, notes, monkeypatch, open_dock, tubes):
    monkeypatch.setattr(dock_frame, "find_spec", lambda name: None)
    viewer.add_image(tubes[0], name="tubes")
    dock = open_dock(viewer)
    assert "pip install torch" in dock.torch.text() and not dock.torch.isHidden()
    assert dock.annotate.classes[VESSEL].isEnabled()
    for button in (dock.learn.train, dock.where.ask, dock.predict.go):
        assert not button.isEnabled()


def test_while_it_learns_the_dock_shows_how_and_refuses_other_jobs(
    painted, viewer, forever, click, qtbot
):
    dock = painted
    click(dock.learn.train)
    qtbot.waitUntil(lambda: len(dock.learn.plot.losses) > 3)
    assert "Fine-tune: step" in dock.progress.message.text()
    for button in (dock.learn.train, dock.where.ask, dock.predict.go):
        assert not button.isEnabled()
    preview = viewer.layers["preview while learning"]
    assert viewer.layers.selection.active is not preview
    names = [layer.name for layer in viewer.layers]
    assert names == ["tubes", "preview while learning", "patch 1", "patch 2"]
    viewer.dims.set_point(0, 2.0 * 3)
    qtbot.waitUntil(lambda: preview.translate[0] == 2.0 * 3)
    click(dock.progress.cancel)
    assert "cancelling" in dock.progress.message.text()
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    assert forever.is_set()
    assert dock.learn.train.isEnabled()
    # Nothing is left of a network that was thrown away, and the model before stays chosen.
    assert dock.learn.model.choice == "base" and not dock.learn.back.isEnabled()
    assert "preview while learning" not in viewer.layers
    assert dock.learn.plot.isHidden()


def test_layers_change_in_the_gui_thread_only(painted, viewer, forever, click, qtbot):
    threads = set()

    def note(event):
        threads.add(threading.current_thread())

    viewer.layers.events.inserted.connect(note)
    click(painted.learn.train)
    qtbot.waitUntil(lambda: "preview while learning" in viewer.layers)
    viewer.layers["preview while learning"].events.data.connect(note)
    qtbot.waitUntil(lambda: len(painted.learn.plot.losses) > 20)
    assert threads == {threading.main_thread()}


def test_the_preview_can_be_switched_off_while_it_learns(painted, viewer, forever, click, qtbot):
    previews = []
    painted.bench.runner.progressed.connect(lambda batch: previews.extend(p.preview for p in batch))
    click(painted.learn.train)
    qtbot.waitUntil(lambda: bool(previews) and previews[-1] is not None)
    painted.learn.live.setChecked(False)
    qtbot.waitUntil(lambda: previews[-1] is None)
    viewer.dims.set_point(0, 2.0 * 3)
    qtbot.wait(400)
    assert previews[-1] is None
    painted.learn.live.setChecked(True)
    qtbot.waitUntil(lambda: previews[-1] is not None)


def test_no_widget_is_asked_from_the_jobs_thread(painted, forever, click, qtbot, monkeypatch):
    threads, live = set(), painted.learn.live

    def checked():
        threads.add(threading.current_thread())
        return True

    monkeypatch.setattr(live, "isChecked", checked)
    click(painted.learn.train)
    qtbot.waitUntil(lambda: len(painted.learn.plot.losses) > 5)
    assert threads == {threading.main_thread()}


def test_stop_and_keep_ends_the_training_and_keeps_what_it_has(painted, click, qtbot):
    dock, learn = painted, painted.learn
    assert not learn.stop.isEnabled()
    learn.model.choice = "unet-scratch"
    learn.form.widgets["alone"].value = True
    learn.form.widgets["minutes"].value = 600
    click(learn.train)
    qtbot.waitUntil(lambda: len(learn.plot.losses) > 1, timeout=MINUTE)
    click(dock.progress.pause)
    click(learn.stop)
    assert not learn.stop.isEnabled()
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert learn.model.choice.exists() and "Scored on strokes" in learn.gain.text()
    steps = read_run(learn.model.choice.with_name(f"{learn.model.choice.name}.run.json")).results
    assert 1 <= steps["steps"] < 100


def test_pause_and_resume(painted, forever, click, qtbot):
    dock = painted
    click(dock.learn.train)
    qtbot.waitUntil(lambda: len(dock.learn.plot.losses) > 3)
    click(dock.progress.pause)
    assert dock.progress.pause.text() == "Resume"
    qtbot.wait(300)
    steps = len(dock.learn.plot.losses)
    qtbot.wait(200)
    assert len(dock.learn.plot.losses) == steps
    click(dock.progress.pause)
    qtbot.waitUntil(lambda: len(dock.learn.plot.losses) > steps)


def test_painting_goes_on_while_it_learns(painted, viewer, forever, click, stroke, qtbot):
    click(painted.learn.train)
    qtbot.waitUntil(lambda: len(painted.learn.plot.losses) > 3)
    layer = viewer.layers["patch 1"]
    layer.data[:] = 0
    z = int(layer.world_to_data(viewer.dims.point)[0])
    painted.bench.patches.choose("patch 1")
    painted.bench.patches.paint_with(VESSEL)
    stroke(layer, (z, 20, 20))
    assert layer.data.any()


@pytest.mark.parametrize("how", ["viewer", "dock"])
def test_closing_ends_the_job(painted, viewer, forever, click, qtbot, how):
    click(painted.learn.train)
    qtbot.waitUntil(lambda: len(painted.learn.plot.losses) > 3)
    if how == "viewer":
        viewer.close()
    else:
        viewer.window.remove_dock_widget(painted)
    assert forever.is_set()
    assert not painted.bench.runner.running


def test_a_dock_that_floats_goes_on_and_still_ends_with_the_viewer(
    painted, viewer, forever, click, qtbot
):
    outer = painted.parent()
    while not isinstance(outer, QDockWidget):
        outer = outer.parent()
    click(painted.learn.train)
    qtbot.waitUntil(lambda: len(painted.learn.plot.losses) > 3)
    for floating in (True, False, True):
        outer.setFloating(floating)
        qtbot.wait(100)
        steps = len(painted.learn.plot.losses)
        qtbot.waitUntil(lambda n=steps: len(painted.learn.plot.losses) > n)
    viewer.close()
    assert forever.is_set()


def test_a_runtime_error_is_told(painted, monkeypatch, click, qtbot, notes):
    def finetune(self, run):
        yield Progress(0, 1)
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(Finetune, "job", finetune)
    click(painted.learn.train)
    qtbot.waitUntil(lambda: not painted.bench.runner.running)
    assert "Fine-tune failed: CUDA out of memory" in notes
    assert painted.learn.train.isEnabled()


def test_one_class_only_is_a_sentence(dock, viewer, click, qtbot, notes):
    click(dock.annotate.classes[VESSEL])
    viewer.layers.selection.active.data = np.full((12, 64, 72), VESSEL, np.uint8)
    click(dock.learn.train)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert any("background" in note for note in notes)
    # It stays, whole.
    assert dock.trouble.text() == notes[-1] and not dock.trouble.isHidden()
    assert dock.trouble.wordWrap()
    assert dock.progress.message.text().startswith("Fine-tune: failed after ")


def test_what_goes_wrong_by_itself_is_said_too(dock, painted, click, qtbot, forever, monkeypatch):
    def fail(self, run):
        yield Progress(0, 1)
        raise InputError("The image is too dark; choose another.")

    monkeypatch.setattr(Predict, "job", fail)
    click(dock.predict.go)
    qtbot.waitUntil(lambda: "too dark" in dock.trouble.text())
    click(dock.learn.train)
    assert dock.trouble.isHidden()
    dock.bench.patches.failed.emit(InputError("The disk is full; free some room."))
    assert "full" in dock.trouble.text() and not dock.trouble.isHidden()


def test_after_a_job_it_is_said_how_it_ended_and_how_long_it_took(dock, qtbot, click):
    def job(ends):
        yield Progress(0, 1)
        while not ends:
            time.sleep(0.01)
            yield Progress(0, 1)

    dock.bench.start("Look", job(True), lambda _: None)
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    assert dock.progress.message.text() == "Look: done in 0 s."
    dock.bench.start("Look", job(False), lambda _: None)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    assert dock.progress.message.text() == "Look: cancelled after 0 s."


def test_nothing_is_trained_that_cannot_be_saved(painted, click, qtbot, notes):
    painted.bench.folder.mkdir(parents=True, exist_ok=True)
    (painted.bench.folder / "models").touch()
    click(painted.learn.train)
    qtbot.waitUntil(lambda: not painted.bench.runner.running, timeout=MINUTE)
    assert any("fine-tuned-1.safetensors cannot be written" in note for note in notes)
    assert not painted.learn.plot.losses


def test_a_model_that_is_none_is_refused(dock, notes, monkeypatch, click, tmp_path):
    (tmp_path / "cut.safetensors").write_bytes(b"no model")
    monkeypatch.setattr(
        "qtpy.QtWidgets.QFileDialog.getOpenFileName",
        lambda *_: (str(tmp_path / "cut.safetensors"), ""),
    )
    click(dock.learn.model.open)
    assert "cut.safetensors" in notes[0]
    assert dock.learn.model.choice == "base"


def test_an_output_that_exists_is_kept(dock, notes, click, tmp_path):
    (tmp_path / "out.ome.zarr").mkdir()
    (tmp_path / "out.ome.zarr" / "precious").touch()
    dock.predict.out.line.setText(str(tmp_path / "out.ome.zarr"))
    dock.predict.out.line.editingFinished.emit()
    click(dock.predict.go)
    assert "exists already" in notes[0]
    assert (tmp_path / "out.ome.zarr" / "precious").exists()


def test_the_form_has_the_settings_ranges_and_words(dock):
    rate = dock.learn.form.widgets["learning_rate"]
    assert rate.max == 0.1
    assert "halves every half_life steps" in rate.tooltip
    assert set(dock.learn.form.widgets["loss"].choices) >= {"dice-bce", "focal"}
    dock.learn.form.widgets["batch"].value = 3
    dock.learn.form.widgets["minutes"].value = 1.5
    minutes = dock.learn.form.outside("minutes")
    assert (minutes.minimum(), minutes.maximum(), minutes.singleStep()) == (0.05, 600, 0.5)
    assert minutes.suffix() == " min" and "Longest time to train" in minutes.toolTip()
    settings = dock.learn.form.value(dense=False)
    assert (settings.batch, settings.minutes, settings.patch) == (3, 1.5, (16, 64, 64))


def test_from_paint_to_files(
    painted, viewer, tubes, click, click_row, qtbot, monkeypatch, tmp_path, notes, unhurried
):
    dock, bench = painted, painted.bench

    def wait():
        qtbot.waitUntil(lambda: not bench.runner.running, timeout=2 * MINUTE)

    # Fine-tune
    dock.learn.model.choice = "unet-scratch"
    dock.learn.form.widgets["alone"].value = True
    dock.learn.form.widgets["minutes"].value = 5
    dock.learn.form.widgets["steps"].value = 3
    dock.learn.form.widgets["patch"].value = (8, 32, 32)
    click(dock.learn.train)
    wait()
    tuned = bench.folder / "models" / "fine-tuned-1.safetensors"
    assert dock.learn.model.choice == tuned
    record = read_run(bench.folder / "models" / "fine-tuned-1.safetensors.run.json")
    assert record.results["steps"] == 3
    assert read_card(tuned)["steps"] == 3 + record.results["finished"]
    assert len(dock.learn.plot.losses) in (3, 4)
    assert "preview while learning" in viewer.layers

    # Roll back, and forth
    click(dock.learn.back)
    assert dock.learn.model.choice == "unet-scratch"
    assert dock.learn.plot.isHidden()
    dock.learn.model.choice = tuned
    dock.learn.model.choice = "base"

    # Where next?
    monkeypatch.setattr(where, "SECONDS", MINUTE)  # however busy the computer is
    click(dock.where.ask)
    wait()
    assert dock.where.list.count() == len(dock.where.items) == 3
    click_row(dock.where.list, 0)
    proposal, picture = dock.where.current
    assert proposal.shape == (1, 64, 72) and picture.shape == (64, 72)
    assert proposal.reason in dock.where.list.item(0).toolTip()
    middle = [o + n // 2 for o, n in zip(proposal.origin, proposal.shape, strict=True)]
    assert viewer.dims.point[0] == 2.0 * middle[0]
    click(dock.where.add)
    assert dock.annotate.classes[VESSEL].isChecked()
    place = viewer.layers.selection.active.world_to_data(viewer.dims.point)
    assert 0 <= place[0] < viewer.layers.selection.active.data.shape[0]

    # Predict, cancel, resume
    dock.predict.form.widgets["tile"].value = (1, 16, 16)
    dock.predict.uncertainty.setChecked(True)
    dock.predict.form.widgets["samples"].value = 2
    out = dock.predict.out.path
    with unhurried():
        click(dock.predict.go)
    qtbot.waitUntil(lambda: bench.shown is not None, timeout=MINUTE)
    shown = ["tubes: probability", "tubes: uncertainty", "tubes: vessels"]
    qtbot.waitUntil(lambda: set(shown) <= {layer.name for layer in viewer.layers})
    names = [layer.name for layer in viewer.layers]
    assert names[:6] == ["tubes", *shown, "patch 1", "patch 2"]
    click(dock.progress.cancel)
    wait()
    assert dock.predict.go.text() == "Resume"
    assert not dock.predict.uncertainty.isEnabled()
    enabled = [name for name, w in dock.predict.form.widgets.items() if w.enabled]
    assert enabled == ["device"]
    dock.predict.threshold.setValue(0.3)
    click(dock.predict.go)
    wait()
    assert not is_unfinished(out)
    assert dock.predict.uncertainty.isEnabled()
    assert read_run(out.with_name("prediction-1.ome.zarr.run.json")).operation == "vessels.predict"
    assert dock.predict.out.path.name == "prediction-2.ome.zarr"
    assert dock.predict.earlier.currentText() == "prediction-1"
    shown = np.asarray(viewer.layers["tubes: probability"].data)
    assert shown.shape == tubes[0].shape
    assert 0 < shown.max() <= 1
    stored = np.asarray(open_volume(out).data)
    np.testing.assert_array_equal(shown, stored[0])
    np.testing.assert_array_equal(np.asarray(viewer.layers["tubes: uncertainty"].data), stored[1])

    # Threshold
    for threshold in (0.2, 0.7):
        dock.predict.threshold.setValue(threshold)
        qtbot.waitUntil(lambda t=threshold: bench.threshold == t)
        np.testing.assert_array_equal(
            np.asarray(viewer.layers["tubes: vessels"].data), shown >= threshold
        )

    # Analyse
    dock.predict.threshold.setValue(0.5)
    qtbot.waitUntil(lambda: bench.threshold == 0.5)
    click(dock.measure.analyse)
    wait()
    graph = dock.measure.graph
    lines = viewer.layers["tubes: centre lines"]
    assert len(lines.data) == sum(len(path) - 1 for path in graph.paths)
    np.testing.assert_allclose(lines.scale, (2, 1, 1))
    assert "µm" in dock.measure.bar.high.text()
    assert dock.measure.table.branches.view.model().rowCount() == len(graph.branches)

    # Export
    names = ((BRANCHES, "b"), (LINES, "v.swc"), (SUMMARY, "s"), (TIFF, "m"), (NIFTI, "m"))
    for kind, name in names:
        monkeypatch.setattr(
            "qtpy.QtWidgets.QFileDialog.getSaveFileName",
            lambda *_, n=name, k=kind: (str(tmp_path / n), k.filter),
        )
        dock.measure.export.kinds[kind].trigger()
        wait()
        assert "Saved" in notes[-1]
    table = pd.read_csv(tmp_path / "b.csv")
    np.testing.assert_allclose(table["length (µm)"], graph.branches["length"], rtol=1e-5)
    assert len(read_swc(tmp_path / "v.swc")) == len(graph.nodes)
    assert run(replay(tmp_path / "b.csv.run.json")).same
    for name in ("m.ome.tif", "m.nii.gz"):
        np.testing.assert_array_equal(open_volume(tmp_path / name).data, shown >= 0.5)


def test_a_prediction_with_a_pyramid_is_shown(
    viewer, tubes, notes, open_dock, click, tmp_path, qtbot
):
    wide = np.tile(tubes[0], (1, 5, 5))
    viewer.add_image(wide, name="wide", scale=(2, 1, 1))
    dock = open_dock(viewer)
    truth = np.tile(tubes[1], (1, 5, 5)).astype(np.float32)
    out = OmeZarrImage.create(
        tmp_path / "wide.ome.zarr",
        shape=(2, *wide.shape),
        dtype="float32",
        axes="CZYX",
        space=Space.of((2, 1, 1)),
        chunks=(1, 4, 64, 64),
        channels=("vessel probability", "uncertainty"),
    )
    out.write((slice(None),) * 4, np.stack([truth, truth]))
    assert len(out.levels) > 1
    dock.predict.out.line.setText(str(out.path))
    dock.predict.out.line.editingFinished.emit()
    click(dock.predict.show_button)
    assert notes == []
    for name in ("wide: vessels", "wide: probability", "wide: uncertainty"):
        qtbot.waitUntil(lambda name=name: name in viewer.layers)
        assert viewer.layers[name].multiscale
    np.testing.assert_array_equal(np.asarray(viewer.layers["wide: vessels"].data[0]), truth > 0)
    assert dock.measure.analyse.isEnabled()


def fine_tune(dock, click, qtbot, steps=1):
    """Train from scratch: from a trained model one that is worse would not be taken."""
    dock.learn.model.choice = "unet-scratch"
    dock.learn.form.widgets["alone"].value = True
    dock.learn.form.widgets["steps"].value = steps
    dock.learn.form.widgets["patch"].value = (8, 32, 32)
    click(dock.learn.train)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)


def test_a_prediction_of_another_channel_is_not_resumed(
    viewer, tubes, notes, open_dock, click, qtbot, tmp_path, held_up
):
    both = np.stack([tubes[0], tubes[0][:, ::-1]], axis=1)  # ZCYX
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    viewer.open(tmp_path / "two.tif", plugin="napari-midl")
    dock = open_dock(viewer)

    def choose(channel):
        dock.data.image.setCurrentIndex(dock.data.image.findText(f"two {channel}"))
        assert dock.bench.channel == channel

    choose(0)
    with held_up():
        click(dock.predict.go)
    qtbot.waitUntil(lambda: dock.bench.shown is not None, timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    stopped = dock.predict.out.path
    assert dock.predict.go.text() == "Resume"
    choose(1)
    assert dock.predict.go.text() == "Predict" and dock.predict.out.path != stopped
    assert "Resume" not in dock.hint.text()
    choose(0)
    assert dock.predict.go.text() == "Resume" and dock.predict.out.path == stopped


def test_models_made_before_are_listed_and_a_prediction_is_resumed_with_its_own(
    painted, viewer, click, qtbot, open_dock, unhurried
):
    for _ in range(2):
        fine_tune(painted, click, qtbot)
    models = painted.bench.folder / "models"
    first, second = (models / f"fine-tuned-{n}.safetensors" for n in (1, 2))
    painted.learn.model.choice = first
    painted.predict.form.widgets["tile"].value = (8, 32, 32)
    with unhurried():
        click(painted.predict.go)
    qtbot.waitUntil(lambda: painted.bench.shown is not None, timeout=MINUTE)
    click(painted.progress.cancel)
    qtbot.waitUntil(lambda: not painted.bench.runner.running)
    assert "Resume" in painted.hint.text()
    painted.learn.model.choice = second
    viewer.window.remove_dock_widget(painted)
    dock = open_dock(viewer)
    assert second in dock.learn.model
    # What was begun with one model is no reason to choose it for what comes next.
    assert dock.predict.go.text() == "Resume" and dock.learn.model.choice == second
    assert dock.predict.form.widgets["tile"].value == (8, 32, 32)
    click(dock.predict.go)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=MINUTE)
    assert dock.trouble.isHidden() and dock.learn.model.choice == second
    out = dock.bench.shown.path
    assert not is_unfinished(out)
    record = read_run(out.with_name(f"{out.name}.run.json"))
    assert Path(record.arguments["model"]) == first


def test_a_prediction_whose_model_is_gone_is_not_resumed_with_another(painted, click, qtbot):
    dock = painted
    fine_tune(dock, click, qtbot)
    dock.predict.form.widgets["tile"].value = (4, 32, 32)
    click(dock.predict.go)
    qtbot.waitUntil(lambda: dock.bench.shown is not None, timeout=MINUTE)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    dock.learn.model.choice.unlink()
    dock.learn.model.choice = "base"
    click(dock.predict.go)
    assert "begun with a model that is not in the list" in dock.trouble.text()
    assert is_unfinished(dock.predict.out.path)


def test_a_model_that_was_rolled_back_is_not_chosen_again(painted, viewer, click, qtbot, open_dock):
    fine_tune(painted, click, qtbot)
    tuned = painted.learn.model.choice
    viewer.window.remove_dock_widget(painted)
    dock = open_dock(viewer)
    assert dock.learn.model.choice == tuned
    fine_tune(dock, click, qtbot)
    second = dock.learn.model.choice
    dock.learn.in_use.before[-1] = tuned
    click(dock.learn.back)
    assert dock.learn.model.choice == tuned
    viewer.window.remove_dock_widget(dock)
    again = open_dock(viewer).learn.model
    assert again.choice == tuned and second in again
    words = [again.combo.itemText(index) for index in range(again.combo.count())]
    assert any(text.startswith("rolled back: fine-tuned-2") for text in words)
    assert again.combo.currentText().startswith("fine-tuned-1, Dice ")


def test_a_model_of_another_image_says_so(painted, viewer, tubes, click, qtbot):
    fine_tune(painted, click, qtbot)
    tuned = painted.learn.model.choice
    viewer.add_image(tubes[0].copy(), name="other")
    painted.data.image.setCurrentText("other")
    model = painted.learn.model
    assert model.choice == tuned
    assert model.combo.currentText().startswith("fine-tuned-1 (of tubes), Dice ")
    assert " there, " in model.combo.currentText()
    painted.learn.model.choice = "base"
    painted.data.image.setCurrentText("tubes")
    assert model.choice == tuned and "(of" not in model.combo.currentText()


def test_a_training_that_makes_nothing_better_leaves_the_model_chosen(
    painted, viewer, click, qtbot, open_dock
):
    learn = painted.learn
    learn.model.choice = "unet"
    ruinous = {"learning_rate": 0.1, "steps": 3, "patch": (8, 32, 32), "alone": True}
    for name, value in ruinous.items():
        learn.form.widgets[name].value = value
    click(learn.train)
    qtbot.waitUntil(lambda: not painted.bench.runner.running, timeout=MINUTE)
    assert learn.model.choice == "unet" and not learn.back.isEnabled()
    assert "the model it began with stays" in learn.gain.text()
    assert not learn.plot.isHidden() and learn.preview is None
    made = painted.bench.folder / "models" / "fine-tuned-1.safetensors"
    assert made.exists() and made not in learn.model
    viewer.window.remove_dock_widget(painted)
    again = open_dock(viewer).learn.model
    assert again.choice == "base" and made not in again


def test_earlier_predictions_can_be_shown_again(viewer, tubes, notes, open_dock, click, qtbot):
    viewer.add_image(tubes[0], name="tubes")
    dock = open_dock(viewer)
    assert not dock.predict.show_button.isEnabled()
    for number in (10, 2):
        path = dock.bench.folder / "results" / f"prediction-{number}.ome.zarr"
        image = OmeZarrImage.create(
            path,
            shape=(1, *tubes[0].shape),
            dtype="float32",
            axes="CZYX",
            chunks=(1, 4, 64, 64),
        )
        image.write((slice(None),) * 4, np.full((1, *tubes[0].shape), number / 20, np.float32))
    viewer.window.remove_dock_widget(dock)
    dock = open_dock(viewer)
    listed = [dock.predict.earlier.itemText(i) for i in range(dock.predict.earlier.count())]
    assert listed == ["prediction-2", "prediction-10"]
    for name, value in (("prediction-2", 0.1), ("prediction-10", 0.5)):
        dock.predict.earlier.setCurrentText(name)
        click(dock.predict.show_button)
        qtbot.waitUntil(lambda: "tubes: probability" in viewer.layers)
        assert np.asarray(viewer.layers["tubes: probability"].data).max() == np.float32(value)
    assert dock.predict.out.path.name == "prediction-1.ome.zarr"
    shutil.rmtree(path)
    dock.predict.earlier.setCurrentText("prediction-2")
    click(dock.predict.show_button)
    assert "prediction-2.ome.zarr is no prediction" in notes[0]


def test_what_a_job_found_comes_into_sight(painted, viewer, click, qtbot, monkeypatch):
    dock = painted

    def finetune(self, run):
        yield Progress(0, 1)
        shutil.copyfile(shipped_weights("vessels-base"), run.staged())
        run.results |= {"steps": 1, "before": {}, "after": {}}

    monkeypatch.setattr(Finetune, "job", finetune)
    viewer.window._qt_window.resize(1000, 500)
    viewer.window.show()
    bar = dock.findChild(QScrollArea).verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    click(dock.learn.train)
    bar.setValue(0)
    qtbot.waitUntil(lambda: not dock.learn.gain.visibleRegion().isEmpty())


def test_the_table_has_the_longest_first_and_goes_with_its_image(
    dock, viewer, tubes, click, qtbot, tmp_path
):
    show_truth(dock, tubes, tmp_path, click)
    click(dock.measure.analyse)
    qtbot.waitUntil(lambda: dock.measure.table is not None, timeout=MINUTE)
    model, lengths = dock.measure.table.branches.view.model(), dock.measure.graph.branches["length"]
    shown = [model.index(row, 3).data(Qt.ItemDataRole.UserRole) for row in range(len(lengths))]
    assert shown == sorted(lengths, reverse=True) and len(shown) > 1
    assert "Vessel branches of tubes" in viewer.window.dock_widgets
    assert dock.measure.shortest.suffix() == " µm"
    qtbot.waitUntil(lambda: dock.bench.idle)
    viewer.add_image(tubes[0], name="other")
    dock.data.image.setCurrentIndex(1)
    assert dock.measure.table is None
    assert not any("branches" in name for name in viewer.window.dock_widgets)


def test_numbers_of_another_threshold_are_not_exported(dock, viewer, tubes, click, qtbot, tmp_path):
    show_truth(dock, tubes, tmp_path, click)
    click(dock.measure.analyse)
    qtbot.waitUntil(lambda: dock.measure.graph is not None and dock.bench.idle, timeout=MINUTE)
    kinds = dock.measure.export.kinds
    assert kinds[BRANCHES].isEnabled() and dock.measure.stale.isHidden()
    dock.bench.cut(0.7)
    assert not kinds[BRANCHES].isEnabled() and not kinds[LINES].isEnabled()
    assert kinds[TIFF].isEnabled()
    assert "at threshold 0.50" in dock.measure.stale.text() and not dock.measure.stale.isHidden()
    assert "at threshold 0.50" in dock.measure.table.banner.text()
    dock.bench.cut(0.5)
    assert kinds[BRANCHES].isEnabled() and "at threshold" not in dock.measure.table.banner.text()


def test_a_fine_tuning_in_the_dock_replays(viewer, tubes, notes, open_dock, click, qtbot, tmp_path):
    tifffile.imwrite(tmp_path / "image.tif", tubes[0], photometric="minisblack")
    viewer.open(tmp_path / "image.tif", plugin="napari-midl")
    dock = open_dock(viewer)
    click(dock.annotate.classes[VESSEL])
    layer = viewer.layers.selection.active
    paint = np.zeros_like(layer.data)
    paint[2:11, 16:21, 22:38], paint[2:11, 46:51, 12:28] = VESSEL, BACKGROUND
    layer.data = paint
    layer.name = "a/2"
    fine_tune(dock, click, qtbot)
    record = dock.bench.folder / "models" / "fine-tuned-1.safetensors.run.json"
    same = run(replay(record))
    assert same.same, same.lines


def show_truth(dock, tubes, folder, click):
    """A prediction that is the truth, shown."""
    out = OmeZarrImage.create(
        folder / "out.ome.zarr",
        shape=(1, *tubes[0].shape),
        dtype="float32",
        axes="CZYX",
        space=Space.of((2, 1, 1)),
        chunks=(1, 4, 64, 64),
    )
    out.write((slice(None),) * 4, tubes[1][None].astype(np.float32))
    dock.predict.out.line.setText(str(out.path))
    dock.predict.out.line.editingFinished.emit()
    click(dock.predict.show_button)


def test_an_image_that_is_chosen_comes_into_view(dock, viewer, tubes, qtbot):
    far = viewer.add_image(tubes[0], name="far", translate=(0, 5000, 5000), visible=False)
    chooser = dock.data.image
    chooser.setFocus()
    viewer.reset_view()
    viewer.scene.camera.center, viewer.scene.camera.zoom = (0, 30, 30), 5
    qtbot.keyClick(chooser, Qt.Key.Key_Down)
    assert dock.bench.image is far and far.visible
    assert viewer.layers.selection.active is far
    assert looked_at(viewer, far) == (5, 31, 35)
    assert box_in_view(viewer, far, 1024)[1].stop - box_in_view(viewer, far, 1024)[1].start == 64

"""The segmentation dock as a new user drives it, by clicks in a window."""

from __future__ import annotations

import shutil

import dask.array as da
import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
import zarr
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog

from napari_midl.engine.jobs import run
from napari_midl.engine.models import read_card
from napari_midl.engine.replaying import replay
from napari_midl.engine.runs import read_run, record_path
from napari_midl.engine.shelf import shelf_folder
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.widgets.segment.learn import NONE
from napari_midl.widgets.tool.class_layers import in_colours
from napari_midl.widgets.tool.live_preview import PREVIEW

SECONDS = 120_000
pytestmark = pytest.mark.usefixtures("few_pixel_steps")


def picture(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A dim ground with bright squares and striped ones, and what each pixel is (0, 1, 2)."""
    x, truth = np.arange(128), np.zeros((128, 128), np.uint8)
    truth[16:56, 16:56] = truth[72:112, 72:112] = 1
    truth[16:56, 72:112] = truth[72:112, 16:56] = 2
    image = np.array([80.0, 160.0, 80.0])[truth] + 60 * (truth == 2) * (x // 3 % 2)
    noise = np.random.default_rng(seed).normal(0, 8, truth.shape)
    return (image + noise).astype(np.float32), truth


STROKES = {2: (24, 20, 50), 3: (24, 76, 106), 1: (6, 8, 120)}  # row and columns of each class
TRUTH = picture()[1]


@pytest.fixture
def dock(viewer, notes, tmp_path):
    """Two pictures, of which the first is chosen, and the dock beside them."""
    for seed in (0, 1):
        path = tmp_path / f"cells{seed}.tif"
        tifffile.imwrite(path, picture(seed)[0])
        viewer.open(path, plugin="napari-midl")
    made = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    made.learn.form.widgets["steps"].value = 100
    made.learn.live.setChecked(False)  # one test is of it
    choose(made, "cells0")
    return made


def choose(dock, image: str) -> None:
    dock.data.image.setCurrentIndex(dock.data.image.findText(image))


def name_two(dock, click) -> None:
    """Classes bright and striped."""
    click(dock.classes.add)
    dock.classes.name.setText("striped")
    dock.classes.name.editingFinished.emit()
    click(dock.classes.classes[2])
    dock.classes.name.setText("bright")
    dock.classes.name.editingFinished.emit()


def paint(dock, viewer, click, drag) -> None:
    """A stroke of each class, while another layer than the image is the active one."""
    for value, (row, start, stop) in STROKES.items():
        click(dock.classes.classes[value])
        viewer.layers.selection.active = viewer.layers["cells1"]
        drag(viewer, *[(0, row, x)[-viewer.dims.ndim :] for x in range(start, stop, 3)])


@pytest.fixture
def drag():
    """A drag over the canvas, through napari's own callbacks of the viewer."""

    def over(viewer, *places):
        from napari.utils.interactions import (
            mouse_move_callbacks,
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        event = Drag(viewer)
        for callbacks, kind, place in (
            (mouse_press_callbacks, "mouse_press", places[0]),
            *((mouse_move_callbacks, "mouse_move", p) for p in places[1:]),
            (mouse_release_callbacks, "mouse_release", places[-1]),
        ):
            event.type, event.position, event.dims_point = kind, place, place
            event.is_dragging = kind == "mouse_move"
            callbacks(viewer, event)

    return over


class Drag:
    """What napari hands to the mouse callbacks of a viewer: one event for a whole drag."""

    def __init__(self, viewer):
        self.button, self.buttons, self.modifiers = 1, [1], []
        self.pos, self.handled, self.native = np.zeros(2), False, None
        self.view_direction = self.up_direction = None
        self.dims_displayed = list(viewer.dims.displayed)


def run_by(dock, click, qtbot, button) -> None:
    qtbot.waitUntil(button.isEnabled)  # what was painted is told from the event loop
    click(button)
    qtbot.waitUntil(lambda: not dock.bench.runner.running, timeout=SECONDS)
    assert not dock.trouble.text()


def test_from_strokes_to_a_segmentation(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    assert dock.bench.classes.names == ("background", "bright", "striped")
    assert not dock.learn.train.isEnabled()
    paint(dock, viewer, click, drag)
    assert all(dock.bench.patches.counts.values())
    run_by(dock, click, qtbot, dock.learn.train)
    assert dock.learn.model.choice != NONE
    run_by(dock, click, qtbot, dock.predict.go)
    found = np.asarray(dock.bench.shown.labels.data).squeeze()
    assert (found == TRUTH)[64:].mean() > 0.85  # of which nothing is painted
    assert "Where it is wrong" in dock.next_step()[1]
    choose(dock, "cells1")
    choose(dock, "cells0")
    assert "<i>Show</i> brings back" in dock.hint.text()
    click(dock.predict.show_button)
    assert "Where it is wrong" in dock.hint.text()
    click(dock.classes.classes[2])
    drag(viewer, *[(0, 40, x)[-viewer.dims.ndim :] for x in range(20, 50, 3)])
    qtbot.waitUntil(lambda: "you painted since the model was made" in dock.next_step()[1])
    choose(dock, "cells1")
    choose(dock, "cells0")
    assert "you painted since the model was made" in dock.hint.text()

    click(dock.predict.show_button)
    first, left = dock.bench.shown.path, set(dock.bench.shown.layers)
    before = sorted(layer.name for layer in viewer.layers)
    other = first.with_name("segmentation-7.ome.zarr")
    shutil.copytree(first, other)
    viewer.window.remove_dock_widget(dock)
    assert left <= set(viewer.layers)  # to be looked at
    again = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    choose(again, "cells0")
    again.predict.earlier.setCurrentIndex(again.predict.earlier.findData(str(other)))
    click(again.predict.show_button)
    assert again.bench.shown.path == other and not left & set(viewer.layers)
    assert sorted(layer.name for layer in viewer.layers) == before


def test_paint_of_two_images_and_labels_that_know_one_class_teach_one_model(
    dock, viewer, click, drag, qtbot, tmp_path
):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    viewer.add_labels(255 * (TRUTH == 2).astype(np.uint8), name="stripes")
    choose(dock, "cells1")
    paint(dock, viewer, click, drag)
    table = dock.sources.table
    rows = [table.item(row, 0).text() for row in range(table.rowCount())]
    assert sorted(rows) == ["paint", "paint", "stripes"]
    assert "stripes" not in dock.sources.status.text()  # labels of others are not learnt unasked
    row = rows.index("stripes")
    table.item(row, 0).setCheckState(Qt.CheckState.Checked)
    bright, _striped = table.cellWidget(row, 2).menu().actions()
    bright.trigger()  # was not looked for
    assert "stripes (striped)" in dock.sources.status.text()
    run_by(dock, click, qtbot, dock.learn.train)
    card = read_card(dock.learn.model.choice)
    assert card["training_data"] == ["labels on cells1, cells0"]
    kept = dock.learn.model.choice.parent / f"{dock.learn.model.choice.stem} labels"
    assert len(list(kept.iterdir())) == 3
    assert "Too little is labelled to score it" in dock.learn.gain.text()
    assert "of bright" not in dock.learn.gain.text().split("Scored")[0]


LAZY = {
    "dask": lambda labels: da.from_array(labels, chunks=64),
    "levels": lambda labels: [labels, labels[::2, ::2]],
    "a zarr that is only read": lambda labels: zarr.open_array(
        zarr.create_array({}, data=labels).store, mode="r"
    ),
}


@pytest.mark.parametrize("kind", LAZY)
def test_labels_that_take_no_strokes_are_told_and_copied(dock, viewer, click, stroke, kind):
    layer = viewer.add_labels(LAZY[kind]((TRUTH == 2).astype(np.uint8)), name="stripes")
    assert "not kept" not in dock.sources.status.text() and dock.sources.copy.isHidden()
    tick(dock, "stripes")
    chosen = dock.sources.table.cellWidget(1, 1)
    chosen.setCurrentIndex(chosen.findText("cells1"))
    assert "Strokes in stripes are not kept" in dock.sources.status.text()
    click(dock.sources.copy)
    assert "not kept" not in dock.sources.status.text() and dock.sources.copy.isHidden()
    assert not layer.visible
    copy = viewer.layers["stripes copy"]
    copy.mode, copy.selected_label = "paint", 1
    stroke(copy, (100, 20), (100, 40))
    (source,) = (each for each in dock.sources.sources if each.image.name == "cells1")
    (patch,) = source.patches
    structure = dock.bench.classes.value("structure")
    assert (patch.labels[0, 100, 20:41] == structure).all()
    assert (patch.labels[0][TRUTH == 2] == structure).all()


def test_labels_in_memory_take_strokes(dock, viewer):
    viewer.add_labels((TRUTH == 2).astype(np.uint8), name="stripes")
    tick(dock, "stripes")
    assert "not kept" not in dock.sources.status.text() and dock.sources.copy.isHidden()


def named_labels(path, labels, names):
    """Labels in an OME-Zarr that says what its values are called."""
    like = {"shape": labels.shape, "dtype": "uint8", "axes": "YX", "chunks": (64, 64)}
    image = OmeZarrImage.create(path, **like)
    meanings = {value: Meaning(name) for value, name in names.items()}
    image.create_labels("named", meanings=meanings).write((slice(None),) * 2, labels)
    return path / "labels" / "named"


@pytest.mark.parametrize(
    ("names", "know", "strange", "meant"),
    [
        ({1: "Striped", 2: "bright"}, "all classes", "", ["background", "bright", "striped"]),
        ({0: "rest", 1: "striped"}, "striped", "", ["background", None, "striped"]),
        ({1: "striped", 2: "gland"}, "striped", "gland", ["background", "background", "striped"]),
        ({1: "striped", 2: "background"}, "striped", "", [None, "background", "striped"]),
    ],
)
def test_labels_that_name_their_values_say_what_they_know(
    dock, viewer, click, tmp_path, names, know, strange, meant
):
    name_two(dock, click)
    labels = np.array([0, 2 if 2 in names else 0, 1], np.uint8)[TRUTH]
    viewer.open(named_labels(tmp_path / "m.ome.zarr", labels, names), plugin="napari-midl")
    tick(dock, "named")
    shown = dock.sources.table.cellWidget(dock.sources.table.rowCount() - 1, 2)
    assert shown.text() == know and f"named ({know})" in dock.sources.status.text()
    said = f"named names {strange}, no class above"
    assert (said in dock.sources.status.text()) == bool(strange)
    (source,) = dock.sources.sources
    (patch,) = source.patches
    for kind, name in enumerate(meant):
        value = 0 if name is None else dock.bench.classes.value(name)
        if name is not None or 2 in names:
            assert (patch.labels[0][kind == TRUTH] == value).all()


def test_one_class_too_many_is_told(dock, click):
    dock.bench.use_classes(Classes(*(f"class {number}" for number in range(255))))
    click(dock.classes.add)
    assert "255 at most" in dock.trouble.text() and len(dock.bench.classes) == 255


def test_a_class_that_could_not_be_taken_back_is_not_brought_back(dock, viewer, click, drag):
    click(dock.classes.add)
    drag(viewer, (24, 20), (24, 50))
    viewer.window.remove_dock_widget(dock)
    again = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    again.learn.live.setChecked(False)
    choose(again, "cells1")
    click(again.classes.add)
    click(again.classes.undo)
    assert "is painted on cells0 too" in again.trouble.text()
    assert again.bench.classes.names[-1] == "structure 2"
    click(again.classes.redo)
    assert "cannot come back" not in again.trouble.text()


@pytest.mark.parametrize("index", [[np.nan, 1, 2, 3], ["a", "b", "c", "d"]])
def test_of_a_table_of_another_tool_what_names_values_is_read(dock, viewer, click, index):
    name_two(dock, click)
    told = {"index": index, "class": ["bright", None, "debris", "debris"]}
    viewer.add_labels(TRUTH, name="cells", features=told)
    tick(dock, "cells")
    said = "cells names debris, no class above; add one of that name, or it counts as background."
    assert (said in dock.sources.status.text()) == (2 in index)


def tick(dock, labels: str) -> None:
    table = dock.sources.table
    rows = [table.item(row, 0).text() for row in range(table.rowCount())]
    table.item(rows.index(labels), 0).setCheckState(Qt.CheckState.Checked)


def test_the_next_step_follows_what_is_ticked(dock, viewer):
    viewer.add_labels((TRUTH == 2).astype(np.uint8), name="stripes")
    assert "then paint a little of it" in dock.hint.text()
    rows = dock.sources.table
    rows.item(rows.rowCount() - 1, 0).setCheckState(Qt.CheckState.Checked)
    assert "Press <i>Learn</i>" in dock.hint.text()


def test_the_wrong_image_for_label_layers_is_told_in_a_sentence(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    viewer.add_labels(np.ones((50, 60), np.uint8), name="of another")
    table = dock.sources.table
    row = next(r for r in range(table.rowCount()) if table.item(r, 0).text() == "of another")
    table.item(row, 0).setCheckState(Qt.CheckState.Checked)
    qtbot.waitUntil(dock.learn.train.isEnabled)
    click(dock.learn.train)
    assert "choose the image that it was made on." in dock.trouble.text()
    assert not dock.bench.runner.running


def test_the_last_layers_need_a_network_to_begin_with(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    dock.learn.way.setCurrentIndex(dock.learn.way.findData("last"))
    qtbot.waitUntil(dock.learn.train.isEnabled)
    click(dock.learn.train)
    assert "needs a network to begin with" in dock.trouble.text()


def test_each_stroke_shows_what_it_teaches(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    assert PREVIEW not in viewer.layers
    dock.learn.live.click()
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    shown = viewer.layers[PREVIEW].data
    assert shown.shape[-1] == 4 and (shown[..., 3] > 0).any()
    dock.learn.live.click()
    assert PREVIEW not in viewer.layers


def test_after_a_cancel_the_strokes_are_shown_again(dock, viewer, click, drag, qtbot, unhurried):
    name_two(dock, click)
    dock.learn.live.click()
    paint(dock, viewer, click, drag)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    with unhurried():
        click(dock.learn.train)
    assert PREVIEW not in viewer.layers
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    assert dock.learn.model.choice == NONE and dock.learn.newer


def test_after_learning_the_strokes_are_shown_again_but_not_over_a_result(
    dock, viewer, click, drag, qtbot
):
    name_two(dock, click)
    dock.learn.live.click()
    paint(dock, viewer, click, drag)
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    run_by(dock, click, qtbot, dock.learn.train)
    assert dock.learn.model.choice != NONE and not dock.learn.newer
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    run_by(dock, click, qtbot, dock.predict.go)
    assert PREVIEW not in viewer.layers
    run_by(dock, click, qtbot, dock.learn.train)
    qtbot.wait(1000)
    assert PREVIEW not in viewer.layers


def test_a_model_of_other_channels_is_not_offered_for_predicting(
    dock, viewer, notes, click, drag, qtbot, tmp_path
):
    name_two(dock, click)
    both = np.repeat(picture()[0][None], 2, 0)
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "CYX"})
    viewer.open(tmp_path / "two.tif", plugin="napari-midl")
    choose(dock, "two 0")
    paint(dock, viewer, click, drag)
    run_by(dock, click, qtbot, dock.learn.train)
    assert "Press <i>Predict</i>" in dock.hint.text()
    choose(dock, "cells0")  # of one channel, which that model cannot take
    assert dock.learn.model.choice != NONE and "Predict" not in dock.next_step()[1]
    click(dock.predict.go)
    qtbot.waitUntil(lambda: "choose another model" in dock.trouble.text(), timeout=SECONDS)
    choose(dock, "cells1")  # what went wrong was of the other image
    assert not dock.trouble.text()


def test_a_long_name_of_a_class_makes_no_wide_dock(dock, click):
    before = dock.minimumSizeHint().width()
    dock.classes.name.setText("lymphocytes about a small vessel in the papillary dermis")
    dock.classes.name.editingFinished.emit()
    assert dock.classes.classes[2].text() == "Lymphocytes abo… (2)"
    assert dock.bench.classes.names[1].endswith("papillary dermis")
    assert dock.minimumSizeHint().width() < before + 100


def test_a_long_name_of_an_image_makes_no_wide_dock(dock, viewer):
    before = dock.minimumSizeHint().width()
    called = "20190412_mouse_brain_vessels_2photon_sample3_stitched_c1"
    viewer.add_image(np.zeros((16, 16), np.float32), name=called)
    choose(dock, called)
    assert "20190412_mous…3_stitched_c1" in dock.sources.status.text()
    assert dock.minimumSizeHint().width() <= before


def test_what_is_opened_after_all_were_gone_stands_for_none_of_them(dock, viewer):
    kept = viewer.layers["cells0"].data
    viewer.layers.remove("cells0")
    assert not dock.data.picked.isVisibleTo(dock)  # one is left, which could be no other
    viewer.layers.clear()
    viewer.add_image(kept, name="new")
    viewer.add_image(kept, name="newer")
    assert dock.bench.image.name == "new" and not dock.data.picked.isVisibleTo(dock)
    viewer.layers.remove("new")
    viewer.add_image(kept, name="newest")
    assert "chosen is gone" in dock.data.picked.text() and dock.data.picked.isVisibleTo(dock)


def test_each_way_says_when_it_is_right(dock):
    said = set()
    for index in range(dock.learn.way.count()):
        dock.learn.way.setCurrentIndex(index)
        said.add(dock.learn.when.text())
    assert len(said) == dock.learn.way.count() == 5
    assert all("Right" in text for text in said)


def test_classes_and_paint_are_there_again(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    before = dock.bench.patches.counts
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    viewer.window.remove_dock_widget(dock)
    again = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    choose(again, "cells0")
    assert again.bench.classes.names == ("background", "bright", "striped")
    assert again.bench.patches.counts == before


def test_a_class_with_paint_can_be_renamed_but_not_removed(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    qtbot.waitUntil(lambda: not dock.classes.drop.isEnabled())
    click(dock.classes.classes[3])
    dock.classes.name.setText("hatched")
    dock.classes.name.editingFinished.emit()
    assert dock.bench.patches.counts["hatched"] > 0
    click(dock.classes.add)
    click(dock.classes.drop)
    assert dock.bench.classes.names == ("background", "bright", "hatched")


def test_strokes_can_be_undone_after_a_class_is_added(dock, viewer, click, drag, qtbot):
    classes, patches = dock.classes, dock.bench.patches
    click(classes.classes[2])
    drag(viewer, *[(0, 24, x)[-viewer.dims.ndim :] for x in range(20, 50, 3)])
    qtbot.waitUntil(lambda: patches.counts["structure"] > 0)
    before = patches.counts["structure"]
    click(classes.add)
    added, layer = dock.bench.classes.names[-1], patches.cells.shown[0].layer
    assert patches.counts["structure"] == before and patches.label == 3
    drag(viewer, *[(0, 76, x)[-viewer.dims.ndim :] for x in range(20, 50, 3)])
    qtbot.waitUntil(lambda: patches.counts[added] > 0)
    np.testing.assert_allclose(
        layer.get_color(3)[:3], [part / 255 for part in dock.bench.classes.labels[2].rgb]
    )
    assert list(layer.features["class"])[-1] == added
    qtbot.waitUntil(lambda: not patches.unsaved)
    click(classes.undo)
    qtbot.waitUntil(lambda: patches.counts == {"background": 0, "structure": before, added: 0})
    click(classes.undo)  # the class
    assert dock.bench.classes.names == ("background", "structure") and 3 not in classes.classes
    click(classes.undo)
    qtbot.waitUntil(lambda: patches.counts["structure"] == 0)
    assert not classes.undo.isEnabled()
    for _ in range(3):
        click(classes.redo)
    qtbot.waitUntil(lambda: patches.counts[added] > 0)
    assert patches.counts["structure"] == before


def test_a_class_that_is_removed_comes_back_in_its_turn(dock, viewer, click, drag, qtbot):
    classes, patches = dock.classes, dock.bench.patches
    name_two(dock, click)

    def erase_row(row):
        click(classes.classes[0])
        drag(viewer, *[(0, row, x)[-viewer.dims.ndim :] for x in range(10, 120, 2)])

    paint(dock, viewer, click, drag)
    row = STROKES[3][0]
    qtbot.wait(50)  # else the next one is of the same stroke
    painted = patches.counts
    erase_row(row)
    qtbot.waitUntil(classes.drop.isEnabled)
    rest = patches.counts
    click(classes.drop)
    assert dock.bench.classes.names == ("background", "bright") and classes.undo.isEnabled()
    click(classes.add)  # in its place
    click(classes.classes[3])
    drag(viewer, *[(0, row, x)[-viewer.dims.ndim :] for x in range(80, 100, 2)])
    qtbot.waitUntil(lambda: patches.counts.get("structure 2", 0) > 0)
    for _ in range(3):
        click(classes.undo)
    assert dock.bench.classes.names == ("background", "bright", "striped")
    assert patches.counts == rest
    click(classes.undo)
    qtbot.waitUntil(lambda: patches.counts == painted)
    for _ in range(4):
        click(classes.redo)
    qtbot.waitUntil(lambda: patches.counts.get("structure 2", 0) > 0)
    assert dock.bench.classes.names == ("background", "bright", "structure 2")


def test_a_class_whose_name_was_taken_does_not_come_back(dock, viewer, click, drag, qtbot):
    classes = dock.classes
    name_two(dock, click)
    click(classes.drop)
    click(classes.classes[2])
    classes.name.setText("striped")
    classes.name.editingFinished.emit()
    click(classes.undo)
    assert dock.bench.classes.names == ("background", "striped")
    assert "striped cannot come back" in dock.trouble.text() and not classes.undo.isEnabled()


def test_classes_named_anew_or_removed_are_so_on_each_image(dock, viewer, click, drag, qtbot):
    """What is painted on the other image goes on teaching, in the classes that there are now."""
    bench, said = dock.bench, dock.sources.status
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    choose(dock, "cells1")
    click(dock.classes.classes[2])
    dock.classes.name.setText("light")
    dock.classes.name.editingFinished.emit()
    assert "on cells1 and what is painted on cells0." in said.text()
    assert bench.painted_on(viewer.layers["cells0"])
    click(dock.classes.drop)
    assert "striped is painted on cells0 too" in dock.trouble.text()
    assert bench.classes.names == ("background", "light", "striped")
    click(dock.classes.add)
    click(dock.classes.drop)  # of nothing
    assert bench.painted_on(viewer.layers["cells0"])
    choose(dock, "cells0")
    assert bench.classes.names == ("background", "light", "striped")
    assert bench.patches.counts["light"] > 0


def test_another_colour_of_a_class_is_that_of_the_result_too(
    dock, viewer, click, drag, qtbot, monkeypatch
):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    run_by(dock, click, qtbot, dock.learn.train)
    run_by(dock, click, qtbot, dock.predict.go)

    def is_purple():
        found = viewer.layers["cells0: bright"].colormap.colors[-1]
        return np.allclose(dock.bench.shown.labels.get_color(1), found, atol=0.01) and np.allclose(
            found, [0x80 / 255, 0, 1, 1], atol=0.01
        )

    qtbot.waitUntil(lambda: "cells0: doubt" in viewer.layers)
    before = viewer.layers["cells0: striped"].colormap
    assert not is_purple()
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#8000ff"))
    click(dock.classes.classes[2])
    click(dock.classes.colour)
    assert is_purple() and viewer.layers["cells0: striped"].colormap == before
    choose(dock, "cells1")
    choose(dock, "cells0")
    click(dock.predict.show_button)
    qtbot.waitUntil(lambda: "cells0: bright" in viewer.layers)
    assert is_purple()


def test_paint_in_other_classes_is_said_not_to_be_learnt(dock, viewer, click, drag, qtbot):
    paint_one = [(0, 24, x)[-viewer.dims.ndim :] for x in range(20, 50, 3)]
    click(dock.classes.classes[2])
    drag(viewer, *paint_one)
    first = viewer.layers["cells0"]
    qtbot.waitUntil(lambda: not dock.bench.patches.unsaved)
    viewer.layers.remove(first)
    name_two(dock, click)  # while the other image is away
    click(dock.classes.classes[2])
    drag(viewer, *paint_one)
    viewer.add_layer(first)
    qtbot.waitUntil(lambda: "Not what is painted on cells0" in dock.sources.status.text())
    assert "background, structure, not those above" in dock.sources.status.text()


def test_a_class_that_was_not_painted_has_no_layer_of_its_own(dock, viewer, click, drag, qtbot):
    """An empty one would say that there is none in the image."""
    name_two(dock, click)
    click(dock.classes.add)
    dock.classes.name.setText("ring")
    dock.classes.name.editingFinished.emit()
    paint(dock, viewer, click, drag)
    run_by(dock, click, qtbot, dock.learn.train)
    assert "Nothing is labelled ring" in dock.learn.gain.text()
    assert read_card(dock.learn.model.choice)["unlearnt"] == ["ring"]
    run_by(dock, click, qtbot, dock.predict.go)
    made = {f"cells0: {what}" for what in ("bright", "striped", "doubt", "classes")}
    qtbot.waitUntil(lambda: {layer.name for layer in dock.bench.shown.layers} == made)
    assert list(dock.bench.shown.labels.features["class"])[-1] == "ring (not learnt)"

    # Two classes exchanged: what the model found is called otherwise until it learns again.
    for value, name in ((2, "other"), (3, "bright"), (2, "striped")):
        click(dock.classes.classes[value])
        dock.classes.name.setText(name)
        dock.classes.name.editingFinished.emit()
    assert "the model tells background, bright, striped, ring apart" in dock.next_step()[1]


def test_the_shelf_keeps_and_compares_models(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    for _ in range(2):
        dock.learn.form.widgets["steps"].value = 20
        run_by(dock, click, qtbot, dock.learn.train)
    click(dock.learn.model.shelf)
    shelf = dock.learn.shelf.window
    assert {each.name for each in shelf._models} == {"segment-1", "segment-2"}
    assert "bright" in shelf.card.text()
    click(shelf.keep)
    kept = {path.name for path in shelf_folder().iterdir()}
    assert kept == {"segment-2.safetensors", "segment-2.safetensors.run.json"}
    told = [shelf.left.itemText(row) for row in range(shelf.left.count())]
    assert "segment-2, on shelf" in told and len(set(told)) == len(told)
    run_by(dock, click, qtbot, shelf.compare)
    assert "they differ in" in shelf.status.text()
    layer = viewer.layers["two models compared"]
    middle = layer.data.copy()
    shelf.slider.setValue(shelf.slider.maximum() // 4)
    assert not np.array_equal(layer.data, middle)
    shelf.close()
    assert "two models compared" not in viewer.layers


def test_generated_trees_are_learnt_first_and_once(dock, viewer, click, drag, qtbot):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    dock.learn.way.setCurrentIndex(dock.learn.way.findData("trees"))
    dock.learn.form.widgets["minutes"].value = 0.05
    dock.learn.form.widgets["steps"].value = 2
    run_by(dock, click, qtbot, dock.learn.train)
    trees = dock.learn.models / "generated trees 2d.safetensors"
    made = trees.stat().st_mtime_ns
    card = read_card(dock.learn.model.choice)
    assert "generated trees" in card["training_data"]
    names = [each["name"] for each in card["classes"]["classes"]]
    assert names == ["background", "bright", "striped"]
    run_by(dock, click, qtbot, dock.learn.train)
    assert trees.stat().st_mtime_ns == made


def test_the_table_tells_the_dice_of_each_class_on_strokes_not_seen(
    dock, viewer, click, drag, qtbot
):
    name_two(dock, click)
    paint(dock, viewer, click, drag)
    elsewhere = {2: (80, 76, 106), 3: (80, 20, 50), 1: (62, 8, 120)}
    for value, (row, start, stop) in elsewhere.items():
        click(dock.classes.classes[value])
        drag(viewer, *[(row, x) for x in range(start, stop, 3)])
    run_by(dock, click, qtbot, dock.learn.train)
    after = read_run(record_path(dock.learn.model.choice)).results["after"]
    told = dock.learn.gain.text()
    assert f"Dice&nbsp;&nbsp;</td><td><b>{after['dice']:.2f}<" in told
    for name, voxels in dock.bench.patches.counts.items():
        dice = after[f"dice of {name}"]
        assert dice > 0.5  # by no chance
        assert f"of {name}&nbsp;&nbsp;</td><td><b>{dice:.2f}<" in told
        assert f"{voxels:,} voxels of {name}" in told
    choose(dock, "cells1")
    assert dock.learn.gain.isHidden()  # it is of another image


def test_each_channel_counts_while_one_paints(viewer, notes, click, drag, qtbot, tmp_path):
    noise = np.random.default_rng(5).normal(100, 8, TRUTH.shape)
    both = np.stack([noise, picture()[0]]).astype(np.float32)
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "CYX"})
    viewer.open(tmp_path / "two.tif", plugin="napari-midl")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    assert dock.bench.channel == 0  # which tells nothing
    name_two(dock, click)
    for value, (row, start, stop) in STROKES.items():
        click(dock.classes.classes[value])
        drag(viewer, *[(0, row, x)[-viewer.dims.ndim :] for x in range(start, stop, 3)])
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    qtbot.waitUntil(lambda: right(viewer, dock) > 0.8, timeout=SECONDS)
    dock.learn.channels.click()
    assert PREVIEW not in viewer.layers
    qtbot.waitUntil(lambda: PREVIEW in viewer.layers, timeout=SECONDS)
    assert right(viewer, dock) < 0.7


@pytest.mark.parametrize("together", [True, False])
def test_a_segmentation_is_resumed_with_its_channels_alone(
    viewer, notes, click, drag, qtbot, tmp_path, held_up, together
):
    both = np.stack([picture(seed)[0] for seed in range(2)])
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "CYX"})
    viewer.open(tmp_path / "two.tif", plugin="napari-midl")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    dock.learn.form.widgets["steps"].value = 100
    name_two(dock, click)
    for value, (row, start, stop) in STROKES.items():
        click(dock.classes.classes[value])
        drag(viewer, *[(0, row, x)[-viewer.dims.ndim :] for x in range(start, stop, 3)])
    if not together:
        dock.learn.channels.click()
    run_by(dock, click, qtbot, dock.learn.train)
    with held_up():
        click(dock.predict.go)
    qtbot.waitUntil(lambda: dock.bench.shown is not None, timeout=SECONDS)
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: not dock.bench.runner.running)
    assert dock.predict.go.text() == "Resume"
    choose(dock, "two 1")
    assert dock.predict.go.text() == ("Resume" if together else "Predict")
    choose(dock, "two 0")
    assert dock.predict.go.text() == "Resume"


def test_paint_belongs_to_the_time_point_in_view(viewer, notes, click, drag, qtbot, tmp_path):
    frames = np.stack([picture(seed)[0] for seed in range(3)])[:, None]
    tifffile.imwrite(tmp_path / "series.tif", frames, imagej=True, metadata={"axes": "TZYX"})
    viewer.open(tmp_path / "series.tif", plugin="napari-midl")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    bench, shown = dock.bench, viewer.dims.current_step[0]
    assert bench.time == shown
    click(dock.classes.classes[1])
    drag(viewer, *[(shown, 0, 6, x) for x in range(8, 120, 3)])
    click(dock.classes.classes[2])
    drag(viewer, *[(shown, 0, 24, x) for x in range(20, 50, 3)])
    painted = bench.patches.counts["structure"]
    run_by(dock, click, qtbot, dock.learn.train)
    run_by(dock, click, qtbot, dock.predict.go)
    assert dock.predict.earlier.count() == 1
    viewer.dims.set_current_step(0, 2 - 2 * (shown == 2))
    qtbot.waitUntil(lambda: bench.time == viewer.dims.current_step[0])
    assert not bench.patches.counts["structure"]
    assert bench.shown is None and not dock.predict.earlier.count()  # it was of another
    assert bench.patches.label == 2  # the brush stays in the hand
    np.testing.assert_array_equal(np.asarray(bench.volume.data[0]), frames[bench.time, 0])
    viewer.dims.set_current_step(0, shown)
    qtbot.waitUntil(lambda: bench.time == shown)
    assert bench.patches.counts["structure"] == painted > 0
    assert dock.predict.earlier.count() == 1


def test_strokes_of_all_time_points_teach_one_model(viewer, notes, click, drag, qtbot, tmp_path):
    """What is found is painted at one, what is not at another; a third one is predicted."""
    frames = np.stack([picture(seed)[0] for seed in range(4)])[:, None]
    tifffile.imwrite(tmp_path / "series.tif", frames, imagej=True, metadata={"axes": "TZYX"})
    viewer.open(tmp_path / "series.tif", plugin="napari-midl")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    dock.learn.form.widgets["steps"].value = 100
    bench, said = dock.bench, dock.sources.status

    def go_to(time: int) -> None:
        viewer.dims.set_current_step(0, time)
        qtbot.waitUntil(lambda: bench.time == time)

    go_to(0)
    click(dock.classes.classes[2])
    dock.classes.name.setText("bright")
    dock.classes.name.editingFinished.emit()
    for row in (24, 80):
        drag(viewer, *[(0, 0, row, x) for x in range(row - 4, row + 26, 3)])
    go_to(2)
    assert dock.learn.train.isEnabled()  # though nothing is painted here
    click(dock.classes.classes[1])
    for row in (6, 64):
        drag(viewer, *[(2, 0, row, x) for x in range(8, 120, 3)])
    qtbot.waitUntil(lambda: "on series at time points 0 and 2." in said.text())
    run_by(dock, click, qtbot, dock.learn.train)
    out = dock.learn.model.choice
    record = read_run(record_path(out))
    assert record.arguments["times"] == [0, 2]
    assert record.results["after"]["dice of bright"] > 0.8
    go_to(3)
    qtbot.waitUntil(lambda: "on series at time points 0 and 2." in said.text())
    run_by(dock, click, qtbot, dock.predict.go)
    labels = bench.shown.labels
    bright = np.squeeze(labels.data[0] if labels.multiscale else labels.data) == 1
    assert bright[TRUTH == 1].mean() > 0.8 and bright[TRUTH == 0].mean() < 0.1
    assert run(replay(record_path(out))).same
    click(dock.classes.classes[2])
    dock.classes.name.setText("cell")  # at this time point
    dock.classes.name.editingFinished.emit()
    go_to(0)
    assert bench.classes.names == ("background", "cell")


def test_while_a_job_runs_it_is_said_which_time_point_is_meant(
    viewer, notes, click, drag, qtbot, unhurried, tmp_path
):
    frames = np.stack([picture(seed)[0] for seed in range(3)])[:, None]
    tifffile.imwrite(tmp_path / "series.tif", frames, imagej=True, metadata={"axes": "TZYX"})
    viewer.open(tmp_path / "series.tif", plugin="napari-midl")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: dock.bench.time == 0)
    for value, row in ((1, 6), (2, 24)):
        click(dock.classes.classes[value])
        drag(viewer, *[(0, 0, row, x) for x in range(20, 50, 3)])
    with unhurried():
        qtbot.waitUntil(dock.learn.train.isEnabled)
        click(dock.learn.train)
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: "until then time point 0 is meant" in dock.trouble.text())
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: not dock.trouble.text())
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: "time point 0" in dock.trouble.text())
    click(dock.progress.cancel)
    qtbot.waitUntil(lambda: dock.bench.time == 2, timeout=SECONDS)
    assert not dock.trouble.text()


def test_what_is_painted_on_is_in_sight(viewer, notes, click, tmp_path):
    """At first the image that is active; one that is opened over it gives way; the view stays."""
    for seed in (0, 1):
        viewer.add_image(picture(seed)[0], name=f"cells{seed}")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    assert dock.bench.image is viewer.layers["cells1"]
    viewer.add_image(picture(2)[0], name="cells2")
    assert dock.bench.image is viewer.layers["cells1"]
    viewer.scene.camera.zoom, viewer.scene.camera.center = 9.0, (0, 20, 30)
    click(dock.classes.classes[2])
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center) == (9.0, (0, 20, 30))
    images = [layer.name for layer in viewer.layers if layer.name.startswith("cells")]
    assert images == ["cells0", "cells2", "cells1"]
    choose(dock, "cells0")
    assert dock.data.image.currentData() is dock.bench.image is viewer.layers["cells0"]
    dock.data.image.activated.emit(dock.data.image.currentIndex())
    assert viewer.layers.index(dock.bench.image) > viewer.layers.index(viewer.layers["cells1"])


def test_a_photograph_is_learnt_by_its_colours(viewer, notes, click, drag, qtbot, tmp_path):
    """As napari's own reader shows it, red, green and blue in one layer."""
    noise = np.random.default_rng(5).normal(0, 8, (*TRUTH.shape, 3))
    photo = np.array([[90, 90, 90], [140, 90, 60], [90, 140, 60]])[TRUTH] + noise
    imageio.imwrite(tmp_path / "photo.png", photo.clip(0, 255).astype(np.uint8))
    viewer.open(tmp_path / "photo.png", plugin="napari")
    assert viewer.layers["photo"].rgb
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1]
    dock.learn.live.setChecked(False)
    name_two(dock, click)
    for value, (row, start, stop) in STROKES.items():
        click(dock.classes.classes[value])
        drag(viewer, *[(row, x) for x in range(start, stop, 3)])
    run_by(dock, click, qtbot, dock.learn.train)
    run_by(dock, click, qtbot, dock.predict.go)
    found = np.asarray(dock.bench.shown.labels.data).squeeze()
    assert (found == TRUTH)[64:].mean() > 0.85


def right(viewer, dock) -> float:
    """The share of the picture of which the preview has the right colour."""
    layer = viewer.layers[PREVIEW]
    shown = np.asarray(layer.data).reshape(-1, *layer.data.shape[-3:])[0]
    top, left = (round(t) for t in layer.translate[-2:])
    truth = TRUTH[top:, left:][: shown.shape[0], : shown.shape[1]]
    wanted = in_colours(truth, dock.bench.classes)
    return float(np.isclose(shown[: truth.shape[0], : truth.shape[1]], wanted).all(-1).mean())

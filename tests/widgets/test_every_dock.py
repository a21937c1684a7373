"""What holds for each dock, whatever its tool."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import pairwise, product

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QListWidget,
    QScrollBar,
    QSlider,
    QWidget,
)
from superqt import QCollapsible

from napari_midl.widgets.parts.hint import LINES

DOCKS = ("Vessels", "Axons", "Anatomy", "Staining", "Segment")
# Parts that magicgui and superqt put together, whose outer widget has the tooltip.
_COMPOUND = ("TupleEdit", "Container", "QLabeledDoubleSlider", "QLabeledSlider")


class Windows(QObject):
    """What comes up as a window of its own."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.seen.append(watched.toolTip() or type(watched).__name__)
        return False


@pytest.mark.parametrize("name", DOCKS)
def test_opening_a_dock_flashes_no_other_window(viewer, notes, name):
    windows = Windows()
    QApplication.instance().installEventFilter(windows)
    dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
    QApplication.instance().removeEventFilter(windows)
    assert not windows.seen
    assert not dock.learn.model.shelf.isHidden()


@pytest.fixture
def docks(viewer, notes):
    """All of them in one window, by their names."""
    add = viewer.window.add_plugin_dock_widget
    return {name: add("napari-midl", name)[1] for name in DOCKS}


def test_everything_says_what_it_is_for(docks):
    """By a tooltip, to a screen reader, and in the first step."""
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QListWidget, QSlider)
    named = (*VALUES, QLineEdit, QListWidget)
    for name, dock in docks.items():
        widgets = [widget for kind in kinds for widget in dock.findChildren(kind)]
        assert len(widgets) > 10
        assert not [f"{name}: {type(w).__name__} {w.objectName()}" for w in widgets if bare(w)]
        fields = [w for kind in named for w in dock.findChildren(kind) if not _is_bar(w)]
        assert len(fields) > 10
        assert not [(name, type(w), w.parent()) for w in fields if not w.accessibleName()]
        assert "<b><u>1&nbsp;" in dock.hint.text() and "Open" in dock.hint.text()


def bare(widget):
    """Whether neither a widget nor what it is a part of says what it is for."""
    around = [widget, widget.parent(), widget.parent().parent()]
    if type(widget.parent()).__name__ in ("QTableView", "QHeaderView"):
        return False
    if any(type(w).__name__ in _COMPOUND or w.objectName().startswith("qt_") for w in around):
        return False
    return not any(w.toolTip() for w in around[:2])


def test_the_wheel_scrolls_and_changes_no_value(viewer, docks):
    viewer.window.show()
    for clicked, dock in product((False, True), docks.values()):
        turning = [w for kind in VALUES for w in dock.findChildren(kind) if not _is_bar(w)]
        assert len(turning) > 5
        for widget in turning:
            if clicked:
                widget.setFocus()
            place = QPointF(widget.rect().center())
            # As it falls on the spin box itself and on the line of text inside it.
            for part in (widget, *widget.findChildren(QLineEdit)):
                for turn in (120, -120):
                    before = value_of(widget)
                    QApplication.sendEvent(part, wheel(part, place, turn))
                    assert value_of(widget) == before, widget.toolTip()


VALUES = (QAbstractSpinBox, QComboBox, QAbstractSlider)


def _is_bar(widget):
    return isinstance(widget, QScrollBar)


def value_of(widget):
    return widget.currentIndex() if isinstance(widget, QComboBox) else widget.value()


def wheel(widget, place, turn):
    return QWheelEvent(
        place,
        QPointF(widget.mapToGlobal(place.toPoint())),
        QPoint(0, 0),
        QPoint(0, turn),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )


@pytest.mark.parametrize("name", DOCKS)
def test_buttons_stay_under_the_mouse_while_the_next_step_changes(viewer, notes, qtbot, name):
    viewer.window.show()
    dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
    button, places = dock.sections[0], []
    for lines in (1, 2, LINES - 1):  # and one for the steps
        dock.hint.show_step(1, "<br>".join(["<i>painting</i> it"] * lines))
        qtbot.wait(100)
        places.append(button.mapTo(dock, QPoint(0, 0)).y())
    assert len(set(places)) == 1


@pytest.mark.parametrize("name", DOCKS)
def test_buttons_stay_under_the_mouse_while_messages_come_and_go(viewer, notes, qtbot, name):
    viewer.window.show()
    dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
    qtbot.waitUntil(dock.progress.isVisible)
    buttons = [b for s in dock.sections for b in s.findChildren(QAbstractButton) if b.isVisible()]
    sentence = "No trace is under the mouse; click on one, or zoom out until it is nearer."
    places = []
    for text in ("", sentence, "", " ".join([sentence] * 5), ""):
        dock.sections[1].title.pressed.emit()
        dock.bench.told.emit(text)
        qtbot.wait(100)
        assert dock.trouble.isVisible() == bool(text)
        places.append([*map(partial(top_of, dock=dock), buttons)])
        if len(text) <= len(sentence):
            places[-1].append(top_of(dock.trouble, dock))
    heights = {place.pop() for place in (*places[:3], places[4])}
    assert len(heights) == 1 and all(place == places[0] for place in places)


def test_the_path_in_a_message_makes_no_dock_wide(viewer, docks, qtbot):
    viewer.window.show()
    qtbot.wait(500)  # napari's style reaches them
    for dock in docks.values():
        before = dock.minimumSizeHint().width()
        said = f"/data/{'a_long_name_' * 9}.ome.zarr is complete; give another name."
        dock.bench.told.emit(said)
        qtbot.wait(50)
        assert dock.minimumSizeHint().width() <= before
        assert dock.trouble.text() == dock.trouble.toolTip() == said
        dock.bench.told.emit("")
        assert dock.trouble.toolTip() != said


def test_the_tab_key_goes_past_what_is_folded(viewer, docks, click, qtbot):
    viewer.window.show()
    docks["Vessels"].learn.model.choice = "unet"  # what learns in seconds has nothing folded
    if "Segment" in docks:
        way = docks["Segment"].learn.way
        way.setCurrentIndex(way.findData("everything"))
    for dock in docks.values():
        dock.window().show()
        fold = dock.learn.form.fold
        inside = fold.content()
        assert not any(w.isVisible() for w in inside.findChildren(QWidget))
        click(fold.toggleButton())
        assert not dock.learn.form.widgets["device"].native.isHidden()
        qtbot.waitUntil(lambda inside=inside: inside.height() > 20)
        click(fold.toggleButton())
        assert not any(w.isVisible() for w in inside.findChildren(QWidget))


def test_the_tab_key_goes_from_top_to_bottom(viewer, notes, qtbot):
    viewer.window.show()
    for name in DOCKS:
        dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
        qtbot.waitUntil(dock.learn.train.isVisible)
        places, widget = [], dock.sections[0].title
        while dock.isAncestorOf(widget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
                places.append(top_of(widget, dock) + widget.height() // 2)
            widget = widget.nextInFocusChain()
        within = [place for place in places if place < top_of(dock.progress, dock)]
        assert len(within) > 5
        # What is beside each other need not have the same middle.
        assert all(b > a - 12 for a, b in pairwise(within)), name
        viewer.window.remove_dock_widget(dock)


def test_the_tab_key_comes_to_classes_that_were_added(viewer, notes, click, qtbot):
    viewer.window.show()
    viewer.add_image(np.zeros((32, 32), np.uint8))
    classes = viewer.window.add_plugin_dock_widget("napari-midl", "Segment")[1].classes
    qtbot.waitUntil(classes.add.isEnabled)
    click(classes.add)
    walked = [classes.title]
    while walked[-1] is not classes.hand:
        assert len(walked) < 20
        walked.append(walked[-1].nextInFocusChain())
    assert [w for w in walked if w in classes.classes.values()] == list(classes.classes.values())


def top_of(widget, dock):
    return widget.mapTo(dock, QPoint()).y()


def test_a_section_is_folded_away_until_it_is_needed_and_stays_so(
    viewer, notes, open_dock, click, qtbot
):
    viewer.window.show()
    dock = open_dock(viewer)
    qtbot.waitUntil(dock.learn.train.isVisible)
    click(dock.learn.title)
    assert not dock.learn.train.isVisible() and dock.predict.go.isVisible()
    viewer.window.remove_dock_widget(dock)
    again = open_dock(viewer)
    qtbot.waitUntil(again.predict.go.isVisible)
    assert not again.learn.train.isVisible()
    again.learn.bring_into_sight(again.learn.train)
    assert again.learn.train.isVisible()


@pytest.mark.parametrize("styled", [True, False], ids=["napari's style", "no style"])
@pytest.mark.parametrize("name", DOCKS)
def test_no_dock_is_wide_whatever_it_shows(viewer, notes, click, name, styled, qtbot):
    window, long = viewer.window._qt_window, "_as_long_as_microscopes_name_their_files" * 3
    viewer.window.show()
    window.resize(1024, 768)
    qtbot.wait(100)
    viewer.add_image(np.random.default_rng(0).random((8, 64, 64)), name=f"image{long}")
    viewer.add_labels(np.ones((8, 64, 64), np.uint8), name=f"labels{long}")
    viewer.add_points(np.zeros((2, 3)), name=f"points{long}")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
    if not styled:  # as before napari's style reaches it
        window.setStyleSheet("")
    widths = []

    def look():
        qtbot.wait(300)
        widths.append((dock.minimumSizeHint().width(), window.width()))

    look()
    for section in dock.sections:
        section.title.setChecked(True)
    look()
    if name == "Segment":
        dock.learn.way.setCurrentIndex(dock.learn.way.findData("everything"))
    elif name == "Vessels":
        dock.learn.model.choice = "unet"  # what learns in seconds has no settings
    for fold in dock.findChildren(QCollapsible):
        if fold.isVisible():
            click(fold.toggleButton())
    dock.bench.told.emit(f"/data/{long}.ome.zarr is complete; give another name.")
    look()
    assert all(least <= 1024 / 2.8 and whole == 1024 for least, whole in widths), widths


@pytest.mark.parametrize("name", DOCKS)
def test_a_dock_can_be_made_as_narrow_as_what_it_holds(viewer, notes, name, qtbot):
    window = viewer.window._qt_window
    window.resize(1100, 700)
    viewer.window.show()
    viewer.add_image(np.random.default_rng(0).random((64, 64)))
    around, dock = viewer.window.add_plugin_dock_widget("napari-midl", name)
    qtbot.wait(500)  # napari's style reaches it
    window.resizeDocks([around], [50], Qt.Orientation.Horizontal)
    qtbot.waitUntil(lambda: around.width() <= dock.minimumSizeHint().width())


def test_the_preferred_device_reaches_the_forms(viewer, notes, monkeypatch):
    from napari.settings import get_plugin_settings

    chosen = get_plugin_settings("napari-midl").inference
    monkeypatch.setattr(chosen, "device", "cpu")
    monkeypatch.setattr(chosen, "tile_y", 64)
    vessels, staining, axons, anatomy = (
        viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
        for name in ("Vessels", "Staining", "Axons", "Anatomy")
    )
    forms = [vessels.learn.form, vessels.predict.form, staining.stain.form, staining.learn.form]
    forms += [axons.learn.form, anatomy.learn.form]
    assert [form.widgets["device"].value for form in forms] == ["cpu"] * 6
    assert vessels.predict.form.widgets["tile"].value == (32, 64, 128)
    assert staining.stain.form.widgets["tile"].value == 128


def test_a_dock_opens_without_what_takes_seconds_to_import():
    code = (
        "import sys\nfrom importlib import import_module\n"
        f"for name in {DOCKS}:\n"
        "    import_module(f'napari_midl.widgets.{name.lower()}')\n"
        "    print(name, *[n for n in ('torch', 'ome_zarr', 'dask.array') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == list(DOCKS), done.stderr


def test_a_shared_key_is_that_of_the_dock_used_last(docks, viewer, qtbot, click):
    viewer.add_image(np.zeros((4, 64, 64), np.uint8), name="plain")
    canvas = viewer.window._qt_viewer.canvas.native
    painting = {name: docks[name].painting for name in ("Vessels", "Segment")}
    first = {name: next(iter(section.classes.values())) for name, section in painting.items()}
    for used, other in (("Vessels", "Segment"), ("Segment", "Vessels")):
        click(painting[other].hand)
        click(painting[used].hand)
        canvas.setFocus()
        qtbot.keyClick(canvas, Qt.Key.Key_2)
        assert first[used].isChecked() and not first[other].isChecked()
        assert f"(MIDL {used})" in viewer.status
    viewer.window.remove_dock_widget(docks["Segment"])
    click(painting["Vessels"].hand)
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_2)
    assert first["Vessels"].isChecked()

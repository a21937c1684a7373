"""What holds for each dock, whatever its tool."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QListWidget,
    QSlider,
)

DOCKS = ("Vessels", "Axons", "Anatomy", "Staining")
# Parts that magicgui and superqt put together, whose outer widget has the tooltip.
_COMPOUND = ("TupleEdit", "Container", "QLabeledDoubleSlider", "QLabeledSlider")


@pytest.fixture(params=DOCKS)
def each_dock(request, viewer, notes):
    return viewer.window.add_plugin_dock_widget("napari-midl", f"MIDL: {request.param}")[1]


def test_everything_has_a_tooltip(each_dock):
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QListWidget, QSlider)
    widgets = [widget for kind in kinds for widget in each_dock.findChildren(kind)]
    assert len(widgets) > 10
    assert not [f"{type(w).__name__} {w.objectName()}" for w in widgets if bare(w)]


def bare(widget):
    """Whether neither a widget nor what it is a part of says what it is for."""
    around = [widget, widget.parent(), widget.parent().parent()]
    if type(widget.parent()).__name__ in ("QTableView", "QHeaderView"):
        return False
    if any(type(w).__name__ in _COMPOUND or w.objectName().startswith("qt_") for w in around):
        return False
    return not any(w.toolTip() for w in around[:2])


def test_the_first_step_says_what_to_open(each_dock):
    assert "<b>1 " in each_dock.hint.text() and "Open" in each_dock.hint.text()


def test_the_preferred_device_reaches_the_forms(viewer, notes, monkeypatch, request):
    from napari.settings import get_plugin_settings

    chosen = get_plugin_settings("napari-midl").inference
    monkeypatch.setattr(chosen, "device", "cpu")
    monkeypatch.setattr(chosen, "tile_y", 64)
    vessels, staining, axons, anatomy = (
        viewer.window.add_plugin_dock_widget("napari-midl", f"MIDL: {name}")[1]
        for name in ("Vessels", "Staining", "Axons", "Anatomy")
    )
    forms = [vessels.learn.form, vessels.predict.form, staining.stain.form, staining.learn.form]
    forms += [axons.learn.form, anatomy.learn.form]
    assert [form.widgets["device"].value for form in forms] == ["cpu"] * 6
    assert vessels.predict.form.widgets["tile"].value == (32, 64, 128)
    assert staining.stain.form.widgets["tile"].value == 128

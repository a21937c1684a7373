"""One tool at a time has the mouse over the image, of all docks and of napari."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.vessels.classes import CLASSES

VESSEL = CLASSES.value("vessel")


@pytest.fixture
def tools(viewer, tubes, notes):
    """What takes the mouse in three docks over one image, by the button that begins it."""
    viewer.add_image(tubes[0], name="tubes", scale=(2, 1, 1), units=("um",) * 3)
    add = viewer.window.add_plugin_dock_widget
    vessels, axons, anatomy = (
        add("napari-midl", name)[1] for name in ("Vessels", "Axons", "Anatomy")
    )
    return {
        "paint": vessels.annotate.classes[VESSEL],
        "trace": next(iter(axons.trace.modes.values())),
        "place": anatomy.landmarks.place,
        "vessels": vessels,
    }


def test_what_is_begun_in_a_dock_ends_what_was_begun_in_another(tools, click):
    vessels = tools["vessels"].bench
    for first, then in (("paint", "place"), ("place", "paint"), ("trace", "place")):
        click(tools[first])
        click(tools[then])
        assert tools[then].isChecked() and not tools[first].isChecked()
    vessels.corrections.paint_with(VESSEL)
    assert vessels.corrections.label == VESSEL and not tools["place"].isChecked()
    click(tools["trace"])
    assert vessels.corrections.label is None and vessels.patches.label is None


def test_a_tool_of_napari_and_the_placing_of_landmarks_end_each_other(tools, viewer, click):
    points = viewer.add_points(np.zeros((0, 3)), name="own")
    click(tools["place"])
    viewer.layers.selection.active = points
    points.mode = "add"
    assert not tools["place"].isChecked()
    click(tools["place"])
    viewer.layers.selection.active = points
    assert tools["place"].isChecked() and points.mode == "pan_zoom"

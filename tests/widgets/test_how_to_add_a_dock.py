"""The dock of docs/how-to-add-a-method.md, in a real window."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from tests.page import page_modules


@pytest.fixture
def spots(viewer, notes):
    """The dock beside a stack with three spots of radius 3 in its second slice."""
    y, x = np.indices((64, 64))
    places = ((12, 12), (40, 20), (30, 50))
    plane = sum(np.exp(-((y - a) ** 2 + (x - b) ** 2) / 9.0) for a, b in places)
    image = np.zeros((3, 64, 64), np.uint8)
    image[1] = 255 * plane / plane.max()
    viewer.add_image(image, name="image", scale=(4, 2, 2))
    with page_modules("methods/", "widgets/"):
        dock = sys.modules["napari_midl.widgets.spots.dock"].SpotsDock(viewer)
        viewer.window.add_dock_widget(dock, name="Spots")
        yield dock


def test_a_click_finds_the_spots_and_shows_them(spots, viewer, click, qtbot):
    assert spots.find.form.widgets["radius"].value == 3.0
    click(spots.find.find)
    qtbot.waitUntil(lambda: "spots" in viewer.layers, timeout=60_000)
    points = viewer.layers["spots"]
    np.testing.assert_allclose(
        sorted(map(tuple, points.data)), [(1, 12, 12), (1, 30, 50), (1, 40, 20)], atol=1
    )
    np.testing.assert_allclose(points.scale, (4, 2, 2))

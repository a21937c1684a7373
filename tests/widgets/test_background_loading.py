from __future__ import annotations

import numpy as np
import pytest
import zarr
from napari.settings import get_settings


@pytest.fixture
def large(tmp_path):
    """An image of 64 GiB of which almost nothing is stored."""
    image = zarr.create_array(
        tmp_path / "large.zarr", shape=(4096,) * 3, chunks=(64,) * 3, dtype="uint8", fill_value=0
    )
    image[2048, 2048:2100, 2048:2100] = 200
    return image


@pytest.fixture
def preferences():
    experimental = get_settings().experimental
    before = experimental.async_
    experimental.async_ = False
    yield experimental
    experimental.async_ = before


def test_planes_of_a_large_image_are_loaded_in_the_background(
    viewer, open_dock, large, preferences, notes
):
    viewer.add_image(np.zeros((4, 64, 64)), name="small")
    dock = open_dock(viewer)
    assert not preferences.async_
    viewer.add_image(large, name="large", contrast_limits=(0, 255))
    dock.data.image.setCurrentText("large")
    assert dock.bench.image.name == "large"
    assert preferences.async_
    assert any("loads its planes in the background" in note for note in notes)
    dock.data.image.setCurrentText("small")
    assert not preferences.async_


def test_the_preference_is_as_before_once_the_dock_is_gone(viewer, open_dock, large, preferences):
    viewer.add_image(large, name="large", contrast_limits=(0, 255))
    dock = open_dock(viewer)
    assert preferences.async_
    viewer.window.remove_dock_widget(dock.parent())
    assert not preferences.async_


def test_who_turns_it_off_is_not_overruled(viewer, open_dock, large, preferences):
    viewer.add_image(large, name="large", contrast_limits=(0, 255))
    dock = open_dock(viewer)
    preferences.async_ = False
    dock.bench.job.emit()
    assert not preferences.async_

"""Painting with more classes than two."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.volumes.annotations import AnnotationStore
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.volume import Volume
from napari_midl.widgets.patches import PatchLayers

FIVE = Classes(
    "background", "axon", "myelin", "soma", "glia", sets={"no axon": ("background", "glia")}
)


@pytest.fixture
def patches(make_napari_viewer, qapp, tmp_path):
    viewer = make_napari_viewer()
    image = np.zeros((4, 32, 40), np.uint8)
    layers = PatchLayers(viewer, FIVE)
    layers.attach(viewer.add_image(image), Volume.from_array(image, name="i"), tmp_path / "patches")
    layers.image_viewer = viewer
    yield layers
    layers.detach()


@pytest.fixture
def layer(patches):
    """A blank to paint in, and the layer that is active."""
    patches.paint_with(FIVE.value("axon"))
    return patches.image_viewer.layers.selection.active


def test_each_label_has_its_colour_and_name(patches, layer):
    assert (layer.selected_label, layer.mode) == (FIVE.value("axon"), "paint")
    for label in FIVE.labels:
        patches.paint_with(label.value)
        assert (layer.selected_label, layer.mode) == (label.value, "paint")
        red, green, blue, _ = (round(255 * float(c)) for c in layer.get_color(label.value))
        assert f"#{red:02x}{green:02x}{blue:02x}" == label.colour
    assert list(layer.features["class"]) == [
        *("unlabelled", "background", "axon", "myelin", "soma", "glia", "no axon")
    ]
    assert layer.features["index"].tolist() == [0, 1, 2, 3, 4, 5, 255]


def test_an_unknown_label_becomes_the_last_class(patches, layer):
    layer.selected_label = 6
    assert layer.selected_label == FIVE.value("glia")
    layer.data = np.where(np.arange(40) < 4, 9, 255).astype(np.uint8) * np.ones(
        (4, 32, 1), np.uint8
    )
    assert np.unique(layer.data).tolist() == [5, 255]
    assert patches.counts["glia"] == 4 * 32 * 4
    assert patches.counts["no axon"] == 4 * 32 * 36


def test_the_classes_are_kept_with_the_patches(patches, layer, tmp_path):
    layer.data = np.full((4, 32, 40), FIVE.value("soma"), np.uint8)
    assert patches.flush()
    store = AnnotationStore(
        tmp_path / "patches", Volume.from_array(np.zeros((4, 32, 40)), name="i")
    )
    assert store.kept_classes() == FIVE

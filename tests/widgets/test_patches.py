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
BOX = (slice(0, 2), slice(8, 24), slice(8, 24))


@pytest.fixture
def patches(make_napari_viewer, qapp, tmp_path):
    viewer = make_napari_viewer()
    image = np.zeros((4, 32, 40), np.uint8)
    layers = PatchLayers(viewer, FIVE)
    layers.attach(viewer.add_image(image), Volume.from_array(image, name="i"), tmp_path / "patches")
    yield layers
    layers.detach()


def test_each_label_has_its_key_colour_and_name(patches):
    layer = patches.layer(patches.add(BOX))
    assert layer.selected_label == FIVE.value("axon")
    keys = {str(key): bound for key, bound in layer.keymap.items()}
    assert sorted(keys) == [*"0123456"]
    for label in FIVE.labels:
        keys[label.key](layer)
        assert (layer.selected_label, layer.mode) == (label.value, "paint")
        red, green, blue, _ = (round(255 * float(c)) for c in layer.get_color(label.value))
        assert f"#{red:02x}{green:02x}{blue:02x}" == label.colour
    assert list(layer.features["class"]) == [
        *("unlabelled", "background", "axon", "myelin", "soma", "glia", "no axon")
    ]
    assert layer.features["index"].tolist() == [0, 1, 2, 3, 4, 5, 255]


def test_an_unknown_label_becomes_the_last_class(patches):
    layer = patches.layer(patches.add(BOX))
    layer.selected_label = 6
    assert layer.selected_label == FIVE.value("glia")
    layer.data = np.where(np.arange(16) < 4, 9, 255).astype(np.uint8) * np.ones(
        (2, 16, 1), np.uint8
    )
    assert np.unique(layer.data).tolist() == [5, 255]
    assert patches.counts["glia"] == 2 * 16 * 4
    assert patches.counts["no axon"] == 2 * 16 * 12


def test_the_classes_are_kept_with_the_patches(patches, tmp_path):
    layer = patches.layer(patches.add(BOX))
    layer.data = np.full((2, 16, 16), FIVE.value("soma"), np.uint8)
    assert patches.flush()
    store = AnnotationStore(
        tmp_path / "patches", Volume.from_array(np.zeros((4, 32, 40)), name="i")
    )
    assert store.kept_classes() == FIVE

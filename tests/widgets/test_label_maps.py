"""Layers of labels that someone else made, over an image that goes through time."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes
from napari_midl.widgets.tool.label_maps import labelled

CLASSES = Classes("background", "nucleus", "membrane")


@pytest.fixture
def series():
    """An image of three time points."""
    return Image(np.zeros((3, 8, 10), np.uint8), axis_labels=("t", "y", "x"), name="series")


def test_a_layer_through_time_is_read_time_point_by_time_point(series):
    labels = np.zeros((3, 8, 10), np.uint8)
    labels[0, 2, 3], labels[2, 5, 6] = 1, 2
    found = labelled(Labels(labels), series, CLASSES, (), 1)
    assert list(found) == [0, 2]  # at the other nothing is labelled
    for time, patch in found.items():
        np.testing.assert_array_equal(patch.labels, labels[time][None] + 1)


def test_a_layer_of_one_plane_is_of_the_time_point_in_view(series):
    labels = np.zeros((8, 10), np.uint8)
    labels[2, 3] = 1
    assert list(labelled(Labels(labels), series, CLASSES, (), 1)) == [1]


def test_a_layer_of_another_size_is_refused(series):
    with pytest.raises(InputError, match="choose the image that it was made on"):
        labelled(Labels(np.ones((8, 9), np.uint8)), series, CLASSES, (), 0)

"""What napari is told of an image that is opened: its place, its contrast, what was assumed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_midl.reader import layers_of
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.volume import Volume


def options_of(volume):
    return [options for _, options, _ in layers_of(volume)]


def test_a_straight_image_is_shown_where_it_lies():
    volume = Volume.from_array(
        np.zeros((3, 2, 4, 5, 6), np.uint16),
        scale=(2, 0.5, 0.25),
        units="um",
        origin=(10, 20, 30),
    )
    for options in options_of(volume):
        assert options["axis_labels"] == ["t", "z", "y", "x"]
        assert options["scale"] == [1, 2, 0.5, 0.25]
        assert options["translate"] == [0, 30, 20, 10]
        assert options["units"] == ["pixel", *["micrometer"] * 3]


def test_a_turned_image_is_shown_along_its_own_axes_and_that_is_noted():
    turned = Volume.from_array(
        np.zeros((4, 5, 6)),
        scale=(2, 1, 1),
        units="mm",
        origin=(10, 20, 30),
        direction=[[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    )
    (options,) = options_of(replace(turned, notes=("The first is opened.",)))
    assert options["translate"] == [0, 0, 0]
    first, second = options["metadata"]["notes"]
    assert first == "The first is opened."
    assert "turned against the world" in second


@pytest.mark.parametrize("unit", [None, "pixel", "a.u.", "sec", "furlong"])
def test_napari_hears_of_no_unit_that_it_does_not_know(unit):
    volume = Volume.from_array(np.zeros((4, 5, 6)), scale=(2, 1, 1), units=unit, origin=(1, 2, 3))
    (options,) = options_of(volume)
    assert options["units"] == ["pixel"] * 3


@pytest.mark.parametrize("scale", [(None, 0.5, 0.5), (0, 0.5, 0.5), (np.nan, 0.5, 0.5)])
def test_an_image_whose_size_is_not_known_is_shown_in_voxels_at_zero(scale):
    volume = Volume.from_array(np.zeros((4, 5, 6)), scale=scale, units="um", origin=(1, 2, 3))
    (options,) = options_of(volume)
    assert (options["scale"], options["units"]) == ([1, 1, 1], ["pixel"] * 3)
    assert options["translate"] == [0, 0, 0]


def test_a_plane_has_its_pixel_size():
    (options,) = options_of(Volume.from_array(np.zeros((5, 6)), "YX", (0.5, 0.25), "um"))
    assert options["scale"] == [0.5, 0.25]


def ct():
    """Air, tissue and bone, a border of padding, and metal."""
    rng = np.random.default_rng(0)
    scan = rng.normal(40, 20, (40, 96, 96))
    scan[:, :20] = rng.normal(-1000, 10, (40, 20, 96))
    scan[:, 60:70, 30:60] = rng.normal(900, 100, (40, 10, 30))
    scan[:, :, :8] = -3024
    scan[:, 80:82, 80:82] = 30_000
    return scan.astype(np.int16)


def test_the_contrast_shows_the_image_and_not_its_padding_or_metal():
    (options,) = options_of(Volume.from_array(ct()))
    low, high = options["contrast_limits"]
    assert -1200 < low < -100
    assert 700 < high < 3000


def test_each_channel_has_its_own_contrast_but_colours_have_none():
    bright = np.stack([ct(), ct() * 0.1]).astype(np.int16)
    volume = Volume.from_array(bright, "CZYX")
    one, other = (options["contrast_limits"][1] for options in options_of(volume))
    assert one > 5 * other
    picture = replace(
        Volume.from_array(np.zeros((3, 9, 9), np.uint8), "CYX"), channels=("red", "green", "blue")
    )
    assert not any("contrast_limits" in options for options in options_of(picture))


@pytest.mark.parametrize("array", [np.zeros((4, 5, 6)), np.full((4, 5, 6), np.nan)])
def test_a_flat_image_has_a_contrast_too(array):
    (options,) = options_of(Volume.from_array(array))
    low, high = options["contrast_limits"]
    assert low < high


class Counted(Lazy):
    """Counts the voxels that are read."""

    def __init__(self, shape):
        super().__init__(shape, np.uint16, (1, *shape[-2:]))
        self.planes = []

    def read(self, box):
        sizes = [len(range(*s.indices(n))) for s, n in zip(box, self.shape, strict=True)]
        self.planes += list(range(*box[-3].indices(self.shape[-3])))
        return np.ones(sizes, self.dtype)


def test_only_a_few_planes_of_the_coarsest_level_are_read():
    fine, coarse = Counted((400, 4096, 4096)), Counted((200, 1024, 1024))
    volume = replace(Volume.from_array(coarse), levels=(fine, coarse))
    layers_of(volume)
    assert fine.planes == []
    assert 0 < len(set(coarse.planes)) <= 4
    huge = Counted((10, 8192, 8192))
    (options,) = options_of(Volume.from_array(huge))
    assert huge.planes == [] and "contrast_limits" not in options

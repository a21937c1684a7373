from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.volume import Volume


def volume(*units: str | None) -> Volume:
    return Volume.from_array(np.zeros((2, 3, 4)), scale=(2000.0, 0.5, 0.25), units=units)


@pytest.mark.parametrize("spatial", [False, True])
def test_voxels_are_measured_in_the_unit_of_x(spatial):
    mixed = volume("nanometer", "micrometer", "micrometer")
    mixed = mixed.spatial() if spatial else mixed
    assert mixed.voxel_size == pytest.approx((2.0, 0.5, 0.25))
    assert mixed.unit == "micrometer"
    assert mixed.scale == (2000.0, 0.5, 0.25)
    assert mixed.units == ("nanometer", "micrometer", "micrometer")


def test_an_unknown_unit_leaves_the_size_as_it_is():
    assert volume(None, "micrometer", "micrometer").voxel_size == (2000.0, 0.5, 0.25)
    assert volume("micrometer", None, None).voxel_size == (2000.0, 0.5, 0.25)


@pytest.mark.parametrize("unit", ["second", "furlongs per cake"])
def test_units_that_do_not_fit_are_a_sentence(unit):
    with pytest.raises(InputError, match=f"axes in {unit} and in micrometer"):
        assert volume(unit, "micrometer", "micrometer").voxel_size


@pytest.mark.parametrize(
    ("shape", "scale", "unit", "words"),
    [
        (
            (4, 30, 20),
            (2.0, 0.5, 0.5),
            "micrometer",
            "4 x 30 x 20 voxels (z y x) of 2 x 0.5 x 0.5 µm.",
        ),
        ((1, 30, 20), (1.0, 0.5, 0.5), "nanometer", "30 x 20 pixels of 0.5 nm."),
        ((4, 30, 20), (1.0, 1.0, 1.0), None, "4 x 30 x 20 voxels (z y x)."),
        ((4, 30, 20), (2.0, 1.0, 1.0), None, "4 x 30 x 20 voxels (z y x) of 2 x 1 x 1 (no unit)."),
    ],
)
def test_a_volume_says_its_size(shape, scale, unit, words):
    volume = Volume.from_array(np.zeros(shape, np.uint8), scale=scale, units=(unit,) * 3)
    assert volume.size_in_words == words

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume


def volume(*units: str | None) -> Volume:
    return Volume.from_array(np.zeros((2, 3, 4)), scale=(2000.0, 0.5, 0.25), units=units)


@pytest.mark.parametrize("spatial", [False, True])
def test_voxels_are_measured_in_the_unit_of_x(spatial):
    mixed = volume("nanometer", "micrometer", "micrometer")
    mixed = mixed.spatial() if spatial else mixed
    assert mixed.voxel_size == pytest.approx((2.0, 0.5, 0.25))
    assert mixed.unit == "micrometer"
    assert mixed.sizes_in("nanometer") == pytest.approx((2000.0, 500.0, 250.0))


@pytest.mark.parametrize("unit", [None, "second", "pixel", "furlongs per cake"])
def test_a_size_whose_unit_is_no_length_leaves_lengths_unknown(unit):
    """What is known of the other axes is kept, but no length can be told of it."""
    some = volume(unit, "micrometer", "micrometer")
    assert some.space.scale == (None, 0.5, 0.25)
    assert (some.voxel_size, some.unit) == ((1.0, 1.0, 1.0), None)
    with pytest.raises(InputError, match=r"size of array is not known .* along z\); give it with"):
        some.sizes_in("micrometer")
    assert volume("micrometer", unit, unit).space.scale == (2000.0, None, None)


def test_sizes_without_any_unit_compare_the_axes():
    bare = volume(None, None, None)
    assert (bare.voxel_size, bare.unit) == ((2000.0, 0.5, 0.25), None)
    with pytest.raises(InputError, match="does not say its unit"):
        bare.sizes_in("micrometer")


@pytest.mark.parametrize(
    ("shape", "axes"), [((8, 9), "YX"), ((1, 8, 9), "ZYX"), ((2, 8, 9), "CYX")]
)
def test_the_depth_of_a_lone_plane_need_not_be_known(shape, axes):
    space = Space.of((None, 0.5, 0.25), "micrometer")
    beside = len(axes) - 2
    scale, units = [1.0] * beside + [0.5, 0.25], ["pixel"] * beside + ["um"] * 2
    plane = Volume.from_array(np.zeros(shape), axes, scale, units)
    assert plane.unit == plane.spatial().unit == "micrometer"
    assert plane.voxel_size[1:] == (0.5, 0.25)
    assert space.fitted(axes, shape).known
    assert not space.fitted("ZYX", (2, 8, 9)).known


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

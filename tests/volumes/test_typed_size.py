"""Voxel sizes as people type them, and what then depends on them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.laying import laid_on
from napari_midl.volumes.space import typed_space
from napari_midl.volumes.units import length_in_words
from napari_midl.volumes.volume import Volume


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("0.5, 0.25 um", (None, 0.5, 0.25)),
        ("0.5 x 0.25 um", (None, 0.5, 0.25)),
        ("0.5,0.25 um", (None, 0.5, 0.25)),
        ("2, 5 um", (None, 2, 5)),
    ],
)
def test_two_numbers_are_for_y_and_x(text, scale):
    assert typed_space(text).scale == scale


def test_a_decimal_comma_is_not_taken_for_two_sizes():
    with pytest.raises(InputError, match="no voxel size"):
        typed_space("2,5 um")


@pytest.mark.parametrize("size", [(2, 0.5, 0.5), (1 / 3, 1e-5, 0.7000000298)])
def test_a_size_as_typed_is_read_again_to_the_last_digit(size):
    space = Volume.from_array(np.zeros((2, 3, 4)), scale=size, units="mm").space
    assert typed_space(space.as_typed).scale == size
    assert typed_space(space.as_typed).unit == "millimeter"
    assert Volume.from_array(np.zeros((2, 3, 4))).space.as_typed == ""


def test_the_place_stays_where_it_is():
    volume = Volume.from_array(
        np.zeros((2, 3, 4)), scale=(1, 1, 1), units="mm", origin=(1, 2, 3), direction=np.eye(3)
    )
    sized = volume.resized("2,0.5,0.5 um")
    assert (sized.voxel_size, sized.unit) == ((2, 0.5, 0.5), "micrometer")
    np.testing.assert_allclose(sized.space.origin, (1000, 2000, 3000))
    assert sized.said == volume.space
    assert sized.resized("1 nm").said == volume.space


def test_labels_that_agree_with_the_file_lie_on_an_image_whose_size_was_typed():
    image = Volume.from_array(np.zeros((2, 3, 4)), scale=(1, 1, 1), units="mm", name="image")
    typed = image.resized("2,0.5,0.5 um")
    for size, unit in (((1, 1, 1), "mm"), ((2, 0.5, 0.5), "um"), (None, None)):
        labels = Volume.from_array(np.ones((2, 3, 4)), scale=size, units=unit, name="labels")
        assert laid_on(labels, typed).space == typed.space
    other = Volume.from_array(np.ones((2, 3, 4)), scale=(7, 7, 7), units="um", name="labels")
    with pytest.raises(InputError, match=r"2 x 0\.5 x 0\.5 µm"):
        laid_on(other, typed)


@pytest.mark.parametrize(
    ("length", "unit", "said"),
    [
        (0.0601234, "millimeter", "0.06012 mm"),
        (0.000001234, "meter", "1.234e-06 m"),
        (60.1234, "micrometer", "60.12 µm"),
        (1234567.8, "micrometer", "1,234,568 µm"),
        (999.96, "micrometer", "1000 µm"),
        (0.0, "nanometer", "0 nm"),
        (312.4, None, "312.4 voxels"),
        (312.4, "voxel", "312.4 voxels"),
    ],
)
def test_a_length_is_told_with_its_unit_and_never_rounded_to_nothing(length, unit, said):
    assert length_in_words(length, unit) == said


def test_why_lengths_are_in_voxels_is_a_sentence():
    unknown = Volume.from_array(np.zeros((2, 3, 4)), name="stack")
    assert unknown.why_voxels == (
        "The voxel size of stack is not known (the image does not say it), so lengths are in "
        "voxels; give it with --voxel-size, or type it in under Data."
    )
    assert unknown.resized("1 um").why_voxels == ""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.labels import read_labels
from napari_midl.volumes.laying import laid_on
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

SHAPE = (6, 8, 10)  # x y z, as NIfTI counts
UM = "micrometer"


def turn(angle):
    """About an axis that is none of the image's."""
    axis = np.array([0.36, 0.48, 0.8])
    cross = np.cross(np.eye(3), axis)
    turned = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    assert np.allclose(turned @ turned.T, np.eye(3))
    return turned


def affine(sizes=(0.5, 0.6, 0.7), angle=0.3, origin=(10.0, -20.0, 30.0)):
    made = np.eye(4)
    made[:3, :3] = turn(angle) * sizes
    made[:3, 3] = origin
    return made


@pytest.fixture
def write(tmp_path):
    def write(array, place, name="scan", unit="mm"):
        image = nibabel.Nifti1Image(array, place)
        image.header.set_xyzt_units(unit)
        path = tmp_path / f"{name}.nii"
        nibabel.save(image, path)
        return path

    return write


@pytest.fixture
def scan():
    return np.random.default_rng(0).integers(0, 2000, SHAPE).astype(np.int16)


WAYS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


@pytest.mark.parametrize("unit", ["mm", "unknown"])
@pytest.mark.parametrize(("order", "signs"), WAYS)
def test_the_same_place_in_any_order_and_direction_is_laid_right(write, scan, order, signs, unit):
    place = affine()
    image = open_volume(write(scan, place, unit=unit)).spatial()
    ornt = np.array([[order[i], signs[i]] for i in range(3)], float)
    turned = nibabel.Nifti1Image(scan, place).as_reoriented(ornt)
    moving = open_volume(write(np.asarray(turned.dataobj), turned.affine, "turned", unit)).spatial()
    laid = laid_on(moving, image)
    np.testing.assert_array_equal(np.asarray(laid.data), scan.T)
    assert laid.space == image.space


def test_lengths_in_other_units_are_the_same_place(write, scan):
    place = affine()
    finer = place * np.array([1000, 1000, 1000, 1])[:, None]
    image = open_volume(write(scan, place)).spatial()
    moving = open_volume(write(scan, finer, "um", "micron")).spatial()
    np.testing.assert_array_equal(np.asarray(laid_on(moving, image).data), scan.T)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (affine(origin=(10.0, -20.0, 31.0)), "lies elsewhere than scan"),
        (affine(origin=(500.0, -20.0, 30.0)), "lies elsewhere than scan"),
        (affine(sizes=(0.5, 0.6, 0.75)), "has voxels of 0.75 x 0.6 x 0.5 mm"),
        (affine(angle=0.5), "is turned against scan by an angle"),
    ],
)
def test_another_place_or_size_is_a_sentence(write, scan, place, said):
    image = open_volume(write(scan, affine())).spatial()
    moving = open_volume(write(scan, place, "labels")).spatial()
    with pytest.raises(InputError, match=said) as error:
        laid_on(moving, image)
    assert "labels.nii" in str(error.value)


def test_labels_of_a_part_lie_on_that_part(write, scan):
    place = affine()
    image = open_volume(write(scan, place)).spatial()
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:5, 3:7, 4:9] = 2
    part = place.copy()
    part[:3, 3] = (place @ (2, 3, 4, 1))[:3]
    path = write(labels[2:5, 3:7, 4:9].copy(), part, "part")
    (patch,) = read_labels(path, image, Classes("background", "vessel"))
    assert patch.origin == (4, 3, 2)
    np.testing.assert_array_equal(np.asarray(patch.labels), labels.T[4:9, 3:7, 2:5])
    with pytest.raises(InputError, match="covers other voxels than scan"):
        laid_on(open_volume(path).spatial(), image)


def test_mirrored_labels_lie_on_what_they_were_drawn_on(write, scan):
    place = affine(angle=0)
    image = open_volume(write(scan, place)).spatial()
    labels = (scan > 1000).astype(np.uint8) + 1
    mirrored = nibabel.Nifti1Image(labels, place).as_reoriented([[0, -1], [1, 1], [2, 1]])
    path = write(np.asarray(mirrored.dataobj), mirrored.affine, "labels")
    (patch,) = read_labels(path, image, Classes("background", "vessel"))
    np.testing.assert_array_equal(np.asarray(patch.labels) == 2, scan.T > 1000)


def test_what_says_no_place_is_laid_by_its_voxels():
    image = Volume.from_array(np.zeros((4, 5, 6)), scale=(2, 1, 1), units=UM, origin=(7, 8, 9))
    unplaced = Volume.from_array(np.ones((4, 5, 6)), scale=(2000, 1000, 1000), units="nanometer")
    assert laid_on(unplaced, image).space == image.space
    assert laid_on(Volume.from_array(np.ones((4, 5, 6))), image).unit == UM
    with pytest.raises(InputError, match=r"4 x 5 x 7 voxels .* array is 4 x 5 x 6"):
        laid_on(Volume.from_array(np.ones((4, 5, 7))), image)
    with pytest.raises(InputError, match="has voxels of 1 µm but array of 2 x 1 x 1 µm"):
        laid_on(Volume.from_array(np.ones((4, 5, 6)), scale=(1, 1, 1), units=UM), image)

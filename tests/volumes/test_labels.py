from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.label_values import Meaning, names_in
from napari_midl.volumes.labels import read_labels
from napari_midl.volumes.ome_zarr import OmeZarrImage

THREE = Classes("background", "a", "b", sets={"a or b": ("a", "b")})


@pytest.fixture
def write(tmp_path, volume):
    def write(values, dtype=np.uint8):
        labels = np.zeros(volume.shape, dtype)
        labels.flat[: len(values)] = values
        tifffile.imwrite(tmp_path / "labels.tif", labels, photometric="minisblack")
        return tmp_path / "labels.tif"

    return write


def values(patch) -> list[int]:
    return np.unique(np.asarray(patch.labels)).tolist()


def test_strokes_keep_their_values_and_a_map_of_classes_is_shifted(write, volume):
    (strokes,) = read_labels(write([1, 2, 3, 255]), volume, THREE)
    assert values(strokes) == [0, 1, 2, 3, 255]
    (dense,) = read_labels(write([1, 2]), volume, THREE, dense=True)
    assert values(dense) == [1, 2, 3]
    assert dense.origin == (0, 0, 0)


def test_in_a_mask_anything_is_the_second_class(write, volume):
    (mask,) = read_labels(write([9, 7]), volume, Classes("background", "a"), dense=True)
    assert values(mask) == [1, 2]


@pytest.mark.parametrize(
    ("painted", "dtype", "dense", "said"),
    [
        ([9], np.uint8, False, "the label 9; use 0 unlabelled, 1 background, 2 a, 3 b"),
        ([-1], np.int16, False, "the label -1, which often means that a voxel is to be ignored"),
        ([256], np.uint16, False, "the label 256"),
        ([3], np.uint8, True, "the class 3; use 0 to 2 for background, a, b"),
        ([0.5], np.float32, False, "float32 values; give integer labels"),
    ],
)
def test_labels_that_cannot_be_are_explained(write, volume, painted, dtype, dense, said):
    with pytest.raises(InputError, match=said):
        read_labels(write(painted, dtype), volume, THREE, dense)


def test_a_folder_of_patches_painted_with_other_classes_is_explained(tmp_path, volume):
    patch = Patch((0, 0, 0), np.full((1, 4, 4), 3, np.uint8))
    AnnotationStore(tmp_path, volume, THREE).save(patch)
    assert values(read_labels(tmp_path, volume, THREE)[0]) == [3]
    with pytest.raises(InputError, match="painted with 0 unlabelled, 1 background, 2 a, 3 b"):
        read_labels(tmp_path, volume, Classes("background", "vessel"))


def test_a_value_that_often_means_ignore_is_no_second_class(write, volume):
    with pytest.raises(InputError, match="255 beside 0, 1, which often means"):
        read_labels(write([1, 255]), volume, Classes("background", "a"), dense=True)
    (mask,) = read_labels(write([255]), volume, Classes("background", "a"), dense=True)
    assert values(mask) == [1, 2]


def test_labels_in_which_0_is_white_are_refused(tmp_path, volume):
    labels = np.ones(volume.shape, np.uint8)
    tifffile.imwrite(tmp_path / "labels.tif", labels, photometric="miniswhite")
    with pytest.raises(InputError, match="min-is-white"):
        read_labels(tmp_path / "labels.tif", volume, THREE)


def named(folder, volume, *names):
    """Labels in which the first voxels hold 0, 1, 2 and so on, with these names."""
    image = OmeZarrImage.create(
        folder, shape=volume.shape, dtype="uint8", axes="ZYX", chunks=volume.shape
    )
    labels = image.create_labels("l", meanings={v: Meaning(n) for v, n in enumerate(names) if n})
    block = np.zeros(volume.shape, np.uint8)
    block.flat[: len(names)] = range(len(names))
    labels.write((slice(None),) * 3, block)
    return labels.path


@pytest.mark.parametrize(
    ("names", "dense", "said"),
    [
        (("Background", "b", "a"), True, "l calls 1 b, which would be taken for a; name the cl"),
        (("background", "a", "b"), False, "1 a, which would be taken for background; pass --dense"),
        (("", "background", "a"), True, "1 background, which would be taken for a; leave --dense"),
    ],
)
def test_names_of_another_class_are_refused(tmp_path, volume, names, dense, said):
    with pytest.raises(InputError, match=said):
        read_labels(named(tmp_path / "l", volume, *names), volume, THREE, dense)


@pytest.mark.parametrize(
    ("names", "dense"),
    [
        (("background", "A", "B"), True),
        (("background", "nuclei", "membranes"), True),
        (("background", "background", "a"), False),
        (("", "soil", ""), False),
    ],
)
def test_names_that_fit_or_are_of_no_class_are_taken(tmp_path, volume, names, dense):
    (found,) = read_labels(named(tmp_path / "l", volume, *names), volume, THREE, dense)
    assert values(found) == ([1, 2, 3] if dense else [0, 1, 2])


@pytest.mark.parametrize(
    ("properties", "names"),
    [
        (
            [{"label-value": 2, "class": " vein "}, {"label-value": 3, "name": "x"}],
            {2: "vein", 3: "x"},
        ),
        ([{"label-value": "2", "class": "a"}, {"class": "a"}, None, {"label-value": 1}], {}),
        ([{"label-value": 1, "class": 7}, {"label-value": 2, "class": ""}], {}),
        ({"1": "a"}, {}),
        (None, {}),
    ],
)
def test_names_of_values_as_files_have_them(properties, names):
    about = {"image-label": {"properties": properties}}
    assert names_in(about) == names_in({"ome": about}) == names
    assert names_in({"image-label": None}) == {}

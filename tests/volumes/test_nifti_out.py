"""What is written as NIfTI lies where it lay, for nibabel and for us."""

from __future__ import annotations

import gzip

import nibabel
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.nifti import write_nifti
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

STACK = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7)
# Columns are unit vectors of an image turned about two axes, and mirrored in X.
TURNED = np.array([[-0.8, 0.36, 0.48], [0.0, 0.8, -0.6], [0.6, 0.48, 0.64]]) * [-1, 1, 1]
OBLIQUE = Space.of((2.0, 0.5, 0.25), "um", (10.0, -20.5, 5.25), TURNED)


def in_the_world(image, voxel_zyx):
    """Where nibabel says that a voxel lies, in LPS, in the file's unit."""
    right, front, head = (image.affine @ [*voxel_zyx[::-1], 1])[:3]
    return -right, -front, head


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("space", "unit"),
    [
        (OBLIQUE, "micron"),
        (Space.of((3.0, 1.0, 1.5), "mm", (-90.0, 126.0, -72.0)), "mm"),
        (Space.of((0.5, 0.25, 0.125), "m", (1.0, 2.0, 3.0)), "meter"),
    ],
)
def test_each_voxel_lies_where_it_lay(tmp_path, space, unit, ending):
    write_nifti(STACK, space, tmp_path / f"a{ending}")

    image = nibabel.load(tmp_path / f"a{ending}")
    np.testing.assert_array_equal(np.asarray(image.dataobj), STACK.T)
    assert image.header.get_xyzt_units()[0] == unit
    assert (image.header["sform_code"], image.header["qform_code"]) == (1, 1)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-5)
    volume = open_volume(tmp_path / f"a{ending}")
    assert volume.unit == space.unit
    for voxel in [(0, 0, 0), (4, 5, 6), (1, 2, 3)]:
        placed = in_the_world(image, voxel)
        np.testing.assert_allclose(space.to_voxel(placed), voxel, atol=1e-5)
        np.testing.assert_allclose(volume.space.to_world(voxel), placed, atol=1e-6)


def test_what_was_read_is_written_again_to_the_bit(tmp_path):
    rotated = np.diag([0.5, 0.7, 1.3, 1.0])
    rotated[:3, :3] = TURNED @ rotated[:3, :3]
    rotated[:3, 3] = (-90.123456, 126.98765, -72.1)
    first = nibabel.Nifti1Image(STACK.T, rotated)
    first.header.set_xyzt_units("mm")
    nibabel.save(first, tmp_path / "first.nii")

    volume = open_volume(tmp_path / "first.nii")
    write_nifti(volume.data, volume.space, tmp_path / "again.nii")

    again = nibabel.load(tmp_path / "again.nii")
    np.testing.assert_allclose(again.affine, nibabel.load(tmp_path / "first.nii").affine, atol=1e-7)


def test_lengths_that_nifti_does_not_name_are_converted(tmp_path):
    write_nifti(STACK, Space.of((20.0, 10.0, 10.0), "nm", (0, 0, 0)), tmp_path / "a.nii")

    volume = open_volume(tmp_path / "a.nii")

    np.testing.assert_allclose(volume.sizes_in("nanometer"), (20, 10, 10), rtol=1e-6)


@pytest.mark.parametrize("space", [Space(), Space.of((None, 1.0, 1.0), "um")])
def test_what_is_not_known_is_not_written(tmp_path, space):
    write_nifti(STACK, space, tmp_path / "a.nii.gz")

    volume = open_volume(tmp_path / "a.nii.gz")
    assert volume.unit is None
    assert volume.space.origin is None


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("bool", "uint8"), ("float16", "float32"), ("uint8", "uint8"), (">i4", "int32")],
)
def test_voxels_keep_their_values(tmp_path, dtype, stored):
    values = (STACK % 2).astype(dtype)
    write_nifti(values, OBLIQUE, tmp_path / "a.nii")

    image = nibabel.load(tmp_path / "a.nii")
    assert image.get_data_dtype() == np.dtype(stored)
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, values)


def test_the_same_voxels_make_the_same_file(tmp_path):
    write_nifti(STACK, OBLIQUE, tmp_path / "a.nii.gz")
    write_nifti(STACK, OBLIQUE, tmp_path / "b.nii.gz")

    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes())[344:348] == b"n+1\0"


class Watched(Lazy):
    """Ones that note how much of them is read at once."""

    def __init__(self, shape):
        super().__init__(shape, np.uint8, (2, *shape[1:]))
        self.read_at_once = []

    def read(self, box):
        shape = tuple(s.stop - s.start for s in box)
        self.read_at_once.append(shape)
        return np.ones(shape, self.dtype)


def test_a_few_planes_are_read_at_once(tmp_path):
    array = Watched((7, 20, 30))

    write_nifti(array, Space(), tmp_path / "a.nii")

    assert array.read_at_once == [(2, 20, 30)] * 3 + [(1, 20, 30)]


def test_an_axis_too_long_for_the_old_format_makes_the_new_one(tmp_path):
    write_nifti(np.zeros((1, 2, 40000), np.uint8), Space(), tmp_path / "a.nii")

    assert isinstance(nibabel.load(tmp_path / "a.nii"), nibabel.Nifti2Image)


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_nifti(STACK, OBLIQUE, tmp_path / "none" / "a.nii")
    assert not list(tmp_path.iterdir())

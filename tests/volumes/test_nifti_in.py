"""NIfTI files as programs write them: read as they mean it, or refused in a true sentence."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.reader import get_reader
from napari_midl.volumes.open import open_volume

STACK = np.random.default_rng(0).integers(-1000, 3000, (5, 6, 7)).astype(np.int16)
AFFINE = np.array(
    [[0.4, 0, 0, 10.0], [0, 0.5, 0, -20.0], [0, 0, 1.25, 30.0], [0, 0, 0, 1]], np.float32
)
# Where the fields of a NIfTI-1 header lie, and how they are stored.
FIELDS = {
    "dim": (40, "8h"),
    "datatype": (70, "h"),
    "pixdim": (76, "8f"),
    "vox_offset": (108, "f"),
    "scl_slope": (112, "f"),
    "scl_inter": (116, "f"),
    "xyzt_units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern": (256, "3f"),
    "srow": (280, "12f"),
}


def save(path, array=STACK, affine=AFFINE, unit="mm", kind=nibabel.Nifti1Image, **fields):
    """An image Z Y X, with some fields of its header overwritten."""
    image = kind(array.T, affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, 1)
    image.set_qform(affine, 1)
    nibabel.save(image, path)
    poke(path, **fields)
    return path


def poke(path, **fields):
    packed = path.name.endswith(".gz")
    raw = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    for name, value in fields.items():
        at, how = FIELDS[name]
        raw[at : at + struct.calcsize(how)] = struct.pack(how, *np.ravel(value))
    path.write_bytes(gzip.compress(raw) if packed else raw)


def refused(path, *words):
    with pytest.raises(InputError) as error:
        np.asarray(open_volume(path).data)
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in (path.name.split(".")[0], *words):
        assert word in message


def test_the_place_is_that_of_the_sform(tmp_path):
    path = save(tmp_path / "a.nii", pixdim=[1, 1, 1, 1, 0, 0, 0, 0], qform_code=0)

    volume = open_volume(path)

    np.testing.assert_array_equal(np.asarray(volume.data), STACK)
    np.testing.assert_allclose(volume.sizes_in("millimeter"), (1.25, 0.5, 0.4), rtol=1e-6)
    # From the left and the front, as the file counts, to the right and the back.
    np.testing.assert_allclose(volume.space.to_world((1, 2, 3)), (-11.2, 19.0, 31.25), rtol=1e-6)
    assert "pixdim" in volume.notes[0]


@pytest.mark.parametrize(
    ("fields", "notes"),
    [({"sform_code": 0}, 0), ({"srow": np.zeros(12)}, 1), ({"srow": [0.4, *[0] * 11]}, 1)],
)
def test_else_the_place_is_that_of_the_qform(tmp_path, fields, notes):
    volume = open_volume(save(tmp_path / "a.nii", **fields))

    assert volume.sizes_in("millimeter") == pytest.approx((1.25, 0.5, 0.4))
    np.testing.assert_allclose(volume.space.to_world((1, 2, 3)), (-11.2, 19.0, 31.25), rtol=1e-6)
    assert len(volume.notes) == notes


NO_PLACE = {"sform_code": 0, "qform_code": 0}


@pytest.mark.parametrize("steps", [(0.4, 0.5, 1.25), (-0.4, 0.5, -1.25)])
def test_without_either_only_the_size_is_known(tmp_path, steps):
    volume = open_volume(save(tmp_path / "a.nii", pixdim=[0, *steps, 0, 0, 0, 0], **NO_PLACE))

    assert volume.sizes_in("millimeter") == pytest.approx((1.25, 0.5, 0.4))
    assert volume.space.origin is None


@pytest.mark.parametrize("impossible", [0.0, np.nan, np.inf, 1e30])
@pytest.mark.parametrize("place", [NO_PLACE, {"sform_code": 0}, {"srow": [np.nan] * 12}])
def test_a_size_that_cannot_be_is_not_known(tmp_path, impossible, place):
    pixdim = [1, 0.4, 0.5, impossible, 0, 0, 0, 0]

    volume = open_volume(save(tmp_path / "a.nii", pixdim=pixdim, **place))

    assert volume.space.scale[0] is None
    assert volume.space.scale[1:] == pytest.approx((0.5, 0.4))
    with pytest.raises(InputError, match="does not say it along z"):
        volume.sizes_in("millimeter")


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("micron", "micrometer"), ("mm", "millimeter"), ("meter", "meter"), ("unknown", None)],
)
def test_units(tmp_path, unit, expected):
    assert open_volume(save(tmp_path / "a.nii", unit=unit)).unit == expected


def test_a_unit_that_is_none_is_not_known(tmp_path):
    assert open_volume(save(tmp_path / "a.nii", xyzt_units=7)).unit is None


def turned(angle):
    return np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )


@pytest.mark.parametrize(
    "linear",
    [
        turned(0.4) @ np.diag([0.4, 0.5, 1.25]),  # oblique
        np.array([[0, 0, 1.25], [0.4, 0, 0], [0, 0.5, 0]]),  # sagittal
        np.diag([-0.4, 0.5, 1.25]),
    ],
)
@pytest.mark.parametrize("form", ["sform", "qform"])
def test_each_voxel_lies_where_nibabel_says(tmp_path, linear, form):
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, (-90, 120, 3)
    other = {"sform": "qform_code", "qform": "sform_code"}[form]
    path = save(tmp_path / "a.nii.gz", affine=affine, **{other: 0})

    space = open_volume(path).space

    for voxel in [(0, 0, 0), (4, 5, 6)]:
        right, front, head = (nibabel.load(path).affine @ [*voxel[::-1], 1])[:3]
        np.testing.assert_allclose(space.to_world(voxel), (-right, -front, head), atol=1e-4)
    assert sorted(space.voxel_size) == pytest.approx([0.4, 0.5, 1.25])


def test_a_sheared_image_is_refused(tmp_path):
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.2
    image = nibabel.Nifti1Image(STACK.T, None)
    image.set_sform(sheared, 1)
    nibabel.save(image, tmp_path / "a.nii")

    refused(tmp_path / "a.nii", "sheared", "resample")


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", ">u2", "<i4", ">u4", "<f4", ">f8"])
def test_values_of_all_types(tmp_path, kind, name, dtype):
    values = (STACK % 100).astype(dtype)
    header = kind.header_class(endianness=">" if dtype[0] == ">" else "<")
    header.set_data_dtype(dtype)
    nibabel.save(kind(values.T, AFFINE, header), tmp_path / name)

    volume = open_volume(tmp_path / name)

    assert volume.data.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(np.asarray(volume.data), values)
    np.testing.assert_array_equal(
        volume.read((slice(1, 3), slice(2, 3), slice(0, 5))), values[1:3, 2:3, :5]
    )


@pytest.mark.parametrize(
    ("slope", "intercept", "factor", "moved"),
    [
        (2, -1024, 2, -1024),
        (0, 5, 1, 0),
        (np.nan, np.nan, 1, 0),
        (1, 0, 1, 0),
        (0.5, np.nan, 0.5, 0),
        (-1, 0, -1, 0),
    ],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_slopes(tmp_path, name, slope, intercept, factor, moved):
    path = save(tmp_path / name, scl_slope=slope, scl_inter=intercept)

    volume = open_volume(path)

    np.testing.assert_array_equal(np.asarray(volume.data), STACK * np.float32(factor) + moved)
    assert volume.data.dtype == (np.int16 if (factor, moved) == (1, 0) else np.float32)
    assert len(volume.notes) == (factor == 0.5)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((6, 7), "YX"),
        ((2, 5, 6, 7), "TZYX"),
        ((3, 1, 5, 6, 7), "CZYX"),
        ((3, 2, 5, 6, 7), "CTZYX"),
        ((1, 1, 1, 1, 5, 6, 7), "ZYX"),
    ],
)
def test_more_and_fewer_axes(tmp_path, shape, axes):
    values = np.random.default_rng(0).integers(0, 99, shape).astype(np.int16)

    volume = open_volume(save(tmp_path / "a.nii", values))

    assert sorted(volume.axes) == sorted(axes)
    ordered = values.reshape([n for n in shape if n > 1])
    at = {axis: i for i, axis in enumerate(axes)}
    np.testing.assert_array_equal(
        np.asarray(volume.data), ordered.transpose([at[axis] for axis in volume.axes])
    )


def test_axes_that_are_counted_and_left_at_zero(tmp_path):
    path = save(tmp_path / "a.nii", dim=[5, 7, 6, 5, 0, 0, 0, 0])
    np.testing.assert_array_equal(np.asarray(open_volume(path).data), STACK)


def test_a_header_without_its_voxels(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(STACK.T, AFFINE), tmp_path / "a.img")
    (tmp_path / "a.hdr").rename(tmp_path / "b.nii")
    refused(tmp_path / "b.nii", ".hdr and .img")


def test_pairs_open_by_either_file(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(STACK.T, AFFINE), tmp_path / "a.img")
    for name in ("a.img", "a.hdr"):
        np.testing.assert_array_equal(np.asarray(open_volume(tmp_path / name).data), STACK)
    (tmp_path / "a.img").write_bytes((tmp_path / "a.img").read_bytes()[:-9])
    refused(tmp_path / "a.hdr", "a.img", "cut short")
    (tmp_path / "a.img").unlink()
    refused(tmp_path / "a.hdr", "a.img", "both files")


def test_packed_pairs(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(STACK.T, AFFINE), tmp_path / "a.img.gz")
    for name in ("a.img.gz", "a.hdr.gz"):
        np.testing.assert_array_equal(np.asarray(open_volume(tmp_path / name).data), STACK)


def test_an_analyze_image_is_no_nifti(tmp_path):
    nibabel.save(nibabel.AnalyzeImage(STACK.T, AFFINE), tmp_path / "a.img")
    refused(tmp_path / "a.img", "convert it to NIfTI")


def test_whether_it_is_packed_is_seen_by_its_bytes(tmp_path):
    save(tmp_path / "a.nii.gz")
    (tmp_path / "packed.nii").write_bytes((tmp_path / "a.nii.gz").read_bytes())
    (tmp_path / "plain.nii.gz").write_bytes(gzip.decompress((tmp_path / "a.nii.gz").read_bytes()))
    for name in ("packed.nii", "plain.nii.gz"):
        np.testing.assert_array_equal(np.asarray(open_volume(tmp_path / name).data), STACK)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"datatype": 128}, ["RGB"]),
        ({"datatype": 2304}, ["RGB"]),
        ({"datatype": 32}, ["complex"]),
        ({"datatype": 1}, ["type"]),
        ({"datatype": 999}, ["type"]),
        ({"dim": [3, 7, 6, -5, 1, 1, 1, 1]}, ["dim"]),
        ({"dim": [3, 0, 6, 5, 1, 1, 1, 1]}, ["dim"]),
        ({"dim": [99, 7, 6, 5, 1, 1, 1, 1]}, ["dim"]),
        ({"dim": [1, 7, 1, 1, 1, 1, 1, 1]}, ["axes"]),
        ({"dim": [6, 1, 1, 1, 1, 1, 2, 1]}, ["axes"]),
        ({"dim": [7, *[32767] * 7]}, ["dim"]),
        ({"vox_offset": np.nan}, ["vox_offset"]),
        ({"vox_offset": -1}, ["vox_offset"]),
        ({"vox_offset": 1e20}, ["vox_offset"]),
        ({"vox_offset": 1e6}, ["cut short"]),
        ({"dim": [3, 7, 6, 500, 1, 1, 1, 1]}, ["cut short"]),
    ],
)
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_cannot_be_is_a_sentence(tmp_path, name, fields, words):
    path = save(tmp_path / name)
    poke(path, **fields)

    refused(path, *words)


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.97])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_that_is_cut_short(tmp_path, name, share):
    path = save(tmp_path / name, np.random.default_rng(0).random((5, 60, 70)))
    path.write_bytes(path.read_bytes()[: 1 + int(path.stat().st_size * share)])

    refused(path)


def test_damaged_packing(tmp_path):
    path = save(tmp_path / "a.nii.gz", np.random.default_rng(0).random((5, 60, 70)))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 99] = bytes(99)
    path.write_bytes(raw)

    refused(path)


def test_a_small_file_that_would_unpack_to_terabytes(tmp_path):
    path = save(tmp_path / "a.nii.gz")
    poke(path, dim=[3, 32767, 32767, 32767, 1, 1, 1, 1])

    tracemalloc.start()
    refused(path, "memory", "gunzip")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_one_plane_is_read_alone(tmp_path):
    path = save(tmp_path / "a.nii", np.zeros((400, 100, 100), np.int16))
    volume = open_volume(path)

    tracemalloc.start()
    np.asarray(volume.data[200])
    assert tracemalloc.get_traced_memory()[1] < 2**18
    tracemalloc.stop()


def test_the_reader_of_napari_opens_them_too(tmp_path):
    nibabel.save(nibabel.Nifti1Pair(STACK.T, AFFINE), tmp_path / "a.img")
    for path in (save(tmp_path / "b.nii"), tmp_path / "a.hdr"):
        (data, options, _), *_ = get_reader(str(path))(str(path))
        np.testing.assert_array_equal(np.asarray(data), STACK)
        assert options["scale"] == pytest.approx([1.25, 0.5, 0.4])

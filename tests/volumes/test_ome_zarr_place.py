"""Where an OME-Zarr and its labels lie for other programs: each level, and turned images too."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

TURNED = np.array([[-0.8, 0.36, 0.48], [0.0, 0.8, -0.6], [0.6, 0.48, 0.64]]) * [-1, 1, 1]
STRAIGHT = Space.of((1.0, 0.5, 0.25), "micrometer", (30.0, 20.0, 10.0))
OBLIQUE = Space.of((1.0, 0.5, 0.25), "micrometer", (30.0, 20.0, 10.0), TURNED)


def write(path, space, version="0.5", array=None):
    """A ramp along x, in three levels, with labels."""
    if array is None:
        array = np.broadcast_to(np.arange(32, dtype=np.float32), (8, 16, 32))
    image = OmeZarrImage.create(
        path,
        shape=array.shape,
        dtype=str(array.dtype),
        axes="ZYX",
        chunks=(8, 8, 8),
        space=space,
        levels=3,
        version=version,
    )
    image.write((slice(None),) * 3, array)
    image.create_labels("l").write((slice(None),) * 3, (array > 9).astype(np.uint8))
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("space", [STRAIGHT, OBLIQUE])
def test_each_level_lies_on_the_finest_for_other_readers(tmp_path, space, version):
    path = write(tmp_path / "a.ome.zarr", space, version)

    image, _, labels = Reader(parse_url(path))()

    for node in (image, labels):
        placed = node.metadata["coordinateTransformations"]
        assert len(placed) == 3
        for level, (scale, translation) in zip(node.data, placed, strict=True):
            at = np.arange(level.shape[2]) * scale["scale"][2] + translation["translation"][2]
            if node is image:
                ramp = level.compute()[0, 0]
                np.testing.assert_allclose(at, 30.0 + ramp * 0.25)
            # The box of all voxels, which starts half a voxel before the first.
            first = np.array(translation["translation"]) - np.array(scale["scale"]) / 2
            np.testing.assert_allclose(first, np.array([10, 20, 30]) - np.array(space.scale) / 2)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("inside", ["", "labels/l"])
def test_how_an_image_is_turned_stands_in_a_header_of_nifti(tmp_path, version, inside):
    path = write(tmp_path / "a.ome.zarr", OBLIQUE, version) / inside

    raw = np.asarray(zarr.open_group(path, mode="r")["nifti"]).tobytes()
    header = nibabel.Nifti2Header(raw)

    assert header.get_data_shape() == (32, 16, 8)
    assert header.get_data_dtype() == (np.uint8 if inside else np.float32)
    assert header.get_xyzt_units()[0] == "micron"
    right, front, head, _ = header.get_best_affine() @ [3, 2, 1, 1]
    np.testing.assert_allclose(OBLIQUE.to_world((1, 2, 3)), (-right, -front, head), atol=1e-9)
    np.testing.assert_allclose(open_volume(path).space.matrix(), OBLIQUE.matrix(), atol=1e-9)


def test_a_straight_image_needs_no_header(tmp_path):
    assert "nifti" not in zarr.open_group(write(tmp_path / "a.zarr", STRAIGHT), mode="r")


def test_a_header_that_another_program_left_behind_is_left_alone(tmp_path):
    path = write(tmp_path / "a.zarr", OBLIQUE)
    group = zarr.open_group(path, mode="r+")
    about = dict(group.attrs["ome"])
    moved = {"type": "translation", "translation": [0.0, 0.0, 99.0]}
    about["multiscales"][0]["datasets"][0]["coordinateTransformations"][1] = moved
    group.attrs["ome"] = about

    space = open_volume(path).space

    assert space.is_straight
    assert space.origin == (99, 0, 0)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Header, nibabel.Nifti2Header])
@pytest.mark.parametrize("order", "<>")
def test_an_image_that_nifti_zarr_has_made(tmp_path, kind, order):
    """Its levels count from the first voxel; the header knows the world."""
    path = write(tmp_path / "a.zarr", Space.of((2.0, 0.5, 0.25), "mm", (0, 0, 0)))
    affine = np.diag([-0.25, 0.5, 2, 1])
    affine[:3, 3] = (-7, 8, 9)
    header = kind(endianness=order)
    header.set_data_shape((32, 16, 8))
    header.set_xyzt_units("mm")
    header.set_sform(affine, 1)
    raw = np.frombuffer(header.binaryblock, np.uint8)
    zarr.open_group(path, mode="r+").create_array("nifti", data=raw)

    space = open_volume(path).space

    np.testing.assert_allclose(space.to_world((1, 2, 3)), (7.75, -9, 11))


@pytest.mark.parametrize("junk", [b"", b"no header", bytes(348), b"\x5c\x01\0\0" + bytes(344)])
def test_what_is_no_header_is_left_alone(tmp_path, junk):
    path = write(tmp_path / "a.zarr", STRAIGHT)
    raw = np.frombuffer(junk or b"x", np.uint8)[: len(junk)]
    zarr.open_group(path, mode="r+").create_array("nifti", shape=raw.shape, dtype="uint8")[:] = raw

    assert open_volume(path).space == STRAIGHT

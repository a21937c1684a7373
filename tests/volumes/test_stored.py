"""Files whose voxels cannot be decoded, or are stored in absurd pieces."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.volume import hash_volume

STACK = np.random.default_rng(0).integers(0, 255, (4, 64, 64), np.uint8)


def damaged_tiff(folder):
    path = folder / "damaged.tif"
    tifffile.imwrite(
        path, STACK, compression="zlib", photometric="minisblack", metadata={"axes": "ZYX"}
    )
    with tifffile.TiffFile(path) as file:
        start, length = file.pages[2].dataoffsets[0], file.pages[2].databytecounts[0]
    voxels = bytearray(path.read_bytes())
    voxels[start : start + length] = b"\x55" * length
    path.write_bytes(voxels)
    return path


def damaged_zarr(folder):
    path = folder / "damaged.zarr"
    array = zarr.create_array(path, shape=STACK.shape, chunks=(2, 32, 32), dtype="uint8")
    array[:] = STACK
    (path / "c" / "1" / "0" / "1").write_bytes(b"no chunk")
    return path


@pytest.mark.parametrize("damage", [damaged_tiff, damaged_zarr])
@pytest.mark.parametrize(
    "read",
    [
        robust_scaling,
        hash_volume,
        lambda volume: volume.identity(samples=40),
        lambda volume: volume.read((slice(0, 4), slice(0, 64), slice(0, 64))),
        lambda volume: np.asarray(volume.data),
        lambda volume: np.asarray(volume.spatial().data[2]),
    ],
)
def test_voxels_that_do_not_decode_are_a_sentence_wherever_they_are_read(tmp_path, damage, read):
    path = damage(tmp_path)
    volume = open_volume(path)
    with pytest.raises(InputError, match=rf"{path.name} holds voxels that cannot be decoded.*\.$"):
        read(volume)
    sound = (slice(0, 1), slice(0, 32), slice(0, 32))
    np.testing.assert_array_equal(volume.read(sound), STACK[sound])


def test_a_zarr_in_pieces_that_do_not_fit_is_refused_when_it_is_opened(tmp_path):
    edges = (100_000,) * 3
    zarr.create_array(tmp_path / "absurd.zarr", shape=edges, chunks=edges, dtype="uint8")
    said = r"absurd\.zarr is stored in pieces of 100000 x 100000 x 100000.*; save it"
    with pytest.raises(InputError, match=said):
        open_volume(tmp_path / "absurd.zarr")


@pytest.mark.parametrize("edge", [1, 64])
def test_any_number_of_pieces_is_opened_and_only_those_asked_for_are_read(tmp_path, edge):
    path = tmp_path / "many.zarr"
    array = zarr.create_array(path, shape=(100_000,) * 3, chunks=(edge,) * 3, dtype="uint8")
    array[5, 6, 70_000:70_003] = (1, 2, 3)
    volume = open_volume(path).spatial()
    assert volume.data.chunks == (edge,) * 3
    assert volume.read((slice(5, 6), slice(6, 7), slice(70_000, 70_003))).tolist() == [[[1, 2, 3]]]
    assert np.asarray(volume.data[5, 6, 70_000:70_003]).tolist() == [1, 2, 3]
    assert int(volume.data[5, 6, 70_002]) == 3


def test_a_chunk_that_reaches_beyond_a_small_array_is_none_too_large(tmp_path):
    array = zarr.create_array(
        tmp_path / "small.zarr", shape=(2, 8, 8), chunks=(2, 8, 8), dtype="uint8"
    )
    array[:] = 7
    assert np.asarray(open_volume(tmp_path / "small.zarr").data).tolist() == [[[7] * 8] * 8] * 2


def test_a_large_zarr_with_reasonable_chunks_is_looked_at(tmp_path):
    """A terabyte; only what is sampled is read."""
    path = tmp_path / "large.zarr"
    zarr.create_array(path, shape=(10_000,) * 3, chunks=(500,) * 3, dtype="uint8")
    with pytest.raises(InputError, match="0 wherever it was looked at"):
        robust_scaling(open_volume(path))

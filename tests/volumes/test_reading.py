"""Voxels that cannot be decoded, or would not fit: a sentence, wherever they are read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
import zarr
from imageio import v3 as imageio
from PIL import Image

from napari_midl.errors import InputError
from napari_midl.volumes import reading
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.scaling import robust_scaling
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import hash_volume

if TYPE_CHECKING:
    from pathlib import Path

STACK = np.random.default_rng(0).integers(0, 9, (4, 64, 64)).astype(np.uint16)


def damage(path: Path, at: int, count: int = 200) -> None:
    held = bytearray(path.read_bytes())
    held[at : at + count] = b"\xff" * count
    path.write_bytes(bytes(held))


def damaged_tiff(folder: Path) -> Path:
    path = folder / "damaged.tif"
    tifffile.imwrite(path, STACK, compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as file:
        offset = file.pages[2].dataoffsets[0]  # type: ignore[union-attr]
    damage(path, offset)
    return path


def damaged_zarr(folder: Path) -> Path:
    path = folder / "damaged.ome.zarr"
    image = OmeZarrImage.create(
        path,
        shape=STACK.shape,
        dtype="uint16",
        axes="ZYX",
        space=Space.of((1.0,) * 3, "micrometer"),
        chunks=(1, 64, 64),
        name="stack",
    )
    image.write((slice(None),) * 3, STACK)
    chunk = sorted(p for p in (path / "0").rglob("*") if p.is_file() and p.suffix != ".json")[-1]
    chunk.write_bytes(chunk.read_bytes()[:40])
    return path


def damaged_plain_zarr(folder: Path) -> Path:
    path = folder / "damaged.zarr"
    zarr.create_array(path, data=STACK, chunks=(1, 64, 64), zarr_format=2)
    (path / "2.0.0").write_bytes(b"nothing")
    return path


def damaged_png(folder: Path) -> Path:
    path = folder / "damaged.png"
    imageio.imwrite(path, STACK[0].astype(np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


DAMAGED = [damaged_tiff, damaged_zarr, damaged_plain_zarr, damaged_png]
READERS = {
    "the whole": lambda volume: np.asarray(volume.data),
    "scaling": robust_scaling,
    "hash": hash_volume,
    "a part": lambda volume: np.asarray(volume.data[..., :60, 10:60]),
}


@pytest.mark.parametrize("make", DAMAGED)
@pytest.mark.parametrize("read", READERS.values(), ids=list(READERS))
def test_damaged_voxels_are_a_sentence_that_names_the_file(tmp_path, make, read):
    path = make(tmp_path)
    with pytest.raises(InputError, match="voxels that cannot be decoded") as error:
        read(open_volume(path))
    said = str(error.value)
    assert said.startswith(f"{path} ")
    assert said.endswith("copy or export it again.")
    assert "\n" not in said


def test_damaged_voxels_of_another_library_are_a_sentence_too():
    def fail() -> None:
        raise RuntimeError("bad\nblock")

    said = r"^a\.czi holds voxels that cannot be decoded: it is damaged, or packed .*; copy or"
    with pytest.raises(InputError, match=said), reading.decoding("a.czi"):
        fail()
    said = "^a.czi is stored in pieces that do not fit into the memory"
    with pytest.raises(InputError, match=said), reading.decoding("a.czi"):
        raise MemoryError


@pytest.fixture
def little_memory(monkeypatch):
    """A computer with 8 KiB to spare."""
    memory = SimpleNamespace(available=8192)
    monkeypatch.setattr(reading.psutil, "virtual_memory", lambda: memory)


@pytest.mark.parametrize("ending", ["tif", "png"])
def test_what_would_not_fit_is_refused_before_it_is_decoded(tmp_path, ending, little_memory):
    path = tmp_path / f"large.{ending}"
    imageio.imwrite(path, np.zeros((80, 80), np.uint8))
    with pytest.raises(InputError, match=r"large.* 80 x 80, .* of memory are free; save it as"):
        open_volume(path)


def test_small_pieces_of_a_large_file_are_welcome(tmp_path, little_memory):
    tifffile.imwrite(tmp_path / "tiles.tif", np.ones((256, 256), np.uint8), tile=(32, 32))
    volume = open_volume(tmp_path / "tiles.tif")
    assert np.asarray(volume.data[:32, :32]).sum() == 1024


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "P", "LA", "RGB", "RGBA"])
def test_a_picture_of_any_mode_is_what_it_is_decoded_to(tmp_path, mode):
    shown = Image.new("L", (30, 20))
    shown.putpixel((3, 2), 200)
    picture = Image.new(mode, (30, 20)) if mode == "I;16" else shown.convert(mode)
    picture.save(tmp_path / "a.png")
    expected = np.asarray(imageio.imread(tmp_path / "a.png"))
    if mode == "LA":
        expected = expected[..., 0]
    elif expected.ndim == 3:
        expected = np.moveaxis(expected[..., :3], -1, 0)
    volume = open_volume(tmp_path / "a.png")
    assert volume.data.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(volume.data), expected)


def test_opening_a_picture_decodes_nothing_and_reading_it_decodes_once(tmp_path, monkeypatch):
    imageio.imwrite(tmp_path / "a.png", STACK[0].astype(np.uint8))
    decoded = []
    imread = imageio.imread

    def count(path, *args, **kwargs):
        decoded.append(path)
        return imread(path, *args, **kwargs)

    monkeypatch.setattr(imageio, "imread", count)
    volume = open_volume(tmp_path / "a.png")
    assert decoded == []
    np.testing.assert_array_equal(volume.data[3:5], STACK[0, 3:5])
    np.asarray(volume.data)
    assert len(decoded) == 1


@pytest.mark.parametrize("size", [0.0, -2.0, float("nan"), float("inf")])
def test_a_size_that_cannot_be_is_not_known(tmp_path, size):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", shape=(2, 8, 8), dtype="uint8")
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    transform = {"type": "scale", "scale": [size, 0.5, 0.5]}
    datasets = [{"path": "0", "coordinateTransformations": [transform]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    volume = open_volume(tmp_path / "a.zarr")
    assert volume.space.scale == (None, 0.5, 0.5)
    assert volume.voxel_size == (1.0, 1.0, 1.0)
    assert volume.unit is None


def test_impossible_sizes_of_an_ome_tiff_are_not_known(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        STACK,
        photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": -1.0, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 0.0},
    )
    volume = open_volume(tmp_path / "a.ome.tif")
    assert volume.space.scale == (None, 0.5, None)
    assert volume.unit is None

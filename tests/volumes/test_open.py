from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import dask.array as da
import nibabel
import numpy as np
import pytest
import tifffile
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

STACK = np.arange(4 * 20 * 30, dtype=np.uint16).reshape(4, 20, 30)
UM = "micrometer"


def assert_stack(volume, expected=STACK, axes="ZYX"):
    assert "".join(volume.axes) == axes
    assert volume.data.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(volume.data), expected)


def refused(source, *words):
    with pytest.raises(InputError) as error:
        open_volume(source)
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in words:
        assert word in message
    return message


def write_ome_zarr(path, version="0.5", stack=STACK):
    image = OmeZarrImage.create(
        path,
        shape=stack.shape,
        dtype=str(stack.dtype),
        axes="ZYX",
        space=Space.of((5.0, 0.5, 0.25), UM),
        chunks=(2, 16, 16),
        name="stack",
        levels=2,
        version=version,
    )
    image.write((slice(None),) * 3, stack)
    return image


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_keeps_scale_units_and_pyramid(tmp_path, version):
    image = write_ome_zarr(tmp_path / "a.ome.zarr", version)
    image.create_labels("vessels").write((slice(None),) * 3, (STACK > 99).astype(np.uint8))

    volume = open_volume(str(tmp_path / "a.ome.zarr"))
    assert_stack(volume)
    assert volume.voxel_size == (5.0, 0.5, 0.25)
    assert volume.unit == UM
    assert volume.name == "stack"
    assert [level.shape for level in volume.levels] == [(4, 20, 30), (4, 10, 15)]
    labels = open_volume(tmp_path / "a.ome.zarr" / "labels" / "vessels")
    assert_stack(labels, (STACK > 99).astype(np.uint8))
    assert labels.space == volume.space


def test_opening_reads_no_voxels(tmp_path):
    path = tmp_path / "a.ome.zarr"
    write_ome_zarr(path)
    chunks = [p for p in path.rglob("c/*") if p.is_file()] + list(path.rglob("c/*/*/*"))
    assert chunks
    for chunk in chunks:
        chunk.write_bytes(b"no chunk")

    volume = open_volume(path)
    assert volume.spatial().shape == STACK.shape
    with pytest.raises(Exception, match=r".+"):
        np.asarray(volume.data)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_plain_zarr_array(tmp_path, zarr_format):
    zarr.save_array(tmp_path / "a.zarr", STACK, zarr_format=zarr_format)
    volume = open_volume(tmp_path / "a.zarr")
    assert_stack(volume)
    assert volume.voxel_size == (1.0, 1.0, 1.0)
    assert volume.unit is None


def test_npy_is_memory_mapped_and_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", STACK)
    assert_stack(open_volume(tmp_path / "a.npy"))
    np.save(tmp_path / "b.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    refused(tmp_path / "b.npy", "b.npy")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_plain_tiff_is_z_y_x_and_read_by_pages(tmp_path, compression):
    # Told nothing, tifffile takes four planes for colours.
    tifffile.imwrite(
        *(tmp_path / "a.tif", STACK),
        photometric="minisblack",
        compression=compression,
        rowsperstrip=3,
    )
    volume = open_volume(tmp_path / "a.tif")
    assert_stack(volume)
    assert volume.data.chunks == (1, 20, 30)


@pytest.mark.parametrize("kind", ["tif", "zarr", "nii", "nii.gz", "npy"])
def test_many_threads_read_one_volume(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    noise = np.random.default_rng(0).integers(0, 9999, (24, 70, 80)).astype(np.uint16)
    if kind == "tif":
        tifffile.imwrite(path, noise, photometric="minisblack", compression="zlib")
    elif kind == "zarr":
        zarr.create_array(path, data=noise, chunks=(4, 32, 32))
    elif kind == "npy":
        np.save(path, noise)
    else:
        nibabel.save(nibabel.Nifti1Image(noise.T, np.eye(4)), path)
    volume = open_volume(path)
    boxes = [(slice(n % 20, n % 20 + 4), slice(n % 30, 70), slice(0, 40)) for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for box, read in zip(boxes, pool.map(volume.read, boxes), strict=True):
            np.testing.assert_array_equal(read, noise[box])


def test_tiff_is_closed_with_its_volume(tmp_path):
    psutil = pytest.importorskip("psutil")
    tifffile.imwrite(tmp_path / "a.tif", STACK, photometric="minisblack", compression="zlib")
    volume = open_volume(tmp_path / "a.tif")
    np.asarray(volume.data)
    del volume
    gc.collect()
    assert not [f for f in psutil.Process().open_files() if f.path == str(tmp_path / "a.tif")]


def test_tiff_of_one_plane_opens_as_y_x(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0])
    volume = open_volume(tmp_path / "a.tif")
    assert_stack(volume, STACK[0], "YX")
    assert volume.spatial().shape == (1, 20, 30)


def test_imagej_tiff_keeps_its_calibration(tmp_path):
    data = np.stack([STACK, STACK + 1], axis=1)
    tifffile.imwrite(
        tmp_path / "a.tif",
        data,
        imagej=True,
        resolution=(4.0, 2.0),
        metadata={"axes": "ZCYX", "spacing": 5.0, "unit": "um"},
    )
    volume = open_volume(tmp_path / "a.tif")
    assert_stack(volume, np.moveaxis(data, 1, 0), "CZYX")
    assert volume.voxel_size == pytest.approx((5.0, 0.5, 0.25))
    assert volume.unit == UM
    assert_stack(volume.spatial(channel=1), STACK + 1)


@pytest.mark.parametrize("unit", [{}, {"unit": "pixel"}])
def test_imagej_tiff_without_a_unit_has_no_scale(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "a.tif",
        STACK,
        imagej=True,
        resolution=(72.0, 72.0),
        metadata={"axes": "ZYX", "spacing": 0.01, **unit},
    )
    volume = open_volume(tmp_path / "a.tif")
    assert volume.voxel_size == (1.0, 1.0, 1.0)
    assert volume.unit is None


def test_ome_tiff_keeps_scale_units_and_channels(tmp_path):
    data = np.stack([STACK, STACK + 1])
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        data,
        metadata={
            "axes": "CZYX",
            "PhysicalSizeZ": 2.0,
            "PhysicalSizeZUnit": "µm",
            "PhysicalSizeY": 300.0,
            "PhysicalSizeYUnit": "nm",
            "PhysicalSizeX": 0.3,
            "Channel": {"Name": ["vessels", "nuclei"]},
        },
    )
    volume = open_volume(tmp_path / "a.ome.tif")
    assert_stack(volume, data, "CZYX")
    assert volume.name == "a"
    assert volume.voxel_size == pytest.approx((2.0, 0.3, 0.3))
    assert volume.unit == UM
    assert volume.channels == ("vessels", "nuclei")


def test_tiled_pyramidal_tiff(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        options = {"tile": (16, 16), "metadata": {"axes": "ZYX"}}
        file.write(STACK, subifds=1, **options)
        file.write(STACK[:, ::2, ::2], subfiletype=1, tile=(16, 16))
    volume = open_volume(tmp_path / "a.ome.tif")
    assert_stack(volume)
    assert volume.data.chunks == (1, 16, 16)
    np.testing.assert_array_equal(volume.levels[1], STACK[:, ::2, ::2])


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_nifti_is_transposed_to_z_y_x(tmp_path, ending):
    image = nibabel.Nifti1Image(STACK.T.astype(np.int16), np.diag([0.1, 0.2, 3.0, 1.0]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / f"brain.{ending}")
    volume = open_volume(tmp_path / f"brain.{ending}")
    assert_stack(volume, STACK.astype(np.int16))
    assert volume.name == "brain"
    assert volume.voxel_size == pytest.approx((3.0, 0.2, 0.1))
    assert volume.unit == "millimeter"


def test_nifti_with_a_slope_is_float(tmp_path):
    image = nibabel.Nifti1Image(STACK.T.astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 10)
    nibabel.save(image, tmp_path / "a.nii")
    assert_stack(open_volume(tmp_path / "a.nii"), STACK.astype(np.float32) * 0.5 + 10)


class Bio:
    """The part of BioImage's and AICSImage's interface that is needed."""

    dims = SimpleNamespace(order="TCZYX")
    physical_pixel_sizes = SimpleNamespace(Z=5.0, Y=0.5, X=None)
    channel_names = ("vessels", "nuclei")

    def get_image_dask_data(self, order):
        assert order == "TCZYX"
        return da.from_array(np.stack([STACK, STACK + 1])[None])


def test_bioimage_like_object_is_taken_as_it_is():
    volume = open_volume(Bio())
    assert_stack(volume, np.stack([STACK, STACK + 1]), "CZYX")
    assert volume.space.scale == (5.0, 0.5, None)
    assert volume.unit is None
    assert volume.channels == ("vessels", "nuclei")


@pytest.mark.filterwarnings("default")  # bioio tries its next plugin if one warns
def test_real_bioimage(tmp_path):
    bioio = pytest.importorskip("bioio")
    pytest.importorskip("bioio_ome_tiff")
    tifffile.imwrite(tmp_path / "a.ome.tif", STACK, metadata={"axes": "ZYX", "PhysicalSizeZ": 5.0})
    volume = open_volume(bioio.BioImage(tmp_path / "a.ome.tif"))
    assert_stack(volume)
    assert volume.space.scale[0] == 5.0


@pytest.mark.parametrize("wrap", [np.asarray, da.from_array, zarr.array])
def test_arrays_of_any_kind(wrap):
    assert_stack(open_volume(wrap(STACK)))
    assert_stack(open_volume(wrap(STACK[None])))


@pytest.mark.parametrize("dims", ["CZYX", "czyx"])
def test_arrays_that_name_their_axes(dims):
    xarray = pytest.importorskip("xarray")
    both = np.stack([STACK, STACK + 1])
    named = xarray.DataArray(da.from_array(both, chunks=(1, 1, 20, 30)), dims=list(dims))
    assert_stack(open_volume(named), both, "CZYX")
    assert_stack(open_volume(named.transpose(*dims[::-1])), both, "CZYX")
    assert open_volume(named).data.chunks == (1, 1, 20, 30)


def test_a_volume_opens_as_itself():
    volume = open_volume(STACK)
    assert open_volume(volume) is volume


def test_missing_file(tmp_path):
    refused(tmp_path / "none.tif", "none.tif", "does not exist")


@pytest.mark.parametrize("name", ["a.tif", "a.nii", "a.nii.gz", "a.npy"])
def test_no_image_and_empty_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"dear diary, today I saw a vessel. " * 20)
    refused(tmp_path / name, name)
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, name, "empty")


def test_folder_that_is_no_zarr(tmp_path):
    refused(tmp_path, tmp_path.name)


def test_group_without_an_image(tmp_path):
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    refused(tmp_path / "a.zarr", "a.zarr", "without an image")


@pytest.mark.parametrize("damage", [b"{", b"{}", b'{"ome": 1}'])
def test_damaged_zarr_metadata(tmp_path, damage):
    write_ome_zarr(tmp_path / "a.ome.zarr")
    (tmp_path / "a.ome.zarr" / "zarr.json").write_bytes(damage)
    refused(tmp_path / "a.ome.zarr", "a.ome.zarr")


@pytest.mark.parametrize("kind", ["plain", "compressed", "imagej", "ome"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated_tiff(tmp_path, kind, share):
    path = tmp_path / ("a.ome.tif" if kind == "ome" else "a.tif")
    noise = np.random.default_rng(0).integers(0, 9999, (8, 40, 40), np.uint16)
    options = {"compressed": {"compression": "zlib"}, "imagej": {"imagej": True}}.get(kind, {})
    tifffile.imwrite(path, noise, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    refused(path, path.name)


def test_a_tiff_cut_before_its_first_page(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 8, 8), np.uint8), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:8])
    refused(path, "a.tif", "cut short")


def test_truncated_nifti(tmp_path):
    path = tmp_path / "a.nii"
    nibabel.save(nibabel.Nifti1Image(STACK.T.astype(np.int16), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:2000])
    refused(path, "a.nii", "cut short")


def test_rgb_says_to_convert(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    refused(tmp_path / "a.tif", "a.tif", "RGB", "convert")
    image = Bio()
    image.dims = SimpleNamespace(order="TCZYXS")
    refused(image, "RGB", "convert")


@pytest.mark.parametrize("array", [np.zeros(5), np.zeros((1,) * 6), np.zeros((0, 5, 5)), "abc"])
def test_what_is_no_image(array):
    refused(np.zeros((4, 4), complex), "complex")
    refused(array)


def test_unknown_format_names_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
    refused(tmp_path / "a.czi", "a.czi", "pip install")
    monkeypatch.setitem(sys.modules, "bioio", None)
    refused(tmp_path / "a.czi", "a.czi", "pip install 'napari-midl[bioio]'")

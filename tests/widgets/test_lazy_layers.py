"""How much napari reads of a lazy pyramid."""

from __future__ import annotations

import math

import nibabel
import numpy as np
import pytest
import tifffile

from napari_midl.volumes.growing import Channel
from napari_midl.volumes.lazy import Lazy
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.space import Space
from napari_midl.widgets.tool.growing_layers import GrowingLayers


class Stored:
    """Stands in for a zarr array; notes how many voxels are read."""

    def __init__(self, shape):
        self.array, self.read = np.zeros(shape, np.uint8), 0
        self.shape, self.dtype = shape, self.array.dtype

    def __getitem__(self, key):
        block = self.array[key]
        self.read += block.size
        return block


def test_napari_reads_the_plane_in_view_of_a_deep_pyramid(make_napari_viewer):
    fine = Stored((1, 1000, 64, 64))
    coarse = Stored((1, 500, 32, 32))
    finest = fine.shape[1:]
    levels = [Channel(level, 0, [], finest) for level in (fine, coarse)]
    viewer = make_napari_viewer()
    layer = viewer.add_image(levels, multiscale=True, contrast_limits=(0, 1))
    fine.read = coarse.read = 0
    for plane in (10, 600):
        viewer.dims.set_point(0, plane)
    layer.refresh()
    assert fine.read <= 3 * 64 * 64
    assert coarse.read <= 6 * 32 * 32


@pytest.mark.parametrize("kind", ["tif", "ome.zarr", "nii"])
def test_files_of_any_kind_are_shown_valued_and_turned_to_3d(viewer, tmp_path, kind):
    voxels = np.random.default_rng(0).integers(5, 25000, (6, 300, 320)).astype(np.uint16)
    path = tmp_path / f"a.{kind}"
    if kind == "tif":
        tifffile.imwrite(path, voxels, photometric="minisblack", byteorder=">")
    elif kind == "nii":
        nibabel.save(nibabel.Nifti1Image(voxels.T, np.eye(4)), path)
    else:
        OmeZarrImage.create(
            path, shape=voxels.shape, dtype="uint16", axes="ZYX", chunks=(1, 64, 64), levels=2
        ).write((slice(None),) * 3, voxels)
    (layer,) = viewer.open(path, plugin="napari-midl")
    assert layer.multiscale == (kind == "ome.zarr")
    low, high = layer.contrast_limits
    assert 0 <= low < 10000 < high <= 2**16
    viewer.dims.set_point(0, 3)
    value = layer.get_value((3, 20, 30))
    assert (value[1] if layer.multiscale else value) == voxels[3, 20, 30]
    viewer.dims.ndisplay = 3
    layer.refresh()
    shown = np.asarray(layer._slice.image.raw)
    coarsest = layer.data[-1] if layer.multiscale else layer.data
    np.testing.assert_array_equal(shown, coarsest)


def test_a_large_lazy_image_is_opened_by_a_few_of_its_planes(viewer):
    class Large(Lazy):
        def __init__(self):
            super().__init__((4000, 1000, 1000), np.uint16, (1, 1000, 1000))
            self.voxels = 0

        def read(self, box):
            shape = [s.stop - s.start for s in box]
            self.voxels += math.prod(shape)
            return np.broadcast_to(np.arange(shape[-1], dtype=np.uint16), shape)

    large = Large()
    layer = viewer.add_image(large, name="large")
    viewer.dims.set_point(0, 1234)
    assert layer.get_value((1234, 5, 700)) == 700
    assert tuple(layer.contrast_limits) == (0, 999)
    assert large.voxels <= 20 * 1000 * 1000


def test_what_grows_is_seen_from_afar_too(viewer, tmp_path):
    """The coarsest level of a plane, which is that of the thumbnail, is read again."""
    image = viewer.add_image(np.zeros((512, 512), np.uint8))
    out = OmeZarrImage.create(
        tmp_path / "out.ome.zarr",
        shape=(1, 512, 512),
        dtype="float32",
        axes="CYX",
        space=Space.of((1, 1, 1), "micrometer"),
        chunks=(1, 64, 64),
        channels=("found",),
    )
    layers = GrowingLayers(viewer, image, out.path, "prediction")
    assert len(layers.stored.levels) > 1
    layer = layers.add(layers.stored.channel(0), contrast_limits=(0, 1), colormap="gray")
    layer.refresh()
    assert not layer.thumbnail[..., :3].any()
    out.write((slice(0, 1), slice(0, 512), slice(0, 512)), np.ones((1, 512, 512), np.float32))
    layers.refresh()
    layer.refresh()
    assert layer.thumbnail[..., :3].any()

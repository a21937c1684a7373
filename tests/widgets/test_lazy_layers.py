"""How much napari reads of a lazy pyramid."""

from __future__ import annotations

import numpy as np

from napari_midl.volumes.growing import Channel


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

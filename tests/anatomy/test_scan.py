"""What a ray meets in a scan, where its bone begins, and where its landmarks lie."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.scan import (
    bone_threshold,
    finest_that_fits,
    first_above,
    read_voxels,
)
from napari_midl.volumes.reading import StoredArray
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume


def test_a_ray_stops_between_the_voxels_where_it_passes_the_threshold() -> None:
    voxels = np.zeros((10, 5, 5))
    voxels[6:] = 100
    hit = first_above(voxels, voxels.shape, (0, 2, 2), (9, 2, 2), 50)
    assert hit is not None
    # Voxel 6 begins at 5.5, which a step of half a voxel finds to within a quarter.
    assert abs(hit[0] - 5.5) <= 0.26
    assert hit[1:].tolist() == [2, 2]
    assert first_above(voxels, voxels.shape, (0, 2, 2), (9, 2, 2), 100) is None


def test_a_ray_that_begins_inside_stops_at_once() -> None:
    voxels = np.full((4, 4, 4), 100)
    hit = first_above(voxels, voxels.shape, (0, 1, 2), (3, 1, 2), 50)
    assert hit is not None and hit.tolist() == [0, 1, 2]


def test_a_coarser_level_gives_voxels_of_the_finest() -> None:
    coarse = np.zeros((5, 2, 2))
    coarse[3:] = 100
    hit = first_above(coarse, (20, 8, 8), (0, 4, 4), (19, 4, 4), 50)
    assert hit is not None
    # Coarse voxel 3 merges voxels 12 to 15: it begins at 11.5.
    assert abs(hit[0] - 11.5) <= 1.01
    np.testing.assert_allclose(hit[1:], [4, 4])


def test_bone_is_the_upper_of_three_kinds_of_tissue() -> None:
    rng = np.random.default_rng(0)
    voxels = rng.normal(-1000, 20, (20, 20, 20))
    voxels[5:] = rng.normal(50, 20, (15, 20, 20))
    voxels[15:] = rng.normal(1200, 20, (5, 20, 20))
    assert 100 < bone_threshold(voxels) < 1100
    assert bone_threshold(np.array([[[0, 8]]])) == 4


def test_the_finest_level_that_fits() -> None:
    levels = tuple(StoredArray(np.zeros((n,) * 3), "pyramid") for n in (8, 4))
    volume = Volume(levels, ("Z", "Y", "X"), Space(), "pyramid")
    for most, shape in ((512, (8, 8, 8)), (511, (4, 4, 4)), (64, (4, 4, 4))):
        level = finest_that_fits(volume, most)
        assert level is not None and level.shape == shape
    assert finest_that_fits(volume, 63) is None


def test_a_scan_that_cannot_be_read_is_a_sentence() -> None:
    class Damaged:
        shape, dtype = (4, 4, 4), np.dtype(float)

        def __getitem__(self, key: object) -> np.ndarray:
            raise OSError("chunk 3 is damaged")

    with pytest.raises(InputError, match=r"^torn holds voxels that cannot be decoded"):
        read_voxels(Volume.from_array(Damaged(), name="torn"))

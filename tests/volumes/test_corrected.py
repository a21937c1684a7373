from __future__ import annotations

import numpy as np
import pytest

from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.corrected import Corrected, lacking
from napari_midl.volumes.volume import Volume


def mask(shape=(6, 10, 12)):
    inside = np.random.default_rng(0).random(shape) > 0.5
    return inside, Volume.from_array(inside.astype(np.uint8)).data


PATCHES = [
    Patch((1, 2, 3), np.full((2, 4, 5), 1, np.uint8)),
    Patch((2, 4, 0), np.full((3, 3, 6), 2, np.uint8)),
]


def test_what_was_painted_last_counts_in_each_box():
    inside, stored = mask()
    wanted = inside.copy()
    wanted[1:3, 2:6, 3:8] = False
    wanted[2:5, 4:7, 0:6] = True
    corrected = Corrected(stored, PATCHES)
    np.testing.assert_array_equal(np.asarray(corrected), wanted)
    for box in (np.s_[2, 3:7, :], np.s_[:, 4, 5], np.s_[0:1, 0:2, 0:3], np.s_[4:, 6:, 5:]):
        np.testing.assert_array_equal(np.asarray(corrected[box]), wanted[box])


def test_unpainted_voxels_of_a_patch_leave_the_mask_as_it_is():
    inside, stored = mask()
    patch = Patch((0, 0, 0), np.zeros(inside.shape, np.uint8))
    np.testing.assert_array_equal(np.asarray(Corrected(stored, [patch])), inside)


@pytest.mark.parametrize("factors", [(1, 2, 2), (2, 3, 4)])
def test_a_coarser_level_shows_the_first_voxel_of_each(factors):
    inside, stored = mask((6, 12, 12))
    finest = np.asarray(Corrected(stored, PATCHES))
    coarse = tuple(slice(None, None, f) for f in factors)
    level = Volume.from_array(inside[coarse].astype(np.uint8)).data
    corrected = Corrected(level, PATCHES, finest=inside.shape)
    np.testing.assert_array_equal(np.asarray(corrected), finest[coarse])


def test_what_others_do_not_say_yet():
    first, second = PATCHES
    assert lacking(first, [second]) is not None
    np.testing.assert_array_equal(lacking(first, [second]).labels, first.labels)
    same = Patch((2, 3, 4), np.full((2, 9, 2), 1, np.uint8))
    left = lacking(first, [second, same]).labels
    assert left.sum() == first.labels.sum() - 1 * 3 * 2 and not left[1, 1:, 1:3].any()
    assert lacking(first, [same, Patch((0, 0, 0), np.full((6, 10, 12), 1, np.uint8))]) is None

from __future__ import annotations

import numpy as np
import zarr

from napari_midl.methods.staining.colours import Colours, Curtain


def test_a_curtain_over_an_array_gives_its_colours():
    picture = np.random.default_rng(0).integers(50, 255, (6, 16, 3)).astype(np.uint8)
    curtain = Curtain(picture, 0.5)
    part = np.asarray(curtain[1:4, 4:11])
    np.testing.assert_array_equal(part[:, 0, :3], picture[1:4, 4])
    np.testing.assert_array_equal(part[:, 4:, :3], picture[1:4, 8:11])
    np.testing.assert_array_equal(part[0, :, 3], [255] * 4 + [0] * 3)
    # Its edge, of which each third column, as a screen with fewer pixels shows them, has some.
    assert (part[:, 1:4, :3] < 40).all()


def test_what_is_not_stained_is_transparent_also_behind_a_curtain():
    stored = zarr.create_array({}, shape=(4, 6, 8), dtype="uint8", chunks=(4, 3, 4))
    stored[:, :, :4] = 90
    colours = Colours(stored)
    np.testing.assert_array_equal(colours[2, :, 3], [255] * 4 + [0] * 4)
    np.testing.assert_array_equal(colours[2, 0], [90, 90, 90, 255])
    np.testing.assert_array_equal(Curtain(colours, 1.0)[2, :5, 3], [255] * 4 + [0])


def test_of_what_is_written_meanwhile_only_that_is_read_again():
    stored = zarr.create_array({}, shape=(3, 6, 8), dtype="uint8", chunks=(3, 3, 4))
    written = []
    colours = Colours(stored, written)
    assert not np.asarray(colours[:]).any()
    stored[:] = 90
    assert not np.asarray(colours[:]).any()
    written.append((slice(0, 3), slice(4, 8)))
    seen = np.asarray(colours[:])
    assert (seen[:3, 4:] == [90, 90, 90, 255]).all()
    assert not seen[3:].any() and not seen[:, :4].any()

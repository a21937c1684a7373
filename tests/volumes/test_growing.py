from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_midl.errors import InputError
from napari_midl.volumes.growing import GrowingImage


@pytest.fixture
def stored(tmp_path):
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    group.create_array("0", data=np.zeros((1, 4, 8, 8), np.uint8))
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "0"}]}]}
    return group


def test_what_is_noted_as_written_is_read_again(stored, tmp_path):
    image = GrowingImage(tmp_path / "a.ome.zarr", "prediction")
    (channel,) = image.channel(0)
    assert image.shape == (1, 4, 8, 8) and not channel[2, :, :].any()
    stored["0"][0, 2] = 7
    assert not channel[2, :, :].any()
    box = (slice(2, 3), slice(0, 4), slice(0, 8))
    assert image.note([box]) == [box]
    assert (channel[2, :, :][:4] == 7).all() and not channel[2, :, :][4:].any()
    image.note(None)
    assert (channel[2, :, :] == 7).all()


def test_a_box_of_a_plane_has_no_slice(tmp_path):
    group = zarr.open_group(tmp_path / "b.ome.zarr", mode="w")
    group.create_array("0", data=np.zeros((3, 8, 8), np.uint8))
    group.attrs["ome"] = {"multiscales": [{"datasets": [{"path": "0"}]}]}
    image = GrowingImage(tmp_path / "b.ome.zarr", "stain")
    assert image.note([(slice(0, 1), slice(0, 4), slice(2, 8))]) == [(slice(0, 4), slice(2, 8))]


def test_what_is_no_image_is_refused(tmp_path):
    with pytest.raises(InputError, match="is no prediction"):
        GrowingImage(tmp_path / "none", "prediction")

"""What File > Open and the command line show, in a real window."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl import cli
from napari_midl.volumes.ome_zarr import OmeZarrImage


@pytest.fixture
def two(tmp_path, tubes):
    """An OME-Zarr with one named channel, and one with two."""
    for names in (("dye",), ("dye", "nuclei")):
        OmeZarrImage.create(
            tmp_path / f"{len(names)}.ome.zarr",
            shape=(len(names), *tubes[0].shape),
            dtype="uint8",
            axes="CZYX",
            scale=(1, 2, 1, 1),
            units=(None, *("micrometer",) * 3),
            chunks=(1, 4, 64, 72),
            channels=names,
        ).write((slice(None),) * 4, np.stack([tubes[0] // (n + 1) for n in range(len(names))]))
    return tmp_path


def test_the_command_line_opens_one_named_channel_and_several(viewer, two, monkeypatch, notes):
    monkeypatch.setattr("napari.Viewer", lambda: viewer)
    monkeypatch.setattr("napari.run", lambda: None)
    cli.open_napari(two / "1.ome.zarr", two / "2.ome.zarr")
    names = [layer.name for layer in viewer.layers]
    assert names == ["1", "2 dye", "2 nuclei"]
    np.testing.assert_allclose(viewer.layers[0].scale, (2, 1, 1))

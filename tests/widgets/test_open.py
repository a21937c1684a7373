"""What File > Open and the command line show, in a real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.layers._layer_actions import _split_rgb

from napari_midl import cli
from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.space import Space
from napari_midl.widgets.images import volume_of


@pytest.fixture
def two(tmp_path, tubes):
    """An OME-Zarr with one named channel, and one with two."""
    for names in (("dye",), ("dye", "nuclei")):
        OmeZarrImage.create(
            tmp_path / f"{len(names)}.ome.zarr",
            shape=(len(names), *tubes[0].shape),
            dtype="uint8",
            axes="CZYX",
            space=Space.of((2, 1, 1), "micrometer"),
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


def test_a_file_opened_by_our_reader_keeps_its_size_and_its_channels_apart(
    viewer, two, tubes, notes, open_dock, tmp_path
):
    viewer.open(two / "2.ome.zarr", plugin="napari-midl")
    dock = open_dock(viewer)
    assert dock.bench.volume.voxel_size == (2, 1, 1)
    first = dock.bench.channel
    dock.data.image.setCurrentIndex(1 - dock.data.image.currentIndex())
    assert {first, dock.bench.channel} == {0, 1}
    assert dock.bench.volume.source == str(two / "2.ome.zarr")


def test_the_record_of_a_file_from_the_command_line_names_it_from_everywhere(
    viewer, two, monkeypatch, notes, open_dock
):
    monkeypatch.setattr("napari.Viewer", lambda: viewer)
    monkeypatch.setattr("napari.run", lambda: None)
    monkeypatch.chdir(two)
    cli.open_napari(Path("2.ome.zarr"))
    assert open_dock(viewer).bench.volume.source == str(two / "2.ome.zarr")


def test_an_operation_is_told_channel_and_time(viewer, tmp_path, tubes, notes, open_dock):
    image = np.stack([np.stack([tubes[0] // n for n in (1, 2)]) for _ in range(3)])
    layer = viewer.add_image(image, name="film", scale=(1, 1, 2, 1, 1))
    dock = open_dock(viewer)
    dock.data.channel.setValue(1)
    dock.data.time.setValue(2)
    assert (dock.bench.channel, dock.bench.time) == (1, 2)
    image = dock.predict.operation(OmeZarrOut(tmp_path / "out.ome.zarr")).image
    assert (image.channel, image.time) == (1, 2)
    np.testing.assert_array_equal(image.open().data, volume_of(layer, 1, 2).data)


@pytest.mark.parametrize("shown", [0, 1, 2])
def test_of_a_picture_that_is_split_the_colour_with_the_most_in_it_is_taken(
    viewer, notes, open_dock, shown
):
    picture = np.full((80, 80, 3), 120, np.uint8)
    picture[..., (shown + 1) % 3] = 240  # bright all over, and nothing in it
    picture[38:42, :, shown] = 200
    viewer.add_image(picture, rgb=True, name="photograph")
    dock = viewer.window.add_plugin_dock_widget("napari-midl", "Axons")[1]
    assert "Split RGB" in dock.data.about.text()
    viewer.layers.selection.active = viewer.layers[0]
    _split_rgb(viewer.layers)
    assert dock.bench.image is viewer.layers[shown]
    assert viewer.layers[shown].name in dock.data.picked.text() and not dock.data.picked.isHidden()
    dock.data.image.setCurrentIndex((shown + 1) % 3)
    assert dock.bench.image is viewer.layers[(shown + 1) % 3], "a person knows better"

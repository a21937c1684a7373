"""Places of an OME-Zarr's levels: as they are written, and as files of others say them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_midl.volumes.multiscales import Multiscale, transformations
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

TURNED = ((0.6, -0.8, 0.0), (0.8, 0.6, 0.0), (0.0, 0.0, 1.0))


def write(path, space, version="0.5", axes="ZYX", shape=(8, 60, 60), levels=3):
    image = OmeZarrImage.create(
        path,
        shape=shape,
        dtype="uint8",
        axes=axes,
        space=space,
        chunks=[min(n, 32) for n in shape],
        levels=levels,
        version=version,
    )
    image.write((slice(None),) * len(shape), np.zeros(shape, np.uint8))
    return image


def moves(path):
    """Scale and translation of each level, as they stand in the file."""
    attributes = dict(zarr.open_group(path, mode="r").attrs)
    (multiscale,) = attributes.get("ome", attributes)["multiscales"]
    return [
        {t["type"]: t[t["type"]] for t in dataset["coordinateTransformations"]}
        for dataset in multiscale["datasets"]
    ]


def space_of(attributes):
    """The space of an image's finest level, as its attributes say it."""
    multiscale = Multiscale.of(Path("image"), attributes)
    return multiscale.space(Path("image"), 0, multiscale.axes(Path("image"), np.zeros((1, 1, 1))))


def attributes(scale, unit="micrometer", translation=None, beside=(), axes="zyx"):
    """Attributes of an image as another program writes them."""
    listed = [{"type": "scale", "scale": list(scale)}]
    if translation is not None:
        listed.append({"type": "translation", "translation": list(translation)})
    named = [{"name": axis, "type": "space", "unit": unit} for axis in axes]
    datasets = [{"path": "0", "coordinateTransformations": listed}]
    about = {"axes": named, "datasets": datasets, "coordinateTransformations": list(beside)}
    return {"ome": {"multiscales": [about]}}


@pytest.mark.parametrize(
    ("factors", "scale", "translation"),
    [
        ((1, 1, 1), (4, 1, 0.5), (30, 20, 10)),
        ((1, 2, 2), (4, 2, 1), (30, 20.5, 10.25)),
        ((2, 4, 4), (8, 4, 2), (32, 21.5, 10.75)),
        ((3, 3, 3), (12, 3, 1.5), (34, 21, 10.5)),
        ((1, 9, 9), (4, 9, 4.5), (30, 24, 12)),
    ],
)
def test_each_level_is_shifted_by_half_of_what_it_merges(factors, scale, translation):
    space = Space.of((4, 1, 0.5), "um", (10, 20, 30))
    assert transformations("ZYX", space, factors) == [
        {"type": "scale", "scale": pytest.approx(scale)},
        {"type": "translation", "translation": pytest.approx(translation)},
    ]
    with_channels = transformations("TCZYX", space, (1, 1, *factors))
    assert with_channels[0]["scale"] == pytest.approx([1, 1, *scale])
    assert with_channels[1]["translation"] == pytest.approx([0, 0, *translation])


def test_an_image_in_no_place_has_shifts_of_its_coarser_levels_alone(tmp_path):
    write(tmp_path / "a.ome.zarr", Space.of((9, 1, 1), "um"))
    fine, middle, coarse = moves(tmp_path / "a.ome.zarr")
    assert fine == {"scale": [9, 1, 1]}
    assert middle == {"scale": [9, 2, 2], "translation": [0, 0.5, 0.5]}
    assert coarse == {"scale": [9, 4, 4], "translation": [0, 1.5, 1.5]}
    # A level with a scale begins at zero where nothing else is said.
    assert open_volume(tmp_path / "a.ome.zarr").space == Space.of((9, 1, 1), "um", (0, 0, 0))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("direction", [np.eye(3), TURNED])
def test_place_and_direction_are_kept_by_image_and_labels(tmp_path, version, direction):
    space = Space.of((3, 2, 0.5), "mm", (10, -20, 30), direction, anatomical=True)
    image = write(tmp_path / "a.ome.zarr", space, version)
    image.create_labels("one")
    assert open_volume(tmp_path / "a.ome.zarr").space == space
    assert open_volume(tmp_path / "a.ome.zarr" / "labels" / "one").space == space
    assert moves(tmp_path / "a.ome.zarr")[0]["translation"] == [30, -20, 10]


def test_what_is_said_besides_stays(tmp_path):
    space = Space.of((3, 2, 0.5), "mm", (10, -20, 30), TURNED, anatomical=True)
    write(tmp_path / "a.ome.zarr", space).tell(complete=True)
    assert open_volume(tmp_path / "a.ome.zarr").space == space


@pytest.mark.parametrize("change", ["scale", "translation", "unit"])
def test_what_another_program_changes_counts(tmp_path, change):
    space = Space.of((3, 2, 0.5), "mm", (10, -20, 30), TURNED, anatomical=True)
    write(tmp_path / "a.ome.zarr", space)
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r+")
    about = dict(group.attrs)["ome"]
    (multiscale,) = about["multiscales"]
    scale, translation = multiscale["datasets"][0]["coordinateTransformations"]
    if change == "scale":
        scale["scale"] = [6, 4, 1]
    elif change == "translation":
        translation["translation"] = [0, 0, 7]
    else:
        for axis in multiscale["axes"]:
            axis["unit"] = "micrometer"
    group.attrs["ome"] = about
    expected = {
        "scale": Space.of((6, 4, 1), "mm", (10, -20, 30)),
        "translation": Space.of((3, 2, 0.5), "mm", (7, 0, 0)),
        "unit": Space.of((3, 2, 0.5), "um", (10, -20, 30)),
    }
    assert open_volume(tmp_path / "a.ome.zarr").space == expected[change]


def test_transformations_of_all_levels_come_after_those_of_each():
    beside = [
        {"type": "scale", "scale": [2, 2, 2]},
        {"type": "translation", "translation": [100, 0, 0]},
    ]
    found = space_of(attributes((4, 1, 0.5), translation=(1, 2, 3), beside=beside))
    assert found == Space.of((8, 2, 1), "um", (6, 4, 102))


def test_other_files_say_less(tmp_path):
    assert space_of(attributes((4, 1, 0.5), unit=None)) == Space.of((4, 1, 0.5), None, (0, 0, 0))
    bare = {"multiscales": [{"axes": ["z", "y", "x"], "datasets": [{"path": "0"}]}]}
    assert space_of(bare) == Space()
    kept = attributes((4, 1, 0.5)) | {"napari-midl": {"space": "none"}}
    assert space_of(kept) == Space.of((4, 1, 0.5), "um", (0, 0, 0))


@pytest.mark.parametrize("axes", ["YX", "CYX"])
def test_a_plane_keeps_its_size(tmp_path, axes):
    space = Space.of((None, 0.75, 0.75), "micrometer")
    write(tmp_path / "a.ome.zarr", space, axes=axes, shape=(2, 300, 300)[-len(axes) :])
    volume = open_volume(tmp_path / "a.ome.zarr")
    assert volume.voxel_size[1:] == (0.75, 0.75)
    assert volume.unit == volume.spatial().unit == "micrometer"

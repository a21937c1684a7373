from __future__ import annotations

import itertools
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader

from napari_midl.errors import InputError
from napari_midl.volumes import label_list
from napari_midl.volumes.label_values import Meaning
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space

UM = "micrometer"
SHAPE = (2, 7, 41, 50)
WHOLE = (slice(None),) * 4


def create(path, *, scale=(5.0, 1.0, 1.0), dtype="float32", version="0.5", levels=3):
    return OmeZarrImage.create(
        path,
        shape=SHAPE,
        dtype=dtype,
        axes="CZYX",
        space=Space.of(scale, UM),
        chunks=(1, 4, 16, 16),
        channels=("vessel probability", "uncertainty"),
        name="vessels",
        levels=levels,
        version=version,
    )


def noise(dtype="float32"):
    values = np.random.default_rng(0).random(SHAPE) * (1 if dtype == "float32" else 60000)
    return values.astype(dtype)


def regions(shape, edges):
    """Boxes that cover a shape, most of them cutting through voxels of the coarser levels."""
    pairs = zip(shape, edges, strict=True)
    cuts = [[slice(s, min(s + e, n)) for s in range(0, n, e)] for n, e in pairs]
    return list(itertools.product(*cuts))


def pyramid(image):
    return [np.asarray(level[:]) for level in image.levels]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_other_readers_find_image_labels_and_metadata(tmp_path, version):
    image = create(tmp_path / "a.ome.zarr", version=version)
    array = noise()
    image.write(WHOLE, array)
    mask = (array[0] > 0.5).astype(np.uint8)
    meanings = {0: Meaning("rest"), 1: Meaning("vessel", (255, 0, 0, 128))}
    labels = image.create_labels("vessels", meanings=meanings)
    labels.write(WHOLE[1:], mask)
    assert zarr.open_group(tmp_path / "a.ome.zarr").metadata.zarr_format == (
        2 if version == "0.4" else 3
    )

    nodes = list(Reader(parse_url(tmp_path / "a.ome.zarr"))())
    assert len(nodes) == 3  # the image, the list of labels, the labels
    np.testing.assert_array_equal(nodes[0].data[0].compute(), array)
    np.testing.assert_array_equal(nodes[2].data[0].compute(), mask)
    about = nodes[0].metadata
    assert [axis["name"] for axis in about["axes"]] == ["c", "z", "y", "x"]
    assert [axis.get("unit") for axis in about["axes"]] == [None, UM, UM, UM]
    # The first voxel of a coarser level has its middle half a voxel further in.
    assert about["coordinateTransformations"] == [
        [{"type": "scale", "scale": [1.0, 5.0, 1.0, 1.0]}],
        [
            {"type": "scale", "scale": [1.0, 5.0, 2.0, 2.0]},
            {"type": "translation", "translation": [0.0, 0.0, 0.5, 0.5]},
        ],
        [
            {"type": "scale", "scale": [1.0, 5.0, 4.0, 4.0]},
            {"type": "translation", "translation": [0.0, 0.0, 1.5, 1.5]},
        ],
    ]
    assert about["channel_names"] == ["vessel probability", "uncertainty"]
    assert nodes[2].metadata["color"] == {1: [1.0, 0.0, 0.0, 128 / 255]}
    assert nodes[2].metadata["properties"] == {0: {"class": "rest"}, 1: {"class": "vessel"}}
    assert open_volume(labels.path).values == {0: "rest", 1: "vessel"}

    volume = open_volume(tmp_path / "a.ome.zarr")
    assert volume.channels == ("vessel probability", "uncertainty")
    assert volume.voxel_size == (5.0, 1.0, 1.0)
    np.testing.assert_array_equal(np.asarray(volume.data), array)


def test_planes_halve_and_z_only_where_voxels_stay_nearer_cubes(tmp_path):
    def shapes(name, scale):
        return [level.shape[1:] for level in create(tmp_path / name, scale=scale).levels]

    assert shapes("flat", (5, 1, 1)) == [(7, 41, 50), (7, 21, 25), (7, 11, 13)]
    assert shapes("cube", (1, 1, 1)) == [(7, 41, 50), (4, 21, 25), (2, 11, 13)]
    assert shapes("mild", (2, 1, 1)) == [(7, 41, 50), (7, 21, 25), (4, 11, 13)]


def test_automatic_levels_end_with_a_small_plane(tmp_path):
    image = OmeZarrImage.create(
        tmp_path / "a.ome.zarr",
        shape=(3, 1000, 300),
        dtype="uint8",
        axes="ZYX",
        space=Space.of((9, 1, 1)),
        chunks=(3, 256, 256),
    )
    assert [level.shape for level in image.levels] == [(3, 1000, 300), (3, 500, 150), (3, 250, 75)]


def test_coarser_levels_are_means_of_images_and_samples_of_labels(tmp_path):
    image = create(tmp_path / "a.ome.zarr")
    array = noise()
    array[:, :, :2, :2] = 0.25
    image.write(WHOLE, array)
    fine, middle, coarse = pyramid(image)
    np.testing.assert_array_equal(fine, array)
    expected = array[:, :, :40].reshape(2, 7, 20, 2, 25, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(middle[:, :, :20], expected, rtol=1e-6)
    np.testing.assert_allclose(middle[:, :, 20], array[:, :, 40].reshape(2, 7, 25, 2).mean(-1))
    assert coarse.mean() == pytest.approx(array.mean(), rel=0.05)

    labels = image.create_labels("many", dtype="uint16")
    values = noise("uint16")[0]
    labels.write(WHOLE[1:], values)
    np.testing.assert_array_equal(labels.levels[2][:], values[:, ::4, ::4])


@pytest.mark.parametrize("scale", [(5, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_pyramid_does_not_depend_on_order_or_shape_of_regions(tmp_path, scale, dtype):
    array = noise(dtype)
    at_once = create(tmp_path / "once", scale=scale, dtype=dtype)
    at_once.write(WHOLE, array)
    labels_at_once = at_once.create_labels("l", dtype=dtype if dtype == "uint16" else "uint8")
    mask = (array[0] * 7).astype(labels_at_once.levels[0].dtype)
    labels_at_once.write(WHOLE[1:], mask)
    for seed, edges in enumerate([(1, 4, 16, 16), (2, 3, 13, 17)]):
        image = create(tmp_path / f"{seed}", scale=scale, dtype=dtype)
        labels = image.create_labels("l", dtype=str(mask.dtype))
        boxes = regions(SHAPE, edges)
        for i in np.random.default_rng(seed).permutation(len(boxes)):
            image.write(boxes[i], array[boxes[i]])
            labels.write(boxes[i][1:], mask[boxes[i][1:]])
        for one, other in zip(pyramid(image), pyramid(at_once), strict=True):
            np.testing.assert_array_equal(one, other)
        for one, other in zip(pyramid(labels), pyramid(labels_at_once), strict=True):
            np.testing.assert_array_equal(one, other)


def test_writing_goes_on_after_opening_again(tmp_path):
    array = noise()
    image = create(tmp_path / "a.ome.zarr")
    image.create_labels("vessels")
    image.write((slice(None), slice(None), slice(0, 21), slice(None)), array[:, :, :21])
    again = OmeZarrImage.open(tmp_path / "a.ome.zarr")
    again.write((slice(None), slice(None), slice(21, 41), slice(None)), array[:, :, 21:])
    np.testing.assert_array_equal(again.levels[0][:], array)

    other = create(tmp_path / "b.ome.zarr")
    other.write_finest(WHOLE, array)
    assert not other.levels[2][:].any()
    other.update_pyramid(WHOLE)
    for one, two in zip(pyramid(again), pyramid(other), strict=True):
        np.testing.assert_array_equal(one, two)

    labels = OmeZarrImage.open(tmp_path / "a.ome.zarr" / "labels" / "vessels")
    labels.write(WHOLE[1:], np.eye(41, 50, dtype=np.uint8)[None].repeat(7, 0) * 3)
    assert set(np.unique(labels.levels[1][:])) == {0, 3}


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "a.ome.zarr").mkdir()
    (tmp_path / "a.ome.zarr" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"a\.ome\.zarr exists already"):
        create(tmp_path / "a.ome.zarr")
    assert (tmp_path / "a.ome.zarr" / "thesis.txt").read_text() == "mine"

    image = create(tmp_path / "b.ome.zarr")
    image.create_labels("vessels").write(WHOLE[1:], np.ones(SHAPE[1:], np.uint8))
    with pytest.raises(InputError, match=r"vessels exists already"):
        image.create_labels("vessels")
    assert np.all(open_volume(tmp_path / "b.ome.zarr" / "labels" / "vessels").data)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_made_elsewhere_are_listed_once_they_are_moved_in(tmp_path, version):
    image = create(tmp_path / "a.ome.zarr", version=version)
    image.create_labels("one").write(WHOLE[1:], np.ones(SHAPE[1:], np.uint8))
    made = image.create_label_image(tmp_path / "two")
    made.write(WHOLE[1:], np.full(SHAPE[1:], 2, np.uint8))
    two = (tmp_path / "two").rename(image.path / "labels" / "two")
    assert not label_list.is_listed(two)
    label_list.list_labels(two)
    label_list.list_labels(two)
    assert label_list.is_listed(two) and label_list.is_listed(two.with_name("one"))
    nodes = list(Reader(parse_url(tmp_path / "a.ome.zarr"))())
    # The image, the list of labels, and both labels.
    assert [float(node.data[0].max()) for node in (nodes[2], nodes[3])] == [1, 2]
    assert len(nodes) == 4


def test_labels_of_a_plane_keep_its_pixel_size_place_and_levels(tmp_path):
    image = OmeZarrImage.create(
        tmp_path / "a.ome.zarr",
        shape=(600, 600),
        dtype="float32",
        axes="YX",
        space=Space.of((None, 0.5, 2.0), "nanometer", (30.0, 20.0, 0.0)),
        chunks=(128, 128),
    )
    labels = image.create_labels("classes")
    assert [level.shape for level in labels.levels] == [level.shape for level in image.levels]
    opened = open_volume(labels.path)
    assert opened.voxel_size[1:] == (0.5, 2.0) and opened.unit == "nanometer"
    assert opened.space.origin == (30.0, 20.0, 0.0)


def test_a_block_that_does_not_fill_its_region_is_an_error(tmp_path):
    image = create(tmp_path / "a.ome.zarr")
    with pytest.raises(ValueError, match="does not fill"):
        image.write(WHOLE, np.zeros((1, *SHAPE[1:])))


def test_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"a\.ome\.zarr cannot be written"):
        create(tmp_path / "file" / "a.ome.zarr")
    with pytest.raises(InputError, match=r"none\.ome\.zarr is no OME-Zarr image"):
        OmeZarrImage.open(tmp_path / "none.ome.zarr")


@contextmanager
def full_disk(room: int):
    """Let no file grow beyond some bytes, as a full disk would.

    Only while it lasts: pytest's own output may go to a file too.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_while_creating_leaves_nothing(tmp_path):
    with full_disk(100), pytest.raises(InputError, match=r"a\.ome\.zarr cannot be written .*room"):
        create(tmp_path / "a.ome.zarr")
    assert not Path(tmp_path / "a.ome.zarr").exists()


def test_full_disk_while_writing_is_said_and_keeps_what_is_there(tmp_path):
    image = create(tmp_path / "a.ome.zarr")
    image.write(WHOLE, np.ones(SHAPE, np.float32))
    with full_disk(200):
        with pytest.raises(InputError, match=r"a\.ome\.zarr cannot be written .*room"):
            image.write(WHOLE, noise())
        # zarr's other chunks may still be on their way; the disk stays full for them.
        assert (image.levels[0][:] == 1).all()

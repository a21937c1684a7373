"""OME-Zarr as converters and people leave them: opened as they mean it, or a true sentence."""

from __future__ import annotations

import json
import shutil
import tracemalloc
import zipfile

import cloudpickle
import numpy as np
import pytest
import zarr

from napari_midl.errors import InputError
from napari_midl.reader import get_reader
from napari_midl.volumes.open import open_volume

STACK = np.random.default_rng(0).integers(0, 255, (4, 12, 16), np.uint8)
SCALE = [2.0, 0.5, 0.25]
ZYX = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]


def scaled(*values):
    return {"type": "scale", "scale": list(values or SCALE)}


def moved(*values):
    return {"type": "translation", "translation": list(values)}


def write(path, levels=(STACK,), axes=ZYX, transforms=None, about=None, version="0.4", **how):
    """An image whose levels have the transformations of a list, or a scale each."""
    form = 3 if version >= "0.5" else 2
    group = zarr.open_group(path, mode="w", zarr_format=form)
    if form == 2:
        how.setdefault("chunk_key_encoding", {"name": "v2", "separator": "/"})
    if transforms is None:
        transforms = [[scaled(2.0, 0.5 * 2**n, 0.25 * 2**n)] for n in range(len(levels))]
    datasets = []
    for n, level in enumerate(levels):
        chunks = (1, 1, 2, 6, 8)[-level.ndim :]
        array = group.create_array(
            f"s{n}", shape=level.shape, dtype=level.dtype, chunks=chunks, **how
        )
        array[...] = level
        datasets.append({"path": f"s{n}"})
        if transforms and transforms[n] is not None:
            datasets[n]["coordinateTransformations"] = transforms[n]
    image = {"name": "img", "datasets": datasets, **({} if axes is None else {"axes": axes})}
    image |= about or {}
    if form == 3:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    else:
        group.attrs["multiscales"] = [{"version": version, **image}]
    return path


def assert_opens(path, scale=tuple(SCALE), unit="micrometer", expected=STACK):
    """It does so for the command line and in napari."""
    volume = open_volume(path)
    np.testing.assert_array_equal(np.asarray(volume.data), expected)
    assert volume.space.scale == pytest.approx(scale)
    assert volume.unit == unit
    layers = get_reader(str(path))(str(path))
    data, options, _ = layers[0]
    finest = data[0] if options["multiscale"] else data
    assert np.asarray(finest).shape == expected.shape[-finest.ndim :]
    assert options["units"][-1] == (unit or "pixel")
    return volume


def refused(path, *words):
    with pytest.raises(InputError) as error:
        open_volume(path)
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    for word in (path.name, *words):
        assert word in message
    assert get_reader(str(path)) is None
    return message


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_root_of_a_converter_opens_its_only_image(tmp_path, version):
    root = tmp_path / "scan.ome.zarr"
    group = zarr.open_group(root, mode="w", zarr_format=3 if version == "0.5" else 2)
    group.attrs["bioformats2raw.layout"] = 3
    group.create_group("OME").attrs["series"] = ["0"]
    write(root / "0", version=version)
    assert_opens(root)

    write(root / "1", version=version)
    write(root / "10", version=version)
    message = refused(root, "the images 0, 1, 10", str(root / "0"))
    assert_opens(root / message.rstrip(".").split("/")[-1])


def test_plates_and_wells_name_images_that_are_there(tmp_path):
    plate = tmp_path / "plate.ome.zarr"
    group = zarr.open_group(plate, mode="w", zarr_format=2)
    group.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "A/2"}, {"path": "B/9"}]}
    for well in ("A/1", "A/2"):
        row = zarr.open_group(plate / well, mode="w", zarr_format=2)
        row.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
    for image in ("A/1/0", "A/1/1", "A/2/0"):
        write(plate / image)

    message = refused(plate, "A/1/0, A/1/1, A/2/0", str(plate / "A" / "1" / "0"))
    assert "B/9" not in message
    refused(plate / "A" / "1", "the images 0, 1")
    assert_opens(plate / "A" / "2")
    assert_opens(plate / "A" / "1" / "0")


def test_a_plate_of_many_wells_names_a_few(tmp_path):
    plate = tmp_path / "plate.zarr"
    zarr.open_group(plate, mode="w")
    for column in range(12):
        write(plate / "A" / str(column + 1) / "0", version="0.5")

    assert "A/12/0" not in refused(plate, "A/1/0, A/2/0", "and more")


def test_groups_of_arrays_and_empty_ones(tmp_path):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    refused(tmp_path / "a.zarr", "without an image")
    group.create_array("raw", data=STACK)
    group.create_array("more/mask", data=STACK)
    refused(tmp_path / "a.zarr", "zarr arrays", "more/mask", "raw")
    assert_opens(tmp_path / "a.zarr" / "raw", (None,) * 3, None)


def test_an_array_in_place_of_a_group_opens_without_a_size(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=STACK)
    assert_opens(tmp_path / "a.zarr", (None,) * 3, None)
    five = np.stack([STACK, STACK + 1])[None]
    names = ["t", "c", "z", "y", "x"]
    zarr.create_array(tmp_path / "b.zarr", data=five, dimension_names=names)
    assert "".join(assert_opens(tmp_path / "b.zarr", (None,) * 3, None, five[0]).axes) == "CZYX"
    zarr.create_array(tmp_path / "c.zarr", data=np.zeros((1,) * 6, np.uint8))
    refused(tmp_path / "c.zarr", "6 axes")


def test_a_folder_of_images_names_them(tmp_path):
    write(tmp_path / "day 1" / "b.ome.zarr")
    write(tmp_path / "day 1" / "a.ome.zarr")
    refused(tmp_path / "day 1", "a.ome.zarr, b.ome.zarr")
    (tmp_path / "none").mkdir()
    refused(tmp_path / "none", "hidden files")


def test_labels_open_and_their_list_names_them(tmp_path):
    image = write(tmp_path / "a.ome.zarr")
    labels = zarr.open_group(image / "labels", mode="w", zarr_format=2)
    labels.attrs["labels"] = ["nuclei", "vessels"]
    for name in ("nuclei", "vessels"):
        write(image / "labels" / name)
    assert_opens(image)
    assert_opens(image / "labels" / "vessels")
    refused(image / "labels", "nuclei, vessels")


@pytest.mark.parametrize(
    ("unit", "scale", "known"),
    [
        ("micrometer", SCALE, "micrometer"),
        ("Micron", SCALE, "micrometer"),
        ("µm", SCALE, "micrometer"),
        ("nanometer", [2000.0, 500.0, 250.0], "nanometer"),
        ("pixel", SCALE, None),
        ("a.u.", SCALE, None),
        (None, SCALE, None),
        (7, SCALE, None),
    ],
)
def test_units_in_any_spelling(tmp_path, unit, scale, known):
    axes = [{"name": n, "type": "space", **({"unit": unit} if unit else {})} for n in "zyx"]
    path = write(tmp_path / "a.zarr", axes=axes, transforms=[[scaled(*scale)]])
    assert_opens(path, scale, known)


def test_axes_in_several_units(tmp_path):
    axes = [ZYX[0] | {"unit": "millimeter"}, *ZYX[1:]]
    steps = [scaled(0.002, 0.5, 0.25), moved(0.01, 3, 4)]
    volume = assert_opens(write(tmp_path / "a.zarr", axes=axes, transforms=[steps]))
    np.testing.assert_allclose(volume.space.origin, (4, 3, 10))


def test_transformations_are_taken_in_their_order(tmp_path):
    steps = [moved(1, 1, 1), scaled(2, 1, 1), {"type": "identity"}, moved(0, 0, 5)]
    about = {"coordinateTransformations": [scaled(1, 0.5, 0.25), moved(1, 2, 3)]}
    volume = assert_opens(write(tmp_path / "a.zarr", transforms=[steps], about=about))
    np.testing.assert_allclose(volume.space.origin, (4.5, 2.5, 3))


def test_a_size_that_is_not_said_is_not_known(tmp_path):
    path = write(tmp_path / "a.zarr", transforms=[None])
    assert_opens(path, (None,) * 3, None)
    for scale in ([0, 0.5, 0.25], [float("nan"), 0.5, 0.25], [1e30, 0.5, 0.25]):
        path = write(tmp_path / "b.zarr", transforms=[[scaled(*scale)]])
        volume = assert_opens(path, (None, 0.5, 0.25), None)
        assert volume.space.origin is None


def test_a_negative_scale_is_no_size(tmp_path):
    steps = [scaled(2, -0.5, 0.25), moved(0, 8, 0)]
    volume = assert_opens(
        write(tmp_path / "a.zarr", transforms=[steps]), scale=(2.0, None, 0.25), unit=None
    )
    assert volume.space.origin is None


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ({"type": "scale", "path": "scales"}, "array of its own"),
        ({"type": "displacements", "path": "field"}, "displacements"),
        ({"type": "scale", "scale": [1, 1]}, "3 axes"),
        ({"type": "scale", "scale": "big"}, "3 axes"),
        ({"type": "translation"}, "3 axes"),
        ({"scale": [1, 1, 1]}, "None"),
        ({"type": "affine", "affine": [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]}, "sheared"),
    ],
)
def test_what_places_voxels_in_another_way_is_a_sentence(tmp_path, step, word):
    refused(write(tmp_path / "a.zarr", transforms=[[step]]), word)


@pytest.mark.parametrize(
    ("axes", "shape", "named"),
    [
        (["z", "y", "x"], (4, 12, 16), "ZYX"),
        (None, (4, 12, 16), "ZYX"),
        (None, (1, 1, 4, 12, 16), "ZYX"),
        ([{"name": "time", "type": "time"}, *ZYX], (3, 4, 12, 16), "TZYX"),
        ([{"name": "dye", "type": "channel"}, *ZYX], (3, 4, 12, 16), "CZYX"),
        ([{"name": "x"}, {"name": "y"}, {"name": "z"}], (16, 12, 4), "ZYX"),
    ],
)
def test_axes_of_old_and_new_formats(tmp_path, axes, shape, named):
    values = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    path = write(tmp_path / "a.zarr", [values], axes, [None], version="0.1")
    volume = open_volume(path)
    assert "".join(volume.axes) == named
    reverse = axes is not None and axes[0] == {"name": "x"}
    np.testing.assert_array_equal(
        np.asarray(volume.data), values.T if reverse else values.reshape(volume.shape)
    )


@pytest.mark.parametrize(
    ("axes", "word"),
    [
        (ZYX[1:], "names 2 axes for voxels that have 3"),
        ([*ZYX[:2], {"name": "theta"}], "THETA"),
        ([ZYX[1], *ZYX[1:]], "Y Y X"),
        ("zyx", "multiscales: axes"),
        ([{"type": "space"}] * 3, "multiscales: axes"),
    ],
)
def test_axes_that_cannot_be(tmp_path, axes, word):
    refused(write(tmp_path / "a.zarr", axes=axes), word)


COARSE = STACK[:, ::2, ::2]


def test_levels_in_the_wrong_order_are_put_right(tmp_path):
    path = write(
        tmp_path / "a.zarr",
        [COARSE, STACK],
        transforms=[[scaled(2, 1, 0.5), moved(0, 0.25, 0.125)], [scaled()]],
    )
    volume = assert_opens(path)
    np.testing.assert_array_equal(np.asarray(volume.levels[1]), COARSE)
    assert volume.space.origin == (0, 0, 0)


def test_coarser_levels_that_are_lost_or_are_none_are_left_out_and_named(tmp_path):
    other = np.zeros((2, 4, 6, 8), np.uint8)
    path = write(
        tmp_path / "a.zarr", [STACK, COARSE, COARSE, other], transforms=[[scaled()]] * 3 + [[]]
    )
    shutil.rmtree(path / "s1")
    volume = assert_opens(path)
    assert [level.shape for level in volume.levels] == [STACK.shape, COARSE.shape]
    assert "s1, s3" in volume.notes[0]
    shutil.rmtree(path / "s0")
    refused(path, "s0", "finest")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("level", [0, 1])
def test_a_level_whose_metadata_are_damaged(tmp_path, version, level):
    path = write(tmp_path / "a.zarr", [STACK, COARSE], version=version)
    about = path / f"s{level}" / ("zarr.json" if version == "0.5" else ".zarray")
    about.write_text(about.read_text().replace("uint8", "strange").replace("|u1", "strange"))
    if level == 0:
        refused(path, "s0")
    else:
        assert len(assert_opens(path).levels) == 1


@pytest.mark.parametrize("file", [".zattrs", ".zgroup"])
@pytest.mark.parametrize("damage", [b"{", b"", b"\xff\xfe{}", b"[1]", b"null"])
def test_damaged_metadata_of_the_group(tmp_path, file, damage):
    path = write(tmp_path / "a.zarr")
    (path / file).write_bytes(damage)
    refused(path)


@pytest.mark.parametrize(
    "multiscales",
    [{}, [], "x", None, [None], [{}], [{"datasets": []}], [{"datasets": [{"path": 0}]}]],
)
def test_metadata_of_another_shape(tmp_path, multiscales):
    path = write(tmp_path / "a.zarr")
    (path / ".zattrs").write_text(json.dumps({"multiscales": multiscales}), encoding="utf-8")
    refused(path, "metadata")


@pytest.mark.parametrize("ome", [1, "multiscales", [], {"multiscales": 1}])
def test_metadata_of_another_shape_in_a_group_inside(tmp_path, ome):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_group("0").attrs["ome"] = ome
    refused(tmp_path / "a.zarr")


@pytest.mark.parametrize("omero", [1, {"channels": [1]}, {"channels": "ab"}, {"channels": None}])
def test_names_of_channels_are_not_needed(tmp_path, omero):
    path = write(tmp_path / "a.zarr")
    zarr.open_group(path, mode="r+").attrs["omero"] = omero
    assert_opens(path)


def test_metadata_in_one_place_may_be_out_of_date(tmp_path):
    path = write(tmp_path / "a.zarr")
    zarr.consolidate_metadata(path)
    assert_opens(path)
    (path / ".zmetadata").write_text("{", encoding="utf-8")
    assert_opens(path)


@pytest.mark.parametrize("separator", ["/", "."])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_flat_and_nested_keys(tmp_path, version, separator):
    name = "default" if version == "0.5" else "v2"
    keys = {"name": name, "separator": separator}
    assert_opens(write(tmp_path / "a.zarr", version=version, chunk_key_encoding=keys))


def test_shards(tmp_path):
    volume = assert_opens(write(tmp_path / "a.zarr", version="0.5", shards=(4, 12, 8)))
    assert volume.data.chunks == (2, 6, 8)


def test_voxels_that_were_never_written(tmp_path):
    path = write(tmp_path / "a.zarr", version="0.5", fill_value=9)
    shutil.rmtree(path / "s0" / "c" / "0")
    expected = STACK.copy()
    expected[:2] = 9
    assert_opens(path, expected=expected)
    empty = np.full((4, 6, 8), np.nan, np.float32)
    path = write(tmp_path / "b.zarr", [empty], version="0.5", fill_value=np.nan)
    assert np.isnan(np.asarray(open_volume(path).data)).all()


def test_chunks_that_cannot_be_decoded(tmp_path):
    path = write(tmp_path / "a.zarr", version="0.5")
    (path / "s0" / "c" / "0" / "0" / "0").write_bytes(b"none")
    volume = open_volume(path)
    with pytest.raises(InputError, match=r"a\.zarr holds voxels that cannot be decoded"):
        np.asarray(volume.data)
    np.testing.assert_array_equal(np.asarray(volume.data[2:]), STACK[2:])


def test_voxels_that_are_no_intensities(tmp_path):
    refused(write(tmp_path / "a.zarr", [STACK.astype(complex)]), "complex128")


def test_more_voxels_in_a_piece_than_fit_into_memory(tmp_path):
    group = zarr.open_group(write(tmp_path / "a.zarr"), mode="r+")
    shape = (100_000,) * 3
    group.create_array("s0", shape=shape, chunks=shape, dtype="uint8", overwrite=True)
    refused(tmp_path / "a.zarr", "100000 x 100000 x 100000", "memory")


def zipped(folder, path, inside=""):
    with zipfile.ZipFile(path, "w") as file:
        for each in sorted(folder.rglob("*")):
            file.write(each, inside + each.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("inside", ["", "a.ome.zarr/"])
@pytest.mark.parametrize("name", ["a.ome.zarr.zip", "a.ozx", "a.zip"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zip_files(tmp_path, version, name, inside):
    folder = write(tmp_path / "folder", version=version)
    volume = assert_opens(zipped(folder, tmp_path / name, inside))
    again = cloudpickle.loads(cloudpickle.dumps(volume))
    np.testing.assert_array_equal(np.asarray(again.data), STACK)


def test_zip_files_of_a_mac(tmp_path):
    path = zipped(write(tmp_path / "folder"), tmp_path / "a.zip", "a.ome.zarr/")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("__MACOSX/._a.ome.zarr", b"x")
    assert_opens(path)


def test_a_part_of_a_zarr_names_its_folder(tmp_path):
    path = write(tmp_path / "a.zarr")
    refused(path / ".zattrs", f"its folder, {path}")


def test_voxels_in_another_byte_order(tmp_path):
    assert_opens(write(tmp_path / "a.zarr", [STACK.astype(">u2")]), expected=STACK)
    assert open_volume(tmp_path / "a.zarr").data.dtype == np.dtype(np.uint16)


def test_zip_files_that_hold_no_image_or_several(tmp_path):
    root = tmp_path / "root"
    zarr.open_group(root, mode="w")
    refused(zipped(root, tmp_path / "a.zip"), "without an image")
    for name in ("0", "1"):
        write(root / name, version="0.5")
    refused(zipped(root, tmp_path / "b.zip"), "0, 1", "unzip it")
    (root / "zarr.json").unlink()
    refused(zipped(root, tmp_path / "c.zip"), "unzip it")
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "d.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "d.zip", "cut short")


def system(name, kind="space"):
    return {"name": name, "axes": [axis | {"type": kind} for axis in ZYX]}


def version_6(path, steps, systems=("world",), top=(), **about):
    for step in steps:
        step |= {"input": "s0", "output": systems[0]}
    listed = [system(name, "array" if name == "array" else "space") for name in systems]
    about |= {"coordinateSystems": listed, "coordinateTransformations": list(top)}
    return write(path, axes=None, transforms=[steps], about=about, version="0.6")


def test_coordinate_systems(tmp_path):
    both = {"type": "sequence", "transformations": [scaled(), moved(1, 2, 3)]}
    volume = assert_opens(version_6(tmp_path / "a.zarr", [both]))
    np.testing.assert_allclose(volume.space.to_world((1, 2, 4)), (4, 3, 3))

    # What leads on from there is another view of it.
    onward = {**scaled(9, 9, 9), "input": "world", "output": "other"}
    path = version_6(tmp_path / "b.zarr", [scaled()], ("world", "other"), [onward])
    assert_opens(path)

    # Voxels by name, and from these to the world.
    onward = {**scaled(), "input": {"name": "array"}, "output": {"name": "world"}}
    path = version_6(tmp_path / "c.zarr", [{"type": "identity"}], ("array", "world"), [onward])
    assert_opens(path)


def test_rotations_and_swapped_axes(tmp_path):
    quarter = {"type": "rotation", "rotation": [[1, 0, 0], [0, 0, -1], [0, 1, 0]]}
    both = {"type": "sequence", "transformations": [scaled(), quarter]}
    volume = assert_opens(version_6(tmp_path / "a.zarr", [both]))
    np.testing.assert_allclose(volume.space.to_world((0, 4, 0)), (2, 0, 0), atol=1e-9)

    swapped = {"type": "mapAxis", "mapAxis": [0, 2, 1]}
    both = {"type": "sequence", "transformations": [scaled(), swapped]}
    volume = assert_opens(version_6(tmp_path / "b.zarr", [both]))
    np.testing.assert_allclose(volume.space.to_world((0, 4, 0)), (2, 0, 0), atol=1e-9)

    affine = {"type": "affine", "affine": [[2, 0, 0, 7], [0, 0.3, -0.2, 0], [0, 0.4, 0.15, 0]]}
    volume = assert_opens(version_6(tmp_path / "c.zarr", [affine]))
    np.testing.assert_allclose(volume.space.to_world((0, 1, 0)), (0.4, 0.3, 7), atol=1e-9)


def test_a_plane_touches_only_its_chunks(tmp_path):
    path = write(tmp_path / "a.zarr", version="0.5")
    volume = open_volume(path)
    for chunk in (path / "s0" / "c" / "0").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"none")

    np.testing.assert_array_equal(np.asarray(volume.data[2]), STACK[2])
    with pytest.raises(InputError):
        np.asarray(volume.data[1])


def test_opening_does_not_depend_on_the_number_of_voxels(tmp_path):
    opened = {}
    for edge in (64, 64 * 2**20):
        path = tmp_path / f"{edge}.zarr"
        group = zarr.open_group(path, mode="w")
        group.create_array("s0", shape=(edge,) * 3, chunks=(64,) * 3, dtype="uint8")
        image = {"axes": ZYX, "datasets": [{"path": "s0", "coordinateTransformations": [scaled()]}]}
        group.attrs["ome"] = {"version": "0.5", "multiscales": [image]}
        tracemalloc.start()
        volume = open_volume(path)
        np.asarray(volume.data[edge - 1, -3:, -3:])
        opened[edge] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert volume.data.chunks == (64,) * 3
    small, large = opened.values()
    assert large < small + 2**20


@pytest.mark.parametrize("given", [None, "0", "/0", "/", "image", "", 7])
def test_an_image_without_a_name_has_that_of_its_folder(tmp_path, given):
    root = tmp_path / "scan 1.ome.zarr"
    zarr.open_group(root, mode="w")
    image = zarr.open_group(root / "0", mode="w")
    image.create_array("s0", data=np.zeros((8, 9), np.uint8))
    about = {"name": given, "axes": ZYX[1:], "datasets": [{"path": "s0"}]}
    image.update_attributes({"ome": {"version": "0.5", "multiscales": [about]}})
    assert open_volume(root).name == "scan 1"
    assert open_volume(root / "0").name == "scan 1 0"
    assert open_volume(root / "0" / "s0").name == "scan 1 0/s0"
    image.update_attributes({"ome": {"multiscales": [about | {"name": "my image"}]}})
    assert open_volume(root / "0").name == "my image"

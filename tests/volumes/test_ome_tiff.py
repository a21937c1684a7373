"""OME-TIFFs: sets of several files, their companions, and what of them is missing."""

from __future__ import annotations

from uuid import NAMESPACE_DNS, uuid5

import cloudpickle
import numpy as np
import pytest
import tifffile

from napari_midl.errors import InputError
from napari_midl.volumes.open import open_volume

PLANES = 5
STACK = np.random.default_rng(0).integers(0, 4000, (PLANES, 16, 24)).astype(np.uint16)
SCHEMA = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'


def name_of(number):
    return f"plane{number}.ome.tif"


def uuid_of(number):
    return f"urn:uuid:{uuid5(NAMESPACE_DNS, str(number))}"


def image(names, planes=PLANES, number=0, data=None):
    """The description of an image of a plane a file."""
    parts = data or "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">{uuid_of(z)}</UUID></TiffData>'
        for z, name in enumerate(names)
    )
    return (
        f'<Image ID="Image:{number}" Name="image {number}"><Pixels ID="Pixels:{number}" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="24" SizeY="16" SizeC="1" SizeT="1" '
        f'SizeZ="{planes}" PhysicalSizeX="0.3" PhysicalSizeY="0.3" PhysicalSizeZ="1.5">'
        f'<Channel ID="Channel:{number}:0" SamplesPerPixel="1"/>{parts}</Pixels></Image>'
    )


def described(body, uuid):
    own = f' UUID="{uuid}"' if uuid else ""
    return f'<?xml version="1.0" encoding="UTF-8"?><OME {SCHEMA}{own}>{body}</OME>'


def write(path, voxels, body, uuid, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(
        *(path, voxels),
        description=described(body, uuid).encode(),
        metadata=None,
        photometric="minisblack",
        **options,
    )


@pytest.fixture
def a_set(tmp_path):
    """Write a plane a file, by name, each with the description of all."""

    def made(name=name_of, uuid=uuid_of, without=()):
        names = [name(z) for z in range(PLANES)]
        for z in range(PLANES):
            if z not in without:
                write(tmp_path / names[z], STACK[z], image(names), uuid(z))
        return tmp_path

    return made


@pytest.fixture
def a_companion(tmp_path):
    """Write a plane a file, and the description of all beside them."""

    def made(without=(), called="scan.companion.ome", named="scan.companion.ome"):
        body = f'<BinaryOnly MetadataFile="{named}" UUID="{uuid_of("companion")}"/>'
        for z in range(PLANES):
            if z not in without:
                write(tmp_path / name_of(z), STACK[z], body, uuid_of(z))
        text = described(image([name_of(z) for z in range(PLANES)]), uuid_of("companion"))
        (tmp_path / called).write_text(text, encoding="utf-8")
        return tmp_path

    return made


def assert_whole(path, expected=STACK):
    volume = open_volume(path)
    assert volume.axes == ("Z", "Y", "X")
    np.testing.assert_array_equal(volume.data, expected)
    assert volume.space.scale == (1.5, 0.3, 0.3)
    assert volume.source == str(path)
    return volume


def refused(path, *words):
    with pytest.raises(InputError) as error:
        open_volume(path)
    said = str(error.value)
    assert "\n" not in said
    assert said.endswith(".")
    for word in words:
        assert word in said


def test_a_set_opens_from_each_of_its_files(a_set):
    folder = a_set()
    for z in range(PLANES):
        volume = assert_whole(folder / name_of(z))
        assert not volume.notes
    np.testing.assert_array_equal(volume.data[3, 2:9, ::3], STACK[3, 2:9, ::3])
    elsewhere = cloudpickle.loads(cloudpickle.dumps(volume))
    np.testing.assert_array_equal(elsewhere.data, STACK)


@pytest.mark.parametrize("without", [(2,), (0,), (1, 3)])
def test_a_lost_file_is_named(a_set, without):
    folder = a_set(without=without)
    left = next(z for z in range(PLANES) if z not in without)
    more = "and 1 more" if len(without) > 1 else "is not there"
    refused(folder / name_of(left), name_of(left), name_of(without[0]), more)


def test_files_in_sub_folders(a_set):
    folder = a_set(lambda z: f"z{z % 2}/plane{z}.ome.tif")
    assert_whole(folder / "z0" / "plane0.ome.tif")
    assert_whole(folder / "z1" / "plane3.ome.tif")


def test_files_of_one_name_in_folders_of_their_own(a_set):
    folder = a_set(lambda z: f"z{z}/plane.ome.tif")
    assert_whole(folder / "z2" / "plane.ome.tif")


def test_a_set_that_was_moved_from_windows(a_set, tmp_path):
    names = [f"D:\\data\\scan\\{name_of(z)}" for z in range(PLANES)]
    for z in range(PLANES):
        write(tmp_path / name_of(z), STACK[z], image(names), uuid_of(z))
    assert_whole(tmp_path / name_of(1))


def test_renamed_files_are_known_by_their_uuid(a_set):
    folder = a_set()
    for z in range(PLANES):
        (folder / name_of(z)).rename(folder / f"new {z}.tif")
    assert_whole(folder / "new 3.tif")


def test_exchanged_names_do_not_exchange_planes(a_set):
    folder = a_set()
    (folder / name_of(1)).rename(folder / "aside")
    (folder / name_of(2)).rename(folder / name_of(1))
    (folder / "aside").rename(folder / name_of(2))
    assert_whole(folder / name_of(0))
    assert_whole(folder / name_of(1))


def test_renamed_files_without_a_uuid_are_missing(a_set):
    folder = a_set(uuid=lambda z: None)
    assert_whole(folder / name_of(3))
    (folder / name_of(2)).rename(folder / "new.tif")
    refused(folder / name_of(0), name_of(2))


def test_files_that_carry_other_uuids_are_taken_by_their_names_and_that_is_said(a_set):
    folder = a_set(uuid=lambda z: uuid_of(z if z != 2 else "other"))
    (note,) = assert_whole(folder / name_of(0)).notes
    assert name_of(2) in note
    assert "UUID" in note


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "zlib", "rowsperstrip": 5},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
)
def test_files_may_be_stored_in_different_ways(a_set, options):
    folder = a_set()
    names = [name_of(z) for z in range(PLANES)]
    write(folder / name_of(2), STACK[2], image(names), uuid_of(2), **options)
    for z in (0, 2):
        assert_whole(folder / name_of(z))


@pytest.mark.parametrize("planes", [STACK[2].astype(np.uint8), STACK[2, :8], STACK[2].view("i2")])
def test_a_file_with_a_plane_of_another_kind_is_named(a_set, planes):
    folder = a_set()
    write(folder / name_of(2), planes, image([name_of(z) for z in range(PLANES)]), uuid_of(2))
    refused(folder / name_of(0), name_of(2))


@pytest.mark.parametrize("kept", [0, 7, 300, -40])
def test_a_damaged_file_is_named(a_set, kept):
    path = a_set() / name_of(2)
    path.write_bytes(path.read_bytes()[:kept])
    refused(path.with_name(name_of(0)), name_of(2))


def test_offsets_of_two_files_that_fit_by_chance_are_not_one_image(tmp_path):
    names = [name_of(0), name_of(1)]
    write(tmp_path / names[0], STACK[0], image(names, 2), uuid_of(0))
    with tifffile.TiffFile(tmp_path / names[0]) as file:
        end = file.pages.first.dataoffsets[0] + STACK[0].nbytes
    padding = 0
    while True:
        body = f"{image(names, 2)}<!--{' ' * padding}-->"
        write(tmp_path / names[1], STACK[1], body, uuid_of(1))
        with tifffile.TiffFile(tmp_path / names[1]) as file:
            begin = file.pages.first.dataoffsets[0]
        if begin >= end:
            break
        padding += max(1, (end - begin) // 2)
    assert begin - end < 16
    assert_whole(tmp_path / names[0], STACK[:2])


def test_a_companion_opens_the_set_and_so_does_each_file(a_companion):
    folder = a_companion()
    assert assert_whole(folder / "scan.companion.ome").name == "scan"
    for z in range(PLANES):
        assert_whole(folder / name_of(z))


def test_a_lost_companion_is_named(a_companion):
    folder = a_companion()
    (folder / "scan.companion.ome").unlink()
    refused(folder / name_of(1), name_of(1), "scan.companion.ome")


def test_a_renamed_companion_is_known_by_its_uuid(a_companion):
    folder = a_companion(called="new.companion.ome")
    assert_whole(folder / name_of(1))
    assert_whole(folder / "new.companion.ome")


@pytest.mark.parametrize("opened", ["scan.companion.ome", name_of(4)])
def test_a_file_that_a_companion_lacks_is_named(a_companion, opened):
    refused(a_companion(without=(3,)) / opened, opened, name_of(3))


@pytest.mark.parametrize("text", ["", "dear diary", "<OME><Image", "<OME/>", "<OME><Image/></OME>"])
@pytest.mark.parametrize("opened", ["scan.companion.ome", name_of(4)])
def test_a_damaged_companion_is_named(a_companion, text, opened):
    folder = a_companion()
    (folder / "scan.companion.ome").write_text(text, encoding="utf-8")
    refused(folder / opened, "scan.companion.ome")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_companion_in_another_encoding(a_companion, encoding):
    path = a_companion() / "scan.companion.ome"
    text = path.read_text(encoding="utf-8").replace(' encoding="UTF-8"', "")
    text = text.replace('SizeX="0.3"', 'SizeX="300" PhysicalSizeXUnit="nm"')
    text = text.replace('SizeZ="1.5"', 'SizeZ="1.5" PhysicalSizeZUnit="µm"')
    path.write_text(text, encoding=encoding)
    assert open_volume(path).sizes_in("micrometer") == pytest.approx((1.5, 0.3, 0.3))


def test_a_tiff_may_hold_the_description_of_the_others(tmp_path):
    names = [name_of(z) for z in range(PLANES)]
    write(tmp_path / names[0], STACK[0], image(names), uuid_of(0))
    body = f'<BinaryOnly MetadataFile="{names[0]}" UUID="{uuid_of(0)}"/>'
    for z in range(1, PLANES):
        write(tmp_path / names[z], STACK[z], body, uuid_of(z))
    for name in names:
        assert_whole(tmp_path / name)
    (tmp_path / names[0]).unlink()
    refused(tmp_path / names[2], names[2], names[0])


ALL = '<TiffData><UUID FileName="old.ome.tif">{}</UUID></TiffData>'


@pytest.mark.parametrize(
    ("data", "own"),
    [
        (ALL.format(uuid_of(0)), uuid_of(0)),
        (ALL.format(uuid_of(0)), None),
        (ALL.format(uuid_of(0)), uuid_of(1)),
        ("<TiffData/>", None),
        ('<TiffData IFD="0" PlaneCount="5"/>', None),
        ("<MetadataOnly/>", None),
    ],
)
def test_a_single_file_that_was_renamed(tmp_path, data, own):
    write(tmp_path / "new.ome.tif", STACK, image([], data=data), own)
    assert_whole(tmp_path / "new.ome.tif")


def test_a_copy_beside_its_original_shows_its_own_voxels(tmp_path):
    body = image([], data=ALL.format(uuid_of(0)))
    write(tmp_path / "old.ome.tif", STACK, body, None)
    write(tmp_path / "copy.ome.tif", STACK[::-1], body, None)
    assert_whole(tmp_path / "old.ome.tif")
    assert_whole(tmp_path / "copy.ome.tif", STACK[::-1])


def test_a_link_to_a_file_of_a_set(a_set, tmp_path_factory):
    link = tmp_path_factory.mktemp("elsewhere") / "link.ome.tif"
    link.symlink_to(a_set() / name_of(1))
    assert_whole(link)


@pytest.mark.parametrize("planes", [6, 10**9])
@pytest.mark.parametrize("data", ["<TiffData/>", '<TiffData IFD="0" PlaneCount="1000000000"/>'])
def test_more_planes_described_than_held(tmp_path, planes, data):
    write(tmp_path / "a.ome.tif", STACK, image([], planes, data=data), None)
    refused(tmp_path / "a.ome.tif", "a.ome.tif", f"{planes} planes", "holds 5")


@pytest.mark.parametrize(
    "change",
    [
        ('SizeZ="5"', 'SizeZ="five"'),
        ('SizeZ="5"', 'SizeZ="-5"'),
        ('SizeZ="5"', ""),
        ('SizeX="24"', 'SizeX="12"'),
        ("XYZCT", "XYZZT"),
        ("</Pixels>", ""),
        ("Pixels", "Pickles"),
    ],
)
def test_a_description_that_is_wrong_is_refused(tmp_path, change):
    body = image([], data="<TiffData/>").replace(*change)
    write(tmp_path / "a.ome.tif", STACK, body, None)
    refused(tmp_path / "a.ome.tif", "a.ome.tif", "descri")


def test_a_description_that_is_cut_is_not_taken_for_a_plain_stack(tmp_path):
    whole = described(image([], data="<TiffData/>"), None)
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        STACK,
        description=whole[: len(whole) // 2].encode(),
        metadata=None,
        photometric="minisblack",
    )
    refused(tmp_path / "a.ome.tif", "a.ome.tif", "description")


def test_of_several_images_that_of_the_file_is_opened(tmp_path):
    parts = [
        '<TiffData IFD="0" PlaneCount="2">'
        f'<UUID FileName="{name_of(n)}">{uuid_of(n)}</UUID></TiffData>'
        for n in range(2)
    ]
    body = "".join(image([], 2, n, part) for n, part in enumerate(parts))
    for n in range(2):
        write(tmp_path / name_of(n), STACK[2 * n : 2 * n + 2], body, uuid_of(n))
    for n in range(2):
        volume = assert_whole(tmp_path / name_of(n), STACK[2 * n : 2 * n + 2])
        assert f"2 images, of which number {n + 1} (image {n})" in volume.notes[0]


def test_of_several_images_in_a_file_the_first_is_opened_and_that_is_said(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as file:
        for name, part in (("first", STACK), ("second", STACK[:, :8])):
            file.write(part, photometric="minisblack", metadata={"axes": "ZYX", "Name": name})
    volume = open_volume(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(volume.data, STACK)
    assert "number 1 (first)" in volume.notes[0]


def test_channels_without_a_name_have_a_number(tmp_path):
    about = {"axes": "CZYX", "Channel": {"Name": ["vessels", ""]}}
    two = np.stack([STACK, STACK + 1])
    tifffile.imwrite(tmp_path / "a.ome.tif", two, photometric="minisblack", metadata=about)
    assert open_volume(tmp_path / "a.ome.tif").channels == ("vessels", "channel 1")


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_channels_within_pixels(tmp_path, planar):
    axis = -1 if planar == "contig" else 1
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        np.stack([STACK, STACK + 1], axis),
        photometric="minisblack",
        planarconfig=planar,
        metadata={"axes": "ZYXS" if planar == "contig" else "ZSYX"},
    )
    volume = open_volume(tmp_path / "a.ome.tif")
    assert volume.axes == ("C", "Z", "Y", "X")
    np.testing.assert_array_equal(volume.data, [STACK, STACK + 1])

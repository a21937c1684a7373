"""TIFFs of every kind: their values, their axes, and what is damaged or too large in them."""

from __future__ import annotations

import struct
import zlib
from types import SimpleNamespace

import cloudpickle
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_midl.errors import InputError
from napari_midl.volumes import reading, tiff_arrays, tiff_pages
from napari_midl.volumes.open import open_volume

STACK = np.random.default_rng(0).integers(0, 250, (4, 20, 30)).astype(np.uint16)


def write(path, voxels=STACK, **options):
    options = {"photometric": "minisblack", "metadata": None} | options
    tifffile.imwrite(path, voxels, **options)
    return path


def assert_holds(path, expected, along="ZYX", axes=""):
    volume = open_volume(path, axes)
    assert "".join(volume.axes) == along
    assert volume.data.dtype == expected.dtype
    np.testing.assert_array_equal(volume.data, expected)
    elsewhere = cloudpickle.loads(cloudpickle.dumps(volume))
    np.testing.assert_array_equal(elsewhere.data[..., 3:9, 7], expected[..., 3:9, 7])
    return volume


def refused(path, *words, axes=""):
    with pytest.raises(InputError) as error:
        np.asarray(open_volume(path, axes).data)
    said = str(error.value)
    assert path.name in said
    assert "\n" not in said
    assert said.endswith(".")
    for word in words:
        assert word in said
    return said


STORED = [
    {},
    {"byteorder": ">"},
    {"byteorder": ">", "compression": "zlib", "bigtiff": True},
    {"tile": (16, 16), "compression": "lzw", "predictor": 2},
    {"rowsperstrip": 3},
    {"rowsperstrip": 3, "compression": "packbits"},
    {"compression": "zstd"},
    {"imagej": True, "metadata": {"axes": "ZYX"}},
    {"imagej": True, "metadata": {"axes": "ZYX"}, "compression": "zlib"},
]


@pytest.mark.parametrize("stored", STORED, ids=str)
def test_voxels_however_they_are_stored(tmp_path, stored):
    assert_holds(write(tmp_path / "a.tif", **stored), STACK)


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib", "rowsperstrip": 6},
        {"tile": (16, 16)},
        {"rowsperstrip": 3, "compression": "packbits"},
    ],
    ids=str,
)
def test_voxels_of_a_large_page_are_read_in_parts(tmp_path, stored, monkeypatch):
    monkeypatch.setattr(tiff_arrays, "_LARGE", 300)
    volume = assert_holds(write(tmp_path / "a.tif", **stored), STACK)
    assert np.prod(volume.data.chunks) < STACK[0].size
    np.testing.assert_array_equal(volume.data[1, 4:17:3, 2:9], STACK[1, 4:17:3, 2:9])


@pytest.mark.parametrize("stored", [{}, {"tile": (16, 16)}, {"compression": "zlib"}], ids=str)
@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "f4", "f8"])
def test_min_is_white_is_read_as_its_twin(tmp_path, dtype, stored):
    shown = STACK.astype(dtype)
    kind = shown.dtype.kind
    held = np.iinfo(dtype).max - shown if kind == "u" else ~shown if kind == "i" else -shown
    path = write(tmp_path / "a.tif", held.astype(dtype), photometric="miniswhite", **stored)
    volume = assert_holds(path, shown)
    assert "min-is-white" in volume.notes[0]
    np.testing.assert_array_equal(volume.spatial().data[1:2, ::2], shown[1:2, ::2])


def test_min_is_white_counts_the_bits_that_are_used(tmp_path):
    path = write(*(tmp_path / "a.tif", 4095 - STACK[0]), photometric="miniswhite", bitspersample=12)
    assert_holds(path, STACK[0], "YX")


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit(tmp_path, photometric):
    bright = STACK[0] > 100
    held = bright if photometric == "minisblack" else ~bright
    assert_holds(write(tmp_path / "a.tif", held, photometric=photometric), bright, "YX")


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "packbits"])
def test_one_bit_as_a_fax(tmp_path, compression):
    bright = STACK[0] > 100
    Image.fromarray(bright).save(tmp_path / "a.tif", compression=compression)
    assert_holds(tmp_path / "a.tif", bright, "YX")


def test_min_is_white_in_every_level_of_a_pyramid(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        options = {"photometric": "miniswhite", "tile": (16, 16)}
        file.write(65535 - STACK, subifds=1, **options)
        file.write(65535 - STACK[:, ::2, ::2], subfiletype=1, **options)
    volume = assert_holds(tmp_path / "a.tif", STACK)
    np.testing.assert_array_equal(volume.levels[1], STACK[:, ::2, ::2])


def test_the_inverted_table_of_imagej_inverts_no_values(tmp_path):
    path = write(
        tmp_path / "a.tif", photometric="miniswhite", imagej=True, metadata={"axes": "ZYX"}
    )
    volume = assert_holds(path, STACK)
    assert "inverted" in volume.notes[0]


def test_the_indices_of_a_palette_are_the_values_and_that_is_said(tmp_path):
    colours = np.zeros((3, 256), np.uint16)
    colours[1] = 257 * np.arange(256)
    path = write(
        tmp_path / "a.tif", STACK.astype(np.uint8), photometric="palette", colormap=colours
    )
    assert "palette" in assert_holds(path, STACK.astype(np.uint8)).notes[0]


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("stored", [{}, {"tile": (16, 16)}, {"compression": "zlib"}], ids=str)
def test_samples_that_are_no_colours_are_channels(tmp_path, planar, stored):
    held = np.moveaxis(STACK, 0, -1) if planar == "contig" else STACK
    path = write(tmp_path / "a.tif", held, planarconfig=planar, **stored)
    assert_holds(path, STACK, "CYX")


def test_transparency_is_left_out(tmp_path):
    path = write(tmp_path / "a.tif", np.stack(STACK[:2], -1), extrasamples=["unassalpha"])
    assert_holds(path, STACK[0], "YX")


def test_colours_say_to_convert(tmp_path):
    path = write(tmp_path / "a.tif", np.stack(STACK[:3], -1), photometric="rgb")
    refused(path, "RGB", "convert")


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_numbers_are_no_intensities(tmp_path, dtype):
    refused(write(tmp_path / "a.tif", STACK.astype(dtype)), "complex")


# Axes


def test_planes_that_are_not_named_are_slices_and_that_is_said(tmp_path):
    (note,) = assert_holds(write(tmp_path / "a.tif"), STACK).notes
    assert "4 planes" in note


@pytest.mark.parametrize("shape", [(1, 4, 20, 30), (4, 1, 20, 30), (1, 4, 1, 20, 30)])
def test_axes_of_length_one_need_no_name(tmp_path, shape):
    assert_holds(write(tmp_path / "a.tif", STACK.reshape(shape), metadata={}), STACK)


def test_several_axes_without_a_name_are_named_by_a_person(tmp_path):
    four = STACK.reshape(2, 2, 20, 30)
    path = write(tmp_path / "a.tif", four, metadata={})
    refused(path, "2 x 2 x 20 x 30", "--axes TZYX")
    assert_holds(path, four, "TZYX", axes="TZYX")
    assert_holds(path, four, "CZYX", axes="czyx")
    assert_holds(path, four.swapaxes(0, 1), "TZYX", axes="ZTYX")


def test_more_axes_without_a_name_than_there_are_names(tmp_path):
    path = write(tmp_path / "a.tif", STACK.reshape(2, 2, 2, 2, 5, 30), metadata={})
    refused(path, "6 axes", "at most five")


@pytest.mark.parametrize("axes", ["ZY", "ZZYX", "ABYX", "ZYX", "TZCYX", "TZXC"])
def test_names_that_do_not_fit(tmp_path, axes):
    path = write(tmp_path / "a.tif", STACK.reshape(2, 2, 20, 30), metadata={})
    refused(path, f"--axes {axes}", axes=axes)


@pytest.mark.parametrize("axis", ["T", "C"])
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_slices_that_were_saved_under_another_name(tmp_path, axis, kind):
    ome = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 3.0}
    imagej = {"unit": "um", "spacing": 3.0}
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        *(path, STACK),
        photometric="minisblack",
        **{kind: True},
        resolution=(2, 2),
        metadata={"axes": f"{axis}YX"} | (ome if kind == "ome" else imagej),
    )
    volume = assert_holds(path, STACK, f"{axis}YX")
    plane = volume.spatial()
    assert plane.shape == (1, 20, 30)
    word = {"T": "time points", "C": "channels"}[axis]
    with pytest.raises(InputError, match=rf"a\.tif has 4 {word} and no Z; .* --axes ZYX"):
        plane.check_stack()
    stack = assert_holds(path, STACK, axes="ZYX").spatial()
    stack.check_stack()
    assert stack.sizes_in("micrometer") == (3, 0.5, 0.5)


def test_a_plane_says_that_it_is_one(tmp_path):
    plane = open_volume(write(tmp_path / "a.tif", STACK[0])).spatial()
    with pytest.raises(InputError, match="one slice"):
        plane.check_stack()


def test_pages_of_another_kind_are_left_out_and_that_is_said(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        for n in range(12):
            page = STACK[n % 4].astype(np.uint8 if n == 5 else np.uint16)
            file.write(page, photometric="minisblack", metadata=None)
    held = np.stack([STACK[n % 4] for n in range(12) if n != 5])
    volume = assert_holds(tmp_path / "a.tif", held)
    assert "2 images of different size or type" in volume.notes[0]


def test_a_thumbnail_is_not_the_image(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(STACK[0, ::4, ::4], photometric="minisblack", metadata=None, subfiletype=1)
        file.write(STACK[0], photometric="minisblack", metadata=None)
        file.write(STACK[1], photometric="minisblack", metadata=None)
    assert_holds(tmp_path / "a.tif", STACK[:2])


# Damage and size


def tags(held, *, compression=1, width=30, height=20, count=None):
    return {
        256: (4, 1, width),
        257: (4, 1, height),
        258: (3, 1, 8),
        259: (3, 1, compression),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
        278: (4, 1, height),
        279: (4, 1, len(held) if count is None else count),
    }


def raw(path, held, entries, following=0):
    """Write a TIFF of one directory by hand."""
    offset = 8 + len(held) + len(held) % 2
    packed = [struct.pack("<HHII", code, *entry) for code, entry in sorted(entries.items())]
    directory = struct.pack("<H", len(packed)) + b"".join(packed) + struct.pack("<I", following)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, offset) + held.ljust(offset - 8) + directory)
    return path


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    packer = zlib.compressobj(9)
    edge = 60_000
    held = b"".join(packer.compress(bytes(edge)) for _ in range(edge // 100)) + packer.flush()
    path = raw(tmp_path / "a.tif", held, tags(held, compression=8, width=edge, height=edge))
    refused(path, f"{edge} x {edge}", "smaller tiles")


def test_pieces_that_fit_into_no_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    refused(write(tmp_path / "a.tif", compression="zlib"), "of memory are free")


@pytest.mark.parametrize("count", [601, 10**9, 2**32 - 1])
def test_strips_that_claim_more_than_there_is(tmp_path, count):
    path = raw(tmp_path / "a.tif", bytes(600), tags(bytes(600), count=count))
    assert_holds(path, np.zeros((20, 30), np.uint8), "YX")  # all that it needs is there
    refused(raw(tmp_path / "b.tif", bytes(400), tags(bytes(400), count=count)), "cut short")
    held = zlib.compress(bytes(600))
    packed = tags(held, count=count, compression=8)
    refused(raw(tmp_path / "c.tif", held, packed), "cut short")


@pytest.mark.parametrize("missing", [256, 257, 273, 279])
def test_tags_that_are_missing(tmp_path, missing):
    entries = tags(bytes(600))
    del entries[missing]
    path = raw(tmp_path / "a.tif", bytes(600), entries)
    if missing == 279:  # uncompressed, so that there is one answer
        assert_holds(path, np.zeros((20, 30), np.uint8), "YX")
    else:
        refused(path)


@pytest.mark.parametrize("code", [258, 259, 262, 270, 273, 278, 279])
def test_tags_whose_values_lie_beyond_the_end(tmp_path, code):
    entries = tags(bytes(600)) | {code: (4, 99, 10**6)}
    refused(raw(tmp_path / "a.tif", bytes(600), entries), "cut short")


@pytest.mark.parametrize("compression", [0, 9, 4711, 65535])
def test_an_unknown_compression(tmp_path, compression):
    path = raw(tmp_path / "a.tif", bytes(600), tags(bytes(600), compression=compression))
    refused(path, "compressed", str(compression))


@pytest.mark.parametrize("compression", [5, 7, 8, 32773, 34712, 50000])
def test_a_wrong_compression(tmp_path, compression):
    held = np.random.default_rng(0).bytes(600)
    path = raw(tmp_path / "a.tif", held, tags(held, compression=compression))
    refused(path, "cannot be decoded")


@pytest.mark.parametrize("bits", [0, 130, 65535])
def test_numbers_of_an_unknown_type(tmp_path, bits):
    refused(raw(tmp_path / "a.tif", bytes(600), tags(bytes(600)) | {258: (3, 1, bits)}), "bits")


def test_pages_in_a_circle(tmp_path):
    refused(raw(tmp_path / "a.tif", bytes(600), tags(bytes(600)), following=608), "circle")


def test_a_long_circle_that_begins_late(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((300, 2, 2), np.uint8))
    with tifffile.TiffFile(path) as file:
        offsets = [page.offset for page in file.pages]
        place = file.pages.next_page_offset
    held = bytearray(path.read_bytes())
    held[place : place + 4] = struct.pack("<I", offsets[200])
    path.write_bytes(held)
    refused(path, "circle")


def test_more_pages_than_can_be_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(tiff_pages, "_MOST_PAGES", 30)
    assert_holds(
        write(tmp_path / "a.tif", np.zeros((30, 9, 9), np.uint8)), np.zeros((30, 9, 9), np.uint8)
    )
    refused(write(tmp_path / "b.tif", np.zeros((31, 2, 2), np.uint8)), "30 pages")


def test_a_chain_of_pages_that_is_cut(tmp_path):
    path = raw(tmp_path / "a.tif", bytes(600), tags(bytes(600)), following=10**6)
    refused(path, "cut short")


def test_imagej_describes_more_slices_than_there_are(tmp_path):
    path = write(tmp_path / "a.tif", imagej=True, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes().replace(b"slices=4", b"slices=9"))
    refused(path, "describes 9 planes and holds")


def test_a_description_of_more_than_there_is(tmp_path):
    path = write(tmp_path / "a.tif", metadata={}, compression="zlib")
    path.write_bytes(path.read_bytes().replace(b'"shape": [4,', b'"shape": [9,'))
    refused(path, "describes 9 planes and holds")


@pytest.mark.parametrize(
    "held", [b"", b"II", b"II*\0", b"MM\0*\0\0\0\xff", b"\x89PNG\r\n\x1a\n0000"]
)
def test_what_is_no_tiff(tmp_path, held):
    path = tmp_path / "a.tif"
    path.write_bytes(held)
    refused(path)


def test_a_damaged_file_prints_nothing(tmp_path, caplog, capfd):
    path = raw(tmp_path / "a.tif", bytes(600), tags(bytes(600)) | {270: (4, 99, 10**6)})
    refused(path)
    assert capfd.readouterr() == ("", "")


def test_planes_that_were_never_written_are_said(tmp_path):
    path = raw(tmp_path / "a.tif", bytes(600), tags(bytes(600), count=0) | {273: (4, 1, 0)})
    volume = assert_holds(path, np.zeros((20, 30), np.uint8), "YX")
    assert "never written" in volume.notes[0]

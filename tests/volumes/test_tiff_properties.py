"""Whatever is written as TIFF is read back; whatever is damaged is refused or has its shape."""

from __future__ import annotations

import struct
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_midl.errors import InputError
from napari_midl.volumes.open import open_volume

# Files are written, so that how long one takes says nothing; the same examples in each run.
checked = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
COMMON = ["u1", "u2", "f4"]
DTYPES = [*COMMON, "i1", "i2", "u4", "i4", "i8", "f2", "f8", "?"]
UNITS = {"nm": 1e-3, "um": 1, "micron": 1, "µm": 1, "mm": 1e3, "cm": 1e4, "inch": 25400}
SIZES = st.floats(1e-3, 900).map(lambda size: float(f"{size:.4g}"))


@contextmanager
def a_path(name):
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name


def voxels(shape, dtype, seed=0):
    drawn = np.random.default_rng(seed).integers(0, 120, shape)
    return drawn.astype(dtype) if dtype != "?" else drawn > 60


@st.composite
def stored(draw):
    """How voxels may be stored."""
    options = {
        "byteorder": draw(st.sampled_from("<>")),
        "bigtiff": draw(st.booleans()),
        "compression": draw(st.sampled_from([None, "zlib", "lzw", "packbits", "zstd"])),
    }
    pieces = draw(st.sampled_from(["page", "strips", "tiles"]))
    if pieces == "strips":
        options["rowsperstrip"] = draw(st.integers(1, 20))
    if pieces == "tiles":
        options["tile"] = (16, draw(st.sampled_from([16, 32])))
    return options


@st.composite
def shapes(draw):
    """Axes, the names of those that are longer than one, and the shape."""
    extra = draw(st.sampled_from(["", "Z", "T", "C", "TZ", "ZC", "TC", "TZC"]))
    shape = [draw(st.integers(2, 4)) for _ in extra]
    return f"{extra}YX", (*shape, draw(st.integers(2, 40)), draw(st.integers(2, 40)))


def assert_reads(path, held, axes):
    volume = open_volume(path)
    order = [axis for axis in "TCZYX" if axis in axes]
    expected = held.transpose([axes.index(axis) for axis in order])
    assert "".join(volume.axes) == "".join(order)
    assert volume.data.dtype == held.dtype
    np.testing.assert_array_equal(volume.data, expected)
    return volume


def assert_sized(volume, sizes):
    """Sizes (z, y, x) in micrometres, z only where there are slices."""
    of_plane = volume.spatial()
    kept = slice(None) if "Z" in volume.axes else slice(1, None)
    assert np.allclose(of_plane.sizes_in("micrometer")[kept], sizes[kept], rtol=1e-4)


@checked
@given(st.sampled_from(DTYPES), st.integers(1, 5), st.integers(2, 40), st.integers(2, 40), stored())
def test_what_is_written_plainly_is_read_back(dtype, planes, height, width, options):
    held = voxels((planes, height, width), dtype)
    with a_path("a.tif") as path:
        tifffile.imwrite(path, held, photometric="minisblack", metadata=None, **options)
        expected = held if planes > 1 else held[0]
        volume = assert_reads(path, expected, "ZYX" if planes > 1 else "YX")
        assert not volume.space.known


@checked
@given(
    *(st.sampled_from(COMMON), shapes(), st.sampled_from(sorted(UNITS))),
    *(SIZES, SIZES, SIZES, st.sampled_from([None, "zlib"])),
)
def test_what_is_written_for_imagej_is_read_back_with_its_sizes(
    dtype, form, unit, z, y, x, compression
):
    axes, shape = form
    held = voxels(shape, dtype)
    with a_path("a.tif") as path:
        tifffile.imwrite(
            path,
            held,
            imagej=True,
            resolution=(1 / x, 1 / y),
            metadata={"axes": axes, "unit": unit.replace("µ", "\\u00B5"), "spacing": z},
            compression=compression,
        )
        volume = assert_reads(path, held, axes)
        if unit not in ("inch", "cm"):  # in which it may be the resolution of a printer
            assert_sized(volume, np.array((z, y, x)) * UNITS[unit])


@checked
@given(
    *(st.sampled_from(DTYPES[:-1]), shapes(), stored()),
    *(st.sampled_from(["nm", "µm", "mm", "cm"]), SIZES, SIZES, SIZES),
)
def test_what_is_written_as_ome_is_read_back_with_its_sizes(dtype, form, options, unit, z, y, x):
    axes, shape = form
    if dtype in ("f2", "i8"):  # OME knows none of these
        dtype = "f4"
    held = voxels(shape, dtype)
    about = {"axes": axes}
    for axis, size in zip("ZYX", (z, y, x), strict=True):
        about |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    with a_path("a.ome.tif") as path:
        tifffile.imwrite(path, held, photometric="minisblack", metadata=about, **options)
        assert_sized(assert_reads(path, held, axes), np.array((z, y, x)) * UNITS[unit])


@checked
@given(st.sampled_from(["u1", "u2", "i2", "f4", "?"]), st.integers(1, 4), stored())
def test_what_is_written_min_is_white_is_read_as_its_twin(dtype, planes, options):
    shown = voxels((planes, 18, 33), dtype)
    turned = {"u": lambda v: np.iinfo(dtype).max - v, "b": np.logical_not, "i": np.invert}
    held = turned.get(shown.dtype.kind, np.negative)(shown).astype(dtype)
    with a_path("a.tif") as path:
        tifffile.imwrite(path, held, photometric="miniswhite", metadata=None, **options)
        assert_reads(path, shown if planes > 1 else shown[0], "ZYX" if planes > 1 else "YX")


KINDS = {
    "plain": {"metadata": None},
    "shaped": {},
    "zlib": {"metadata": None, "compression": "zlib", "rowsperstrip": 5},
    "tiles": {"compression": "lzw", "tile": (16, 16), "predictor": 2},
    "big": {"metadata": None, "bigtiff": True, "byteorder": ">"},
    "imagej": {"imagej": True, "metadata": {"axes": "ZYX", "unit": "um", "spacing": 2.0}},
    "ome": {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 0.3}},
    "ome tiles": {"ome": True, "tile": (16, 16), "compression": "zlib"},
}


@st.composite
def damage(draw):
    """What may happen to a file: bytes that change, come in between, or are lost."""
    place = st.floats(0, 1) | st.floats(0, 0.2)
    word = st.binary(min_size=1, max_size=4) | st.sampled_from(
        [b"\0\0\0\0", b"\xff\xff\xff\xff", struct.pack("<I", 2**31), struct.pack(">I", 2**31)]
    )
    return draw(
        st.tuples(st.just("cut"), place, st.just(b""))
        | st.tuples(st.just("insert"), place, st.binary(min_size=1, max_size=40))
        | st.tuples(st.just("change"), place, word)
    )


def damaged(held, what):
    changed = bytearray(held)
    for how, place, word in what:
        at = min(int(place * len(changed)), len(changed) - 1)
        if how == "cut":
            del changed[max(at, 1) :]
        elif how == "insert":
            changed[at:at] = word
        else:
            changed[at : at + len(word)] = word
    return bytes(changed)


@settings(checked, max_examples=250)
@given(st.sampled_from(sorted(KINDS)), st.lists(damage(), min_size=1, max_size=4))
def test_a_damaged_file_is_refused_in_a_sentence_or_has_its_shape(kind, what):
    with a_path("a.ome.tif" if "ome" in kind else "a.tif") as path:
        tifffile.imwrite(path, voxels((3, 20, 30), "u2"), photometric="minisblack", **KINDS[kind])
        path.write_bytes(damaged(path.read_bytes(), what))
        try:
            volume = open_volume(path)
            found = np.asarray(volume.data)
        except InputError as error:
            said = str(error)
            assert said.startswith(f"{path.parent}")
            assert said.endswith(".")
            assert "\n" not in said
            assert "Error" not in said
        else:
            assert found.shape == volume.shape
            assert found.dtype == volume.data.dtype

"""What is written is read back in its place, and damaged metadata are a sentence."""

from __future__ import annotations

import gzip
import json
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from napari_midl.errors import InputError
from napari_midl.volumes.nifti import write_nifti
from napari_midl.volumes.ome_zarr import OmeZarrImage
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.space import Space
from napari_midl.volumes.volume import Volume

hypothesis = pytest.importorskip("hypothesis")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies
several = settings(max_examples=40, deadline=None)
many = settings(max_examples=120, deadline=None)

UNITS = ["nanometer", "micrometer", "millimeter", "centimeter", "meter", None]
sizes = st.tuples(*[st.floats(0.01, 100)] * 3)
places = st.tuples(*[st.floats(-1e3, 1e3)] * 3)


@st.composite
def spaces(draw):
    """Any size, with or without a unit and a place, straight, turned or mirrored."""
    direction = np.eye(3)
    if draw(st.booleans()):
        quaternion = draw(st.tuples(*[st.floats(-1, 1)] * 4).filter(lambda q: np.dot(q, q) > 0.1))
        direction = Rotation.from_quat(quaternion).as_matrix() * draw(st.sampled_from([-1, 1]))
    place = draw(st.none() | places)
    if place is None:
        return Space.of(draw(sizes), draw(st.sampled_from(UNITS)))
    return Space.of(draw(sizes), draw(st.sampled_from(UNITS)), place, direction)


@st.composite
def stacks(draw):
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    dtype = draw(st.sampled_from(["uint8", "int16", "uint16", "float32", "float64"]))
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 99, shape)
    return values.astype(dtype)


def assert_in_place(space, other, shape, voxels):
    """Both put each corner at the same place, up to a share of a voxel."""
    assert other.unit == space.unit or space.unit not in ("micrometer", "millimeter", "meter", None)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape])).reshape(3, -1).T
    if space.origin is None:
        space, other = space.without_place(), other.without_place()
    unit = space.known_unit
    moved = other.to_voxel(space.to_world(corners, unit), unit) - corners
    assert np.abs(moved).max() < voxels


@several
@given(stacks(), spaces(), st.sampled_from(["0.4", "0.5"]), st.booleans())
def test_ome_zarr(stack, space, version, labels):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.zarr"
        image = OmeZarrImage.create(
            path,
            shape=stack.shape,
            dtype=str(stack.dtype),
            axes="ZYX",
            chunks=(4, 4, 4),
            space=space,
            version=version,
            levels=3,
        )
        if labels:
            image = image.create_labels("l", "uint8")
            path, stack = path / "labels" / "l", stack.astype(np.uint8)
        image.write((slice(None),) * 3, stack)

        volume = open_volume(path)

        np.testing.assert_array_equal(np.asarray(volume.data), stack)
        assert_in_place(space, volume.space, stack.shape, 1e-6)


@several
@given(stacks(), spaces(), st.sampled_from([".nii", ".nii.gz"]))
def test_nifti(stack, space, ending):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        write_nifti(stack, space, path)

        volume = open_volume(path)

        np.testing.assert_array_equal(np.asarray(volume.data), stack)
        assert volume.data.dtype == stack.dtype
        assert_in_place(space, volume.space, stack.shape, 1e-3)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["scale", "translation", "affine", "sequence", "s0", "../s0", "x", "path"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def places_in(node, path=()):
    yield path
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            yield from places_in(child, (*path, key))


def mutated(draw, text):
    """JSON with a value in it replaced, or taken away."""
    whole = json.loads(text)
    path = draw(st.sampled_from(sorted(places_in(whole), key=str)))
    if not path:
        return json.dumps(draw(json_values))
    node = whole
    for key in path[:-1]:
        node = node[key]
    if draw(st.booleans()):
        node[path[-1]] = draw(json_values)
    elif isinstance(node, dict):
        del node[path[-1]]
    else:
        node.pop(path[-1])
    return json.dumps(whole)


def opens_or_says_why(path):
    tracemalloc.start()
    try:
        volume = open_volume(path)
        assert isinstance(volume, Volume)
        volume.spatial()
        if np.prod(volume.data.chunks, dtype=float) < 2**20:
            np.asarray(volume.data[tuple(slice(0, 2) for _ in volume.shape)])
    except InputError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
        assert path.name.split(".")[0] in str(error)
    finally:
        assert tracemalloc.get_traced_memory()[1] < 2**27
        tracemalloc.stop()


@many
@given(st.data(), st.sampled_from(["0.4", "0.5"]), st.booleans())
def test_damaged_metadata_of_ome_zarr(data, version, of_the_level):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.zarr"
        turned = Rotation.from_euler("x", 0.3).as_matrix()
        image = OmeZarrImage.create(
            path,
            shape=(2, 4, 8, 8),
            dtype="uint8",
            axes="CZYX",
            chunks=(1, 4, 4, 4),
            space=Space.of((2, 1, 1), "um", (1, 2, 3), turned),
            channels=("a", "b"),
            levels=2,
            version=version,
        )
        image.write((slice(None),) * 4, np.ones((2, 4, 8, 8), np.uint8))
        names = (".zarray", ".zattrs") if version == "0.4" else ("zarr.json", "zarr.json")
        file = path / "0" / names[0] if of_the_level else path / names[1]
        file.write_text(mutated(data.draw, file.read_text(encoding="utf-8")), encoding="utf-8")

        opens_or_says_why(path)


@many
@given(st.data(), st.sampled_from([".nii", ".nii.gz", ".img"]))
def test_damaged_headers_of_nifti(data, ending):
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "a.nii"
        write_nifti(np.ones((4, 5, 6), np.int16), Space.of((2, 1, 1), "mm", (1, 2, 3)), written)
        raw = bytearray(written.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, 350))
            raw[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
        raw = raw[: data.draw(st.sampled_from([len(raw)] * 9 + [100, 350, 400]))]
        path = Path(folder) / f"b{ending}"
        if ending == ".img":
            path.with_suffix(".hdr").write_bytes(raw[:348])
            raw = raw[352:]
        path.write_bytes(gzip.compress(raw) if ending == ".nii.gz" else raw)

        opens_or_says_why(path)

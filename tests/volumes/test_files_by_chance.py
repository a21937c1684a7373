"""Landmarks and meshes by chance: what is written comes back, what is damaged is said."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import trimesh

from napari_midl.errors import InputError
from napari_midl.volumes.landmarks import ENDINGS, Landmarks, read_landmarks, write_landmarks
from napari_midl.volumes.meshes import ENDINGS as MESHES
from napari_midl.volumes.meshes import Mesh, read_mesh, write_mesh

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

# A file for each example takes as long as the disk does.
few = settings(deadline=None, max_examples=60)
many = settings(deadline=None, max_examples=300)

LENGTH = st.floats(-5000, 5000, allow_nan=False)
POINT = st.tuples(LENGTH, LENGTH, LENGTH)
# Neither line breaks nor spaces at its ends, which no format keeps.
NAME = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1, max_size=12
).filter(lambda name: name == name.strip())
SETS = st.dictionaries(NAME, st.none() | POINT, min_size=1, max_size=6)
BOX = trimesh.creation.box()


def landmarks(points: dict[str, tuple[float, float, float] | None]) -> Landmarks:
    return Landmarks.missing(tuple(points)).moved(points)


@few
@given(points=SETS, ending=st.sampled_from(ENDINGS))
def test_landmarks_come_back_from_every_format(
    points: dict[str, tuple[float, float, float] | None], ending: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"marks{ending}"
        write_landmarks(path, landmarks(points))
        back = read_landmarks(path)
    assert back.names == tuple(points)
    np.testing.assert_allclose(back.points, landmarks(points).points, atol=5.1e-5)


@few
@given(
    points=SETS,
    system=st.sampled_from(["LPS", "RAS", "LAS", "RPI"]),
    unit=st.sampled_from([("mm", 1.0), ("um", 1000.0), (["m", "UCUM", "meter"], 0.001)]),
)
def test_markups_are_read_in_any_system_and_unit(
    points: dict[str, tuple[float, float, float] | None], system: str, unit: tuple[object, float]
) -> None:
    signs = [1 if letter in "LPS" else -1 for letter in system]
    name, size = unit
    rows = [
        {"label": label, "positionStatus": "undefined"}
        if place is None
        else {"label": label, "position": [s * c * size for s, c in zip(signs, place, strict=True)]}
        for label, place in points.items()
    ]
    markup = {"coordinateSystem": system, "coordinateUnits": name, "controlPoints": rows}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "marks.mrk.json"
        path.write_text(json.dumps({"markups": [markup]}), encoding="utf-8")
        back = read_landmarks(path)
    assert back.names == tuple(points)
    np.testing.assert_allclose(back.points, landmarks(points).points, rtol=1e-12, atol=1e-9)


@few
@given(
    middle=POINT,
    size=st.tuples(*[st.floats(0.5, 500)] * 3),
    ending=st.sampled_from(MESHES),
)
def test_meshes_come_back_from_every_format(
    middle: tuple[float, float, float], size: tuple[float, float, float], ending: str
) -> None:
    mesh = Mesh(BOX.vertices * size + np.array(middle), np.asarray(BOX.faces, np.int32))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"box{ending}"
        write_mesh(path, mesh, "by chance")
        back = read_mesh(path, closed=True)
    # STL and PLY have floats of 32 bits.
    assert back.volume == pytest.approx(np.prod(size), rel=0.02)
    ends = [(m.vertices.min(axis=0), m.vertices.max(axis=0)) for m in (mesh, back)]
    np.testing.assert_allclose(*ends, rtol=1e-6, atol=1e-4)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    """Some bytes replaced by others, left out or put in."""
    for place, length, other in changes:
        at = place % (len(data) + 1)
        data = data[:at] + other + data[at + length :]
    return data


CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 5), st.binary(max_size=5)),
    min_size=1,
    max_size=4,
)


@many
@given(changes=CHANGES, ending=st.sampled_from(ENDINGS))
def test_damaged_landmarks_are_a_sentence_or_finite(
    changes: list[tuple[int, int, bytes]], ending: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"marks{ending}"
        write_landmarks(path, landmarks({"a": (1.5, -2, 3), "b, c": None, "d": (4, 5, 6)}))
        path.write_bytes(mutated(path.read_bytes(), changes))
        try:
            back = read_landmarks(path)
        except InputError as error:
            assert str(path) in str(error) and str(error).endswith(".")
        else:
            assert len(set(back.names)) == len(back.names) == len(back.points)
            assert not np.isinf(back.points).any()


@many
@given(changes=CHANGES, ending=st.sampled_from(MESHES))
def test_damaged_meshes_are_a_sentence_or_closed(
    changes: list[tuple[int, int, bytes]], ending: str
) -> None:
    mesh = Mesh(np.asarray(BOX.vertices) * 7, np.asarray(BOX.faces, np.int32))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"box{ending}"
        write_mesh(path, mesh, "by chance")
        path.write_bytes(mutated(path.read_bytes(), changes))
        try:
            back = read_mesh(path, closed=True)
        except InputError as error:
            assert str(path) in str(error) and str(error).endswith(".")
        else:
            assert back.closed and np.isfinite(back.vertices).all()

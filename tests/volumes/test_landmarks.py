"""Landmarks come back as they were, in every format; what is wrong is named with its row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.landmarks import ENDINGS, Landmarks, read_landmarks, write_landmarks

if TYPE_CHECKING:
    from pathlib import Path

POINTS = np.array([[1.25, -2.5, 100.0625], [np.nan] * 3, [-60.1234, 0.0, 7.0]])
NAMES = ("pogonion", "condyle, left", "gonion right")


@pytest.mark.parametrize("ending", ENDINGS)
def test_landmarks_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"person{ending}"
    write_landmarks(path, Landmarks(NAMES, POINTS))
    back = read_landmarks(path)
    assert back.names == NAMES
    assert back.placed.tolist() == [True, False, True]
    np.testing.assert_allclose(back.points, POINTS, atol=1e-4)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_markups_in_ras_are_turned(tmp_path: Path) -> None:
    slicer = {
        "markups": [
            {
                "coordinateSystem": "RAS",
                "controlPoints": [
                    {"label": "a", "position": [1.0, 2.0, 3.0]},
                    {"label": "b", "position": [0.0, 0.0, 0.0], "positionStatus": "undefined"},
                ],
            }
        ]
    }
    path = tmp_path / "person.mrk.json"
    path.write_text(json.dumps(slicer))
    found = read_landmarks(path)
    assert found.points[0].tolist() == [-1, -2, 3]
    assert found.placed.tolist() == [True, False]


@pytest.mark.parametrize(
    ("header", "first"),
    [
        ("# CoordinateSystem = LPS\n", [1, 2, 3]),
        ("# CoordinateSystem = RAS\n", [-1, -2, 3]),
        ("# CoordinateSystem = 0\n", [-1, -2, 3]),
        ("", [-1, -2, 3]),
    ],
)
def test_fcsv_says_its_axes(tmp_path: Path, header: str, first: list[float]) -> None:
    path = tmp_path / "person.fcsv"
    path.write_text(f"{header}id_1,1,2,3,0,0,0,1,1,1,0,a,,\n")
    assert read_landmarks(path).points[0].tolist() == first


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("", "holds no row"),
        ("a,1,2,3\n\nb,1,2,3\na,4,5,6\n", r"line 5 repeats the landmark 'a'"),
        ("a,1,2,3\nb,nan,2,3\n", r"line 3 has 'nan' as x of 'b'"),
        ("a,1,2,3\nb,1,2,inf\n", r"line 3 has 'inf' as z of 'b'"),
        ("a,1,two,3\n", r"line 2 has 'two' as y of 'a'"),
        ("a,1,,3\n", r"line 2 has only some of x, y and z"),
        (",1,2,3\n", r"line 2 has no name"),
        ("a,1,5,2,5,3,5\n", r"decimal point"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, rows: str, fault: str) -> None:
    path = tmp_path / "person.csv"
    path.write_text("name,x,y,z\n" + rows)
    with pytest.raises(InputError, match=rf"person\.csv.*{fault}"):
        read_landmarks(path)


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "name,x,y\na,1,2\n", "lacks the column z"),
        ("a.mrk.json", "{", "no markups file"),
        ("a.mrk.json", "[]", "no markups file"),
        ("a.mrk.json", '{"markups": []}', "holds no landmark"),
        ("a.mrk.json", '{"markups": [{"controlPoints": [{"label": "a"}]}]}', "lacks 'position'"),
        (
            "a.mrk.json",
            '{"markups": [{"controlPoints": [{"label": "a", "position": [1, null, 2]}]}]}',
            "point 1 has '' as y of 'a'",
        ),
        (
            "a.mrk.json",
            '{"markups": [{"controlPoints": [{"label": "a", "position": [1, 2]}]}]}',
            "point 1 has 2 coordinates",
        ),
        ("a.mrk.json", '{"markups": [{"coordinateUnits": "px"}]}', "is in px"),
        ("a.fcsv", "1,2,3\n", "line 1 has 3 columns"),
        ("a.fcsv", "# CoordinateSystem = IJK\n1,1,2,3,0,0,0,1,1,1,0,a,,\n", "system IJK"),
        ("a.txt", "", r"should end in \.csv, \.mrk\.json or \.fcsv"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, name: str, text: str, fault: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=fault):
        read_landmarks(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    for ending in ENDINGS:
        with pytest.raises(InputError, match="check the path"):
            read_landmarks(tmp_path / f"none{ending}")


def test_landmarks_are_moved_cleared_and_chosen_by_name() -> None:
    marks = Landmarks.missing(("a", "b", "c"))
    assert not marks.placed.any()
    some = marks.moved({"a": (1, 2, 3), "c": (4, 5, 6)})
    assert some.placed.tolist() == [True, False, True] and not marks.placed.any()
    assert some.moved({"a": None}).placed.tolist() == [False, False, True]
    other = some.only(("c", "d"))
    assert other.names == ("c", "d") and other.placed.tolist() == [True, False]
    assert other.points[0].tolist() == [4, 5, 6]

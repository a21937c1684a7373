"""Landmarks as people really have them: what 3D Slicer and spreadsheets write is read right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.landmarks import read_landmarks

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("a", "b c", "d")
POINTS = np.array([[1.5, -2.25, 30.0], [0.0, 7.0, -8.5], [-60.125, 0.5, 7.0]])
RAS = POINTS * [-1, -1, 1]
COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"


def control_points(points: np.ndarray = POINTS, **more: Any) -> list[dict[str, Any]]:
    rows = zip(NAMES, points.tolist(), strict=True)
    return [{"id": n, "label": n, "position": p, "visibility": True} | more for n, p in rows]


def markups(path: Path, *lists: dict[str, Any]) -> Path:
    path = path / "person.mrk.json"
    path.write_text(json.dumps({"@schema": "", "markups": lists}), encoding="utf-8")
    return path


def is_person(path: Path, missing: int = 0) -> None:
    found = read_landmarks(path)
    assert found.names == NAMES
    assert (~found.placed).sum() == missing
    np.testing.assert_allclose(found.points[missing:], POINTS[missing:], atol=1e-9)


@pytest.mark.parametrize(
    ("said", "points"),
    [
        ({"coordinateSystem": "LPS", "coordinateUnits": "mm"}, POINTS),
        ({"coordinateSystem": "RAS"}, RAS),
        ({"coordinateSystem": "right-anterior-superior"}, RAS),
        ({"coordinateSystem": "LAI"}, POINTS * [1, -1, -1]),
        ({}, POINTS),
        ({"coordinateUnits": ["mm", "UCUM", "millimeter"]}, POINTS),
        ({"coordinateUnits": "um"}, 1000 * POINTS),
        ({"coordinateUnits": ["um", "UCUM", "micrometer"], "coordinateSystem": "RAS"}, 1000 * RAS),
        ({"coordinateUnits": ["m", "UCUM", "meter"]}, POINTS / 1000),
        ({"coordinateUnits": ["[in_i]", "UCUM", "inch"]}, POINTS / 25.4),
    ],
)
def test_markups_say_their_axes_and_their_unit(
    tmp_path: Path, said: dict[str, Any], points: np.ndarray
) -> None:
    is_person(
        markups(tmp_path, {"type": "Fiducial", "controlPoints": control_points(points)} | said)
    )


@pytest.mark.parametrize("status", ["undefined", "missing", "preview"])
@pytest.mark.parametrize("position", [[0, 0, 0], None, [None, None, None], ""])
def test_only_a_point_that_is_defined_is_placed(tmp_path: Path, status: str, position: Any) -> None:
    points = control_points()
    points[0] |= {"positionStatus": status, "position": position}
    points[1] |= {"visibility": False, "selected": False, "positionStatus": "defined"}
    is_person(markups(tmp_path, {"controlPoints": points}), missing=1)


def test_measurements_beside_the_points_are_left_out(tmp_path: Path) -> None:
    line = {"type": "Line", "controlPoints": [{"label": "a", "position": [9, 9, 9]}]}
    curve = {"type": "ClosedCurve", "controlPoints": [{"label": "F-1", "position": [8, 8, 8]}]}
    region = {"type": "ROI", "center": [0, 0, 0]}
    points = {"type": "Fiducial", "controlPoints": control_points()}
    is_person(markups(tmp_path, line, points, region, curve))


def test_lists_that_differ_in_axes_and_unit_are_laid_together(tmp_path: Path) -> None:
    first, *others = control_points()
    turned = control_points(1000 * RAS)[:1]
    assert first["label"] == turned[0]["label"]
    one = {"type": "Fiducial", "coordinateSystem": "RAS", "coordinateUnits": "um"}
    is_person(markups(tmp_path, one | {"controlPoints": turned}, {"controlPoints": others}))


def test_a_curve_alone_gives_its_points(tmp_path: Path) -> None:
    is_person(markups(tmp_path, {"type": "Curve", "controlPoints": control_points()}))


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ({"coordinateUnits": "voxel"}, "is in voxel; save it from 3D Slicer in millimetres"),
        ({"coordinateSystem": "IJK"}, "coordinate system IJK"),
        ({"coordinateSystem": "PLS"}, "coordinate system PLS"),
        ({"controlPoints": "none"}, "no markups file"),
        ({"controlPoints": [3]}, "no markups file"),
        ({"controlPoints": [{"label": "a", "position": 3}]}, "has 1 coordinates for 'a'"),
        ({"controlPoints": [{"label": "a", "position": None}]}, "point 1 lacks 'position'"),
        ({"controlPoints": [{"position": [1, 2, 3]}]}, "point 1 has no name"),
        ({"controlPoints": [{"label": "a", "position": [1, True, 3]}]}, "True as y"),
        ({"controlPoints": [{"label": "a", "position": [1, 10**400, 3]}]}, "as y of 'a'"),
        ({"controlPoints": [{"label": "a", "position": [1, float("nan"), 3]}]}, "nan as y"),
        (
            {"controlPoints": [{"label": "a", "position": [1, 2, 3], "positionStatus": "lost"}]},
            "status 'lost'",
        ),
    ],
)
def test_markups_that_cannot_be_read_are_a_sentence(
    tmp_path: Path, markup: dict[str, Any], fault: str
) -> None:
    with pytest.raises(InputError, match=rf"person\.mrk\.json .*{fault}.*\.$"):
        read_landmarks(markups(tmp_path, markup))


def fcsv(path: Path, lines: list[str], rows: list[str], ending: str = "\n") -> Path:
    path = path / "person.fcsv"
    path.write_bytes(ending.join([*(f"# {line}" for line in lines), *rows, ""]).encode())
    return path


def slicer_rows(points: np.ndarray, tail: str = "") -> list[str]:
    rows = zip(NAMES, points.tolist(), strict=True)
    return [f"node_{n},{x},{y},{z},0,0,0,1,1,1,0,{n},,{tail}" for n, (x, y, z) in rows]


VERSION = "Markups fiducial file version = "


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("lines", "points", "tail"),
    [
        ([VERSION + "4.10", "CoordinateSystem = 0", f"columns = {COLUMNS}"], RAS, "vtk1"),
        ([VERSION + "4.10", "CoordinateSystem = 1", f"columns = {COLUMNS}"], POINTS, ""),
        ([VERSION + "4.11", "CoordinateSystem = LPS", f"columns = {COLUMNS}"], POINTS, ",2,0"),
        ([VERSION + "5.0", "CoordinateSystem = RAS", f"columns = {COLUMNS}"], RAS, ",2,0"),
        ([VERSION + "4.6"], RAS, ""),
        ([], RAS, ""),
        (
            [VERSION + "5.2,,", "CoordinateSystem = LPS,,,", f"columns = {COLUMNS},,"],
            POINTS,
            ",2,0,,",
        ),
    ],
)
def test_fcsv_of_all_versions(
    tmp_path: Path, lines: list[str], points: np.ndarray, tail: str, ending: str
) -> None:
    is_person(fcsv(tmp_path, lines, slicer_rows(points, tail), ending))


def test_fcsv_says_the_order_of_its_columns(tmp_path: Path) -> None:
    rows = zip(NAMES, POINTS.tolist(), strict=True)
    cells = [f"{n},{z},{y},{x},9" for n, (x, y, z) in rows]
    is_person(fcsv(tmp_path, ["CoordinateSystem = LPS", "columns = label,z,y,x,sel"], cells))


@pytest.mark.parametrize("lines", [["name = L", "columns = label,x,y,z,sel,vis"], []])
def test_fcsv_of_slicer_3(tmp_path: Path, lines: list[str]) -> None:
    rows = zip(NAMES, RAS.tolist(), strict=True)
    is_person(fcsv(tmp_path, lines, [f"{n},{x},{y},{z},1,1" for n, (x, y, z) in rows]))


@pytest.mark.parametrize("status", ["0", "1", "3"])
def test_a_point_of_fcsv_that_is_not_placed_is_missing(tmp_path: Path, status: str) -> None:
    rows = slicer_rows(POINTS, ",2,0")
    rows[0] = slicer_rows(POINTS, f",{status},0")[0]
    lines = ["CoordinateSystem = LPS", f"columns = {COLUMNS}"]
    is_person(fcsv(tmp_path, lines, rows), missing=1)


@pytest.mark.parametrize(
    ("lines", "row", "fault"),
    [
        (["CoordinateSystem = 2"], "1,1,2,3,0,0,0,1,1,1,0,a,,", "coordinate system 2"),
        (["columns = id,x,y,label"], "1,1,2,a", "needs label, x, y and z"),
        ([], "1,1,two,3,0,0,0,1,1,1,0,a,,", "line 1 has 'two' as y of 'a'"),
        ([], "1,1,,3,0,0,0,1,1,1,0,a,,", "line 1 has '' as y of 'a'"),
        ([], "1,1,2,3,0,0,0,1,1,1,0,,,", "line 1 has no name"),
    ],
)
def test_fcsv_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, lines: list[str], row: str, fault: str
) -> None:
    with pytest.raises(InputError, match=rf"person\.fcsv .*{fault}.*\.$"):
        read_landmarks(fcsv(tmp_path, lines, [row]))


def table(header: str, points: np.ndarray = POINTS, form: str = "{n},{x},{y},{z}") -> str:
    rows = zip(NAMES, points.tolist(), strict=True)
    lines = [form.format(n=n, x=x, y=y, z=z) for n, (x, y, z) in rows]
    return "\n".join([header, *lines, ""])


PLAIN = table("name,x,y,z")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN, "utf-8"),
        (PLAIN, "utf-8-sig"),
        (PLAIN, "utf-16"),
        (PLAIN, "utf-16-le"),
        (PLAIN, "utf-16-be"),
        (PLAIN.replace("\n", "\r\n"), "utf-8"),
        (PLAIN.replace("\n", "\r"), "utf-8"),
        (PLAIN.replace("\n", "\n\n"), "utf-8"),
        (PLAIN.replace("\n", ",,\n"), "utf-8"),
        (PLAIN.replace(",", ", "), "utf-8"),
        (PLAIN.replace(",", ";"), "utf-8"),
        (PLAIN.replace(",", "\t"), "utf-8"),
        (PLAIN.replace(",", ";").replace(".", ","), "utf-8"),
        (table("Name,X,Y,Z"), "utf-8"),
        (table("z,comment,name,y,x", POINTS, '{z},"right, ""here""",{n},{y},{x}'), "utf-8"),
        (table("label,l,p,s,defined,selected", POINTS, "{n},{x},{y},{z},1,0"), "utf-8"),
        (table("label,r,a,s,defined,selected", RAS, "{n},{x},{y},{z},1,0"), "utf-8"),
        (table("label\tr\ta\ts\tdefined", RAS, "{n}\t{x}\t{y}\t{z}\t1"), "utf-8"),
    ],
)
def test_tables_of_spreadsheets_and_of_3d_slicer(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "person.csv"
    path.write_bytes(text.encode(encoding))
    is_person(path)


def test_a_table_with_tabs_may_say_so_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "person.tsv"
    path.write_text(PLAIN.replace(",", "\t"), encoding="utf-8")
    is_person(path)


@pytest.mark.parametrize("row", ["{n},,,", "{n},0,0,0"])
def test_a_point_that_3d_slicer_has_not_defined_is_missing(tmp_path: Path, row: str) -> None:
    lines = table("label,l,p,s,defined", POINTS, "{n},{x},{y},{z},1").splitlines()
    lines[1] = row.format(n=NAMES[0]) + ",0"
    path = tmp_path / "person.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    is_person(path, missing=1)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("name;x;y;z\na;1,5;2.5;3\n", "decimal commas and others with points"),
        ("name;x;y;z\na;1.234,5;2;3\n", "decimal commas and others with points"),
        ("name;x;y;z\na;1,5,2;2;3\n", "has '1.5.2' as x"),
        ('name,x,y,z\na,"1,5",2,3\n', "has '1,5' as x"),
        ("name,x,y,z\na,1_0,2,3\n", "has '1_0' as x"),
        ("name,x,y,z\na,1,2,3,4\n", "line 2 has more values"),
        ("name,x,y,z,x\na,1,2,3,4\n", "repeats the column x"),
        ("label,l,a\na,1,2\n", "lacks the column z"),
        ('name,x,y,z\n"a,1,2,3\n', "quotation mark"),
        ("name,x,y,z\nångström,1,2,3\n".encode("latin-1"), "no text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text|lacks the column"),
        ("\n\n", "is empty"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_sentence(
    tmp_path: Path, content: str | bytes, fault: str
) -> None:
    path = tmp_path / "person.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=rf"person\.csv .*({fault}).*\.$"):
        read_landmarks(path)


@pytest.mark.parametrize(("system", "x"), [(0, -1.0), (1, 1.0), ("", 1.0), (None, 1.0)])
def test_the_numbers_of_slicer_for_its_coordinate_systems(tmp_path, system, x):
    point = {"label": "a", "position": [1.0, 2.0, 3.0], "positionStatus": "defined"}
    markup = {"type": "Fiducial", "coordinateSystem": system, "controlPoints": [point]}
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps({"markups": [markup]}))
    assert read_landmarks(path).points[0].tolist() == [x, 2 * x, 3.0]

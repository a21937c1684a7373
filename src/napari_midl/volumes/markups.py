"""Named points in the two formats of 3D Slicer: markups (``.mrk.json``) and its older ``.fcsv``."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.patient import LPS, to_lps
from napari_midl.volumes.text import encoding_of, read_bytes
from napari_midl.volumes.units import factor, length_unit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    # Where it stands in the file, its name, and x, y, z in mm, LPS: floats, None where it is
    # missing; what is no number is as it was read.
    Row = tuple[str, str, Sequence[Any]]
    # A name and its x, y, z, or None where it is missing.
    Named = tuple[str, list[float] | None]

EMPTY = (None, None, None)
_POINTS = "Fiducial"
_DEFINED, _NOT_DEFINED = "defined", ("undefined", "preview", "missing")
_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
# Of .fcsv: the columns of today's files and of those without a header that 3D Slicer 3 wrote; the
# codes that stood for the names of coordinate systems; what a last column without a name says of a
# point that is placed, and of one that is only named.
_COLUMNS = (
    *("id", "x", "y", "z", "ow", "ox", "oy", "oz", "vis", "sel", "lock", "label", "desc"),
    "associatedNodeID",
)
_FIRST_COLUMNS = ("label", "x", "y", "z", "sel", "vis")
_CODES = {"0": "RAS", "1": LPS}
_PLACED, _NAMED = "2", "0"


def read_json(path: Path) -> list[Row]:
    """Read the points of a ``.mrk.json``.

    Lists of points count; lines, curves and the like beside them are measurements and are left
    out, unless there is nothing else. A point that is only previewed is missing.

    Raises
    ------
    InputError
        If it cannot be read, is no markups file, or says no unit of length or coordinate system.
    """
    markups = _markups(path)
    lists = [m for m in markups if m.get("type", _POINTS) == _POINTS] or markups
    rows: list[Row] = []
    for markup in lists:
        system = markup.get("coordinateSystem")
        signs = _signs(path, LPS if system in (None, "") else system)
        size = _millimetres(path, markup.get("coordinateUnits") or "mm")
        points = markup.get("controlPoints") or []
        if not isinstance(points, list) or not all(isinstance(point, dict) for point in points):
            raise _no_markups(path, "it lacks 'controlPoints' that are points")
        for point in points:
            place = f"point {len(rows) + 1}"
            position: Sequence[Any] = EMPTY
            if _is_defined(path, place, point):
                position = laid(point["position"], [sign * size for sign in signs])
            rows.append((place, str(point.get("label", "")).strip(), position))
    return rows


def read_fcsv(path: Path) -> list[Row]:
    """Read the points of a ``.fcsv``; where it does not say so it is in RAS.

    Raises
    ------
    InputError
        If it cannot be read, a line is too short, or it is in another coordinate system.
    """
    system = "RAS"
    named: tuple[str, ...] = ()
    rows: list[Row] = []
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text_of(path)), 1):
        if line.startswith("#"):
            # A spreadsheet fills all lines up with commas.
            key, _, value = line.strip("# ,").partition("=")
            if key.strip() == "CoordinateSystem":
                system = value.strip()
            elif key.strip() == "columns":
                named = tuple(column.strip() for column in value.split(","))
        elif line.strip(" ,"):
            cells = next(csv.reader([line]))
            is_first = len(cells) <= len(_FIRST_COLUMNS)
            columns = named or (_FIRST_COLUMNS if is_first else _COLUMNS)
            at = _places(path, columns)
            if max(at) >= len(cells):
                raise InputError(
                    f"{path} line {number} has {len(cells)} columns; write {','.join(columns)}."
                )
            label, *xyz = (cells[place].strip() for place in at)
            signs = _signs(path, _CODES.get(system, system))
            status = cells[len(columns)].strip() if _says_status(columns, cells) else ""
            position = laid(xyz, signs) if status in ("", _PLACED) else EMPTY
            rows.append((f"line {number}", label, position))
    return rows


def write_json(path: Path, landmarks: Sequence[Named]) -> None:
    """Write a ``.mrk.json`` in LPS.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    points = [
        {
            "id": str(number),
            "label": name,
            "position": position or [0.0, 0.0, 0.0],
            "positionStatus": _DEFINED if position else _NOT_DEFINED[0],
        }
        for number, (name, position) in enumerate(landmarks, 1)
    ]
    markup = {
        "type": _POINTS,
        "coordinateSystem": LPS,
        "coordinateUnits": "mm",
        "controlPoints": points,
    }
    _write(path, json.dumps({"@schema": _SCHEMA, "markups": [markup]}, indent=1) + "\n")


def write_fcsv(path: Path, landmarks: Sequence[Named]) -> None:
    """Write a ``.fcsv`` in LPS.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    text = io.StringIO()
    text.write(f"# Markups fiducial file version = 4.11\n# CoordinateSystem = {LPS}\n")
    text.write(f"# columns = {','.join(_COLUMNS)}\n")
    rows = csv.writer(text, lineterminator="\n")
    for number, (name, position) in enumerate(landmarks, 1):
        status = _PLACED if position else _NAMED
        place = position or (0.0, 0.0, 0.0)
        rows.writerow((number, *place, 0, 0, 0, 1, 1, 1, 0, name, "", "", status, 0))
    _write(path, text.getvalue())


def laid(position: Any, factors: Sequence[float]) -> Sequence[Any]:
    """A position with each coordinate multiplied, as a float; what is no number stays as it is."""
    if not isinstance(position, list):
        return [position]
    if len(position) != len(factors):
        return position
    return [_times(value, by) for value, by in zip(position, factors, strict=True)]


def text_of(path: Path) -> str:
    """The text of a file in UTF-8 or UTF-16, with or without a byte order mark.

    Raises
    ------
    InputError
        If it cannot be read, or is no such text.
    """
    data = read_bytes(path)
    try:
        return data.decode(encoding_of(data)).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is no text in UTF-8 or UTF-16; save it from its program again."
        ) from None


def _markups(path: Path) -> list[dict[str, Any]]:
    text = text_of(path)
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise _no_markups(path, "it is no JSON, or was cut short") from None
    markups = held.get("markups") if isinstance(held, dict) else None
    if not isinstance(markups, list) or not all(isinstance(markup, dict) for markup in markups):
        raise _no_markups(path, "it lacks a list of 'markups'")
    return markups


def _is_defined(path: Path, place: str, point: dict[str, Any]) -> bool:
    status = point.get("positionStatus", _DEFINED)
    if status in _NOT_DEFINED:
        return False
    if status != _DEFINED:
        raise _no_markups(path, f"{place} has the position status {status!r}")
    if point.get("position") is None:
        raise _no_markups(path, f"{place} lacks 'position'")
    return True


def _no_markups(path: Path, fault: str) -> InputError:
    return InputError(f"{path} is no markups file: {fault}; save it from 3D Slicer again.")


def _signs(path: Path, system: Any) -> tuple[int, int, int]:
    signs = to_lps(_CODES.get(str(system), str(system)))
    if signs is None:
        raise InputError(f"{path} is in the coordinate system {system}; save it as LPS or RAS.")
    return signs


def _millimetres(path: Path, unit: Any) -> float:
    """How many millimetres a unit has, which may be a code with its scheme and meaning."""
    words = unit if isinstance(unit, list) else [unit]
    known = next((name for word in words if (name := length_unit(str(word)))), None)
    if known is None:
        raise InputError(f"{path} is in {unit}; save it from 3D Slicer in millimetres.")
    return factor(known, "millimeter")


def _places(path: Path, columns: Sequence[str]) -> list[int]:
    """Where the name, x, y and z stand."""
    try:
        return [columns.index(name) for name in ("label", "x", "y", "z")]
    except ValueError:
        raise InputError(
            f"{path} has the columns {','.join(columns)}; it needs label, x, y and z."
        ) from None


def _says_status(columns: Sequence[str], cells: Sequence[str]) -> bool:
    return columns[-1] == _COLUMNS[-1] and len(cells) > len(columns)


def _times(value: Any, by: float) -> Any:
    if value is None:
        return ""  # would pass for a missing landmark, which these formats say otherwise
    if isinstance(value, str) and "_" in value:
        return value  # a number in Python, nowhere else
    try:
        number = float(value) * by
    except (TypeError, ValueError, OverflowError):
        return value
    return number if math.isfinite(number) and not isinstance(value, bool) else value


def _write(path: Path, text: str) -> None:
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")

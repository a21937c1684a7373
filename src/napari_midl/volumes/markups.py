"""Named points in the two formats of 3D Slicer: markups (``.mrk.json``) and its older ``.fcsv``.

Slicer's axes point right, anterior, superior (RAS); DICOM's, kept here, left, posterior, superior
(LPS).
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    # Where it stands in the file, its name, and x, y, z as they were read, None where empty.
    Row = tuple[str, str, Sequence[Any]]
    # A name and its x, y, z, or None where it is missing.
    Named = tuple[str, list[float] | None]

_SIGNS = {"LPS": (1, 1, 1), "1": (1, 1, 1), "RAS": (-1, -1, 1), "0": (-1, -1, 1)}
_EMPTY = (None, None, None)
_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"
_LABEL, _STATUS = 11, 14
# Slicer's numbers for a point that is placed, and for one that is only named.
_DEFINED, _UNDEFINED = "2", "0"


def read_json(path: Path) -> list[Row]:
    """Read all points of a ``.mrk.json``, in LPS.

    Raises
    ------
    InputError
        If it cannot be read, is no markups file, or is not in millimetres, LPS or RAS.
    """
    text = _text(path)
    rows: list[Row] = []
    try:
        for markup in json.loads(text)["markups"]:
            unit = markup.get("coordinateUnits", "mm")
            if unit != "mm":
                raise InputError(f"{path} is in {unit}; save it from 3D Slicer in millimetres.")
            system = markup.get("coordinateSystem", "LPS")
            for point in markup["controlPoints"]:
                defined = point.get("positionStatus", "defined") == "defined"
                position = _in_lps(path, point["position"], system) if defined else _EMPTY
                rows.append((f"point {len(rows) + 1}", str(point["label"]).strip(), position))
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        fault = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"{path} is no markups file ({fault}); save it from 3D Slicer again."
        ) from error
    return rows


def read_fcsv(path: Path) -> list[Row]:
    """Read all points of a ``.fcsv``, in LPS; without a header it is taken for RAS.

    Raises
    ------
    InputError
        If it cannot be read, a line is too short, or it is not in LPS or RAS.
    """
    system = "RAS"
    rows: list[Row] = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if line.startswith("#"):
            key, _, value = line.lstrip("# ").partition("=")
            system = value.strip() if key.strip() == "CoordinateSystem" else system
        elif line.strip():
            cells = next(csv.reader([line]))
            if len(cells) <= _LABEL:
                raise InputError(
                    f"{path} line {number} has {len(cells)} columns; write {_COLUMNS}."
                )
            defined = len(cells) <= _STATUS or cells[_STATUS] == _DEFINED
            position = _in_lps(path, cells[1:4], system) if defined else _EMPTY
            rows.append((f"line {number}", cells[_LABEL].strip(), position))
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
            "positionStatus": "defined" if position else "undefined",
        }
        for number, (name, position) in enumerate(landmarks, 1)
    ]
    markup = {
        "type": "Fiducial",
        "coordinateSystem": "LPS",
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
    text.write("# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n")
    text.write(f"# columns = {_COLUMNS}\n")
    rows = csv.writer(text, lineterminator="\n")
    for number, (name, position) in enumerate(landmarks, 1):
        status = _DEFINED if position else _UNDEFINED
        place = position or (0.0, 0.0, 0.0)
        rows.writerow((number, *place, 0, 0, 0, 1, 1, 1, 0, name, "", "", status, 0))
    _write(path, text.getvalue())


def _in_lps(path: Path, position: Sequence[Any], system: Any) -> list[Any]:
    """Turn a position; what is no number is left as it is, for whoever checks it."""
    if str(system) not in _SIGNS:
        raise InputError(f"{path} is in the coordinate system {system}; save it as LPS or RAS.")
    signs = _SIGNS[str(system)]
    try:
        return [sign * float(value) for sign, value in zip(signs, position, strict=True)]
    except (TypeError, ValueError):
        # An empty place would pass for a missing landmark, and these formats say that otherwise.
        return ["" if value is None else value for value in position]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text; save it from its program again.") from error


def _write(path: Path, text: str) -> None:
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")

"""Named points as tables: ours, and those that 3D Slicer exports."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.markups import EMPTY, laid, text_of
from napari_midl.volumes.patient import to_lps
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.markups import Named, Row

COLUMNS = ("name", "x", "y", "z")
_SEPARATORS = ",;\t"
# Of tables from 3D Slicer: what else the columns may be called, and whether a point has a place.
_LABEL, _LETTERS = "label", ("lr", "pa", "si")
_DEFINED, _NO = "defined", ("0", "false")


def read_csv(path: Path) -> list[Row]:
    """Read the points of a table in mm.

    Parameters
    ----------
    path : Path
        Its first line names the columns: ``name,x,y,z`` (LPS), or as in 3D Slicer
        ``label,l,p,s`` or ``label,r,a,s``, in any order and beside others. They are separated by
        commas; or by semicolons or tabs, and then numbers may have a decimal comma.

    Raises
    ------
    InputError
        If it cannot be read, is no such table, or mixes decimal commas and points.
    """
    separator, ((_, names), *found) = _rows(path)
    header = [name.lower() for name in names]
    name, *coordinates = _places(path, header)
    letters = "".join(header[at] for at in coordinates)
    signs = to_lps(letters) or (1, 1, 1)
    if not found:
        raise InputError(f"{path} holds no row below its header; add at least one.")
    for number, cells in found:
        if any(cells[len(header) :]):
            raise InputError(
                f"{path} line {number} has more values than the header has names; write a name "
                "above each column, and numbers with a decimal point, not a comma."
            )
        cells += [""] * (len(header) - len(cells))
    numbers = "".join(cells[at] for _, cells in found for at in coordinates)
    with_comma = separator != "," and "," in numbers
    if with_comma and "." in numbers:
        raise InputError(
            f"{path} has numbers with decimal commas and others with points; write all with a "
            "point."
        )
    rows: list[Row] = []
    for number, cells in found:
        texts = [cells[at].replace(",", ".") if with_comma else cells[at] for at in coordinates]
        defined = _DEFINED not in header or cells[header.index(_DEFINED)].lower() not in _NO
        position = laid(texts, signs) if defined else EMPTY
        rows.append((f"line {number}", cells[name], [None if p == "" else p for p in position]))
    return rows


def write_csv(path: Path, landmarks: Sequence[Named]) -> None:
    """Write a table with the columns ``name,x,y,z`` in mm, LPS; a missing point has only a name.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    rows = [(name, *map(str, point or ("", "", ""))) for name, point in landmarks]
    write_table(pd.DataFrame(rows, columns=list(COLUMNS)), path)


def _rows(path: Path) -> tuple[str, list[tuple[int, list[str]]]]:
    """The separator, and the rows that are not blank, each with the number of its line."""
    text = text_of(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error:
        raise InputError(
            f"{path} is no table: a quotation mark in it has no partner; save it again as CSV."
        ) from None
    found = [(number, row) for number, row in rows if any(row)]
    if not found:
        raise InputError(f"{path} is no table: it is empty; write {','.join(COLUMNS)} above rows.")
    return separator, found


def _places(path: Path, header: Sequence[str]) -> list[int]:
    """Where the name and the three coordinates stand."""
    lettered = not set(COLUMNS[1:]) <= set(header) and any(a in header for a in _LETTERS[0])
    wanted = [
        next((column for column in ("name", _LABEL) if column in header), COLUMNS[0]),
        *(
            next((letter for letter in letters if lettered and letter in header), column)
            for column, letters in zip(COLUMNS[1:], _LETTERS, strict=True)
        ),
    ]
    for column in wanted:
        if header.count(column) != 1:
            what = "lacks the column" if column not in header else "repeats the column"
            raise InputError(
                f"{path} {what} {column}; it needs {','.join(COLUMNS)} in its first line."
            )
    return [header.index(column) for column in wanted]

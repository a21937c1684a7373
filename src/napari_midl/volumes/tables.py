"""Tables as CSV."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.text import encoding_of, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_OTHERS = {";": "semicolons", "\t": "tabs", " ": "spaces"}


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
    """Read a CSV with a header, every value as it is written.

    Parameters
    ----------
    path : Path
        The ``.csv`` file: UTF-8, separated by commas, its first line names the columns.
    needed, optional : sequence of str
        Columns it must and may have; others are kept too.

    Returns
    -------
    pandas.DataFrame
        At least one row; text without spaces around it, missing where it is empty. The index is
        the line of the file. Empty lines, and columns without name or values, are left out.

    Raises
    ------
    InputError
        If the file cannot be read, is no table, lacks a column or holds no row.
    """
    rows = _rows(path, _text(path))
    line, header = next(rows, (1, []))
    named = [name for name in header if name]
    _check_header(path, line, named, needed, optional)
    lines, cells = [], []
    for line, row in rows:
        beyond = [cell for k, cell in enumerate(row) if cell and (k >= len(header))]
        if beyond:
            raise InputError(
                f"{path} line {line} has {len(row)} values, and its header names {len(header)}; "
                "write a name above each column, and numbers with a decimal point, not a comma."
            )
        lines.append(line)
        filled = [*row, *[""] * (len(header) - len(row))]
        cells.append([cell or None for name, cell in zip(header, filled, strict=False) if name])
    if not lines:
        raise InputError(f"{path} holds no row below its header; add at least one.")
    return pd.DataFrame(cells, columns=named, index=lines, dtype=object)


def numbers(path: Path, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Columns of a table as finite numbers.

    Raises
    ------
    InputError
        If a value is none; the line is named.
    """
    found = pd.DataFrame(
        {column: pd.to_numeric(table[column], errors="coerce") for column in columns},
        index=table.index,
        dtype=float,
    )
    for column in columns:
        bad = found.index[~found[column].abs().lt(float("inf"))]
        if len(bad):
            held = table.loc[bad[0], column]
            what = "nothing" if held is None else repr(held)
            how = " with a decimal point and no comma" if held and "," in held else ""
            raise InputError(f"{path} line {bad[0]} has {what} as {column}; write a number{how}.")
    return found


def write_table(table: pd.DataFrame, path: Path, digits: int = 6) -> None:
    """Write a table as CSV; the file appears only once it is complete.

    Parameters
    ----------
    table : pandas.DataFrame
        Its column names, such as ``length (µm)``, are the header; the index is left out.
    path : Path
        The ``.csv`` file; an earlier one is replaced.
    digits : int
        How many of a number that is not whole are kept.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with whole_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        table.to_csv(file, index=False, float_format=f"%.{digits}g", lineterminator="\n")


def refuse_cut(path: Path) -> None:
    """Refuse a table of ours whose last line has no end, as a copy that broke off leaves it.

    Raises
    ------
    InputError
        If so, or if it cannot be read.
    """
    data = read_bytes(path)
    if data and not data.endswith(b"\n"):
        raise InputError(
            f"{path} cannot be read to its end: its last line is cut short; copy it again, or mend "
            "that line."
        )


def _text(path: Path) -> str:
    data = read_bytes(path)
    if encoding_of(data) != "utf-8-sig":
        raise InputError(f"{path} is text in UTF-16; save it as CSV in UTF-8.")
    if b"\0" in data:
        raise InputError(f"{path} is no text; give a CSV with a header.")
    plain = data.removeprefix(codecs.BOM_UTF8)
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError as error:
        line = len(re.split(rb"\r\n|\r|\n", plain[: error.start]))
        raise InputError(
            f"{path} line {line} has a letter that is not in UTF-8; save it as CSV in UTF-8."
        ) from error


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row that is not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path} line {line} begins a value that is longer than any name or number; close its "
            "quotes."
        ) from error


def _check_header(
    path: Path, line: int, named: Sequence[str], needed: Sequence[str], optional: Sequence[str]
) -> None:
    if not named:
        raise InputError(f"{path} is empty; write {','.join(needed)} in its first line.")
    separator = next((other for other in _OTHERS if other in named[0]), None)
    if len(named) == 1 and separator is not None:
        raise InputError(
            f"{path} line {line} has {_OTHERS[separator]} between its columns; put commas there, "
            "and write numbers with a decimal point."
        )
    for name, count in Counter(named).items():
        if count > 1:
            raise InputError(f"{path} has {count} columns named {name}; keep one of them.")
    plain = [name.casefold() for name in named]
    missing = [column for column in needed if column not in plain]
    if missing:
        raise InputError(
            f"{path} lacks the column {missing[0]}; it needs {','.join(needed)} in its first line."
        )
    known = {*needed, *optional} - set(named)
    odd = [name for name, word in zip(named, plain, strict=True) if word in known]
    if odd:
        raise InputError(f"{path} names {','.join(odd)}; write {','.join(odd).casefold()} instead.")

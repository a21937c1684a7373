"""Tables as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_table(
    path: Path, needed: Sequence[str], as_text: bool = False, names: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a CSV with a header; blank lines are left out.

    Parameters
    ----------
    path : Path
        The ``.csv`` file.
    needed : sequence of str
        Columns it must have.
    as_text : bool
        Keep every value as it is written; an empty one is NaN, and row i of the index is line
        i + 2 of the file. Else pandas guesses types, and takes words such as ``nan`` for empty.
    names : sequence of str
        Columns to keep as text where types are guessed.

    Returns
    -------
    pandas.DataFrame
        At least one row, and all columns of the file.

    Raises
    ------
    InputError
        If the file cannot be read, is no table, lacks a column or holds no row.
    """
    try:
        if as_text:
            # Blank lines are counted first, so that the index tells the line.
            table = pd.read_csv(
                path,
                skipinitialspace=True,
                skip_blank_lines=False,
                dtype=str,
                keep_default_na=False,
                na_values=[""],
            ).dropna(how="all")
        else:
            table = pd.read_csv(path, skipinitialspace=True, dtype=dict.fromkeys(names, str))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is no table ({str(error).splitlines()[0]}); give a CSV with a header."
        ) from error
    if not pd.api.types.is_integer_dtype(table.index) or table.index.name is not None:
        raise InputError(
            f"{path} has more values in its rows than names in its header; write a name above each "
            "column, and numbers with a decimal point, not a comma."
        )
    missing = [column for column in needed if column not in table]
    if missing:
        raise InputError(
            f"{path} lacks the column {missing[0]}; it needs {','.join(needed)} in its first line."
        )
    if not len(table):
        raise InputError(f"{path} holds no row below its header; add at least one.")
    return table


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; the file appears only once it is complete.

    Parameters
    ----------
    table : pandas.DataFrame
        Its column names, such as ``length (micrometer)``, are the header; the index is left out.
    path : Path
        The ``.csv`` file; an earlier one is replaced.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    with whole_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")

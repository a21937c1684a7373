"""Tables as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


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

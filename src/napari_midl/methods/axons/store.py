"""The traces of an image in its project folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry
from napari_midl.volumes.tables import refuse_cut, write_table
from napari_midl.volumes.trace_table import FIRST, from_table, to_table
from napari_midl.volumes.traces import DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRACES = "traces"


def write_entries(path: Path, entries: Sequence[Entry]) -> None:
    """Write traces with their states as a table, a point a row.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    write_table(to_table([entry.told() for entry in entries], decided=True), path, DIGITS)


def read_entries(path: Path) -> list[Entry]:
    """Read what `write_entries` wrote, or an earlier version; nothing where there is no file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if not path.exists():
        return []
    refuse_cut(path)
    try:
        # A name may be "NA".
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table; fix or delete it.") from error
    lost = [column for column in FIRST if column not in table]
    if lost:
        raise InputError(f"{path} cannot be read without the column {lost[0]}; fix or delete it.")
    table.index += 2  # lines of the file
    return [Entry(trace, trace.state == "accepted") for trace in from_table(path, table)]


def traces_file(folder: Path, channel: int = 0, time: int = 0) -> Path:
    """Where the traces of one channel at one time are kept in a project folder."""
    place = "" if (channel, time) == (0, 0) else f" c{channel} t{time}"
    return folder / f"{TRACES}{place}.csv"

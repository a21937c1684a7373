"""The traces of an image in its project folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.methods.axons.entries import Entry
from napari_midl.volumes.tables import write_table
from napari_midl.volumes.traces import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRACES = "traces"
COLUMNS = ("path", "index", "z", "y", "x", "uncertainty", "state", "placed_by", "why")


def write_entries(path: Path, entries: Sequence[Entry]) -> None:
    """Write traces with their states as a table, a point a row.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    parts = [
        pd.DataFrame(
            {
                "path": entry.name,
                "index": np.arange(len(entry.trace.points)),
                **dict(zip("zyx", entry.trace.points.T, strict=True)),
                "uncertainty": entry.trace.uncertainty,
                "state": entry.state,
                "placed_by": entry.trace.placed_by,
                "why": entry.trace.why,
            }
        )
        for entry in entries
    ]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=list(COLUMNS))
    write_table(table, path)


def read_entries(path: Path) -> list[Entry]:
    """Read what `write_entries` wrote; nothing where there is no file.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if not path.exists():
        return []
    try:
        table = pd.read_csv(path, dtype={"path": str, "why": str}, keep_default_na=False)
        return [
            Entry(
                Trace(
                    str(name),
                    rows[["z", "y", "x"]].to_numpy(float),
                    rows["uncertainty"].to_numpy(float),
                    "person" if rows["placed_by"].iloc[0] == "person" else "tracker",
                    str(rows["why"].iloc[0]),
                ),
                rows["state"].iloc[0] == "accepted",
            )
            for name, rows in table[list(COLUMNS)].groupby("path", sort=False)
        ]
    except (OSError, ValueError, KeyError) as error:
        fault = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be read ({fault}); fix or delete it.") from error


def traces_file(folder: Path, channel: int = 0, time: int = 0) -> Path:
    """Where the traces of one channel at one time are kept in a project folder."""
    place = "" if (channel, time) == (0, 0) else f" c{channel} t{time}"
    return folder / f"{TRACES}{place}.csv"

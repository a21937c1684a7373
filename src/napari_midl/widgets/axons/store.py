"""The traces of an image in its project folder, written behind the scenes on every change."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from qtpy.QtCore import QObject, QThreadPool, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import not_written
from napari_midl.volumes.tables import write_table
from napari_midl.volumes.traces import Trace
from napari_midl.widgets.axons.book import Entry
from napari_midl.widgets.project import free_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRACES = "traces"
COLUMNS = ("path", "index", "z", "y", "x", "uncertainty", "state", "placed_by", "why")
LONGEST_WAIT_MS = 10_000


class Autosave(QObject):
    """Writes the newest state in a thread of its own; states that were overtaken are left out.

    Attributes
    ----------
    failed : Signal(Exception)
        The traces could not be written.
    """

    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._lock = Lock()
        self._next: tuple[Path, tuple[Entry, ...]] | None = None

    def save(self, path: Path, entries: tuple[Entry, ...]) -> None:
        """Write these soon."""
        with self._lock:
            self._next = path, entries
        self._pool.start(self._write)

    def flush(self) -> None:
        """Wait until everything is written."""
        self._pool.waitForDone(LONGEST_WAIT_MS)

    def _write(self) -> None:
        with self._lock:
            latest, self._next = self._next, None
        if latest is None:
            return
        try:
            write_entries(*latest)
        except InputError as error:
            self.failed.emit(error)


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
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
        raise InputError(f"{path} cannot be read ({fault}); mend or delete it.") from error


def traces_file(folder: Path, channel: int = 0, time: int = 0) -> Path:
    """Where the traces of one channel at one time are kept in a project folder."""
    place = "" if (channel, time) == (0, 0) else f" c{channel} t{time}"
    return folder / f"{TRACES}{place}.csv"


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, so that it is not written over.

    Raises
    ------
    InputError
        If it cannot be moved.
    """
    aside = free_name(path.parent, f"{path.stem}-unreadable", path.suffix)
    try:
        path.rename(aside)
    except OSError as error:
        raise not_written(aside, error) from error
    return aside

"""Traces as the rows of a table, a point a row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.tables import numbers
from napari_midl.volumes.trace import AXON, NO_ID, Link, Trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FIRST = ("path", "index", "z", "y", "x", "uncertainty")
TREE = ("radius", "type", "parent_path", "parent_index", "id")
DECIDED = ("state", "placed_by", "why")
_ABSENT = {"uncertainty": np.nan, "radius": np.nan, "type": AXON, "parent_index": -1, "id": NO_ID}


def to_table(traces: Sequence[Trace], decided: bool = False) -> pd.DataFrame:
    """A row a point; columns behind the first six only where they say something.

    A cell is empty where a number is not known.

    Parameters
    ----------
    traces : sequence of Trace
        What to write.
    decided : bool
        Say what a person decided even where nobody was asked.
    """
    parts = [
        pd.DataFrame(
            {
                "path": trace.path,
                "index": np.arange(len(trace.points)),
                **dict(zip("zyx", trace.points.T, strict=True)),
                "uncertainty": np.round(trace.uncertainty, 6),
                "radius": trace.radius,
                "type": trace.kinds,
                "parent_path": trace.parent.path if trace.parent else None,
                "parent_index": trace.parent.index if trace.parent else None,
                "id": trace.ids,
                "state": trace.state,
                "placed_by": trace.placed_by,
                "why": trace.why,
            }
        ).astype({"parent_index": "Int64", "parent_path": object})
        for trace in traces
    ]
    columns = list(FIRST)
    if any(np.isfinite(trace.radius).any() for trace in traces):
        columns.append("radius")
    if any((trace.kinds != AXON).any() for trace in traces):
        columns.append("type")
    if any(trace.parent for trace in traces):
        columns += ["parent_path", "parent_index"]
    if any((trace.ids != NO_ID).any() for trace in traces):
        columns.append("id")
    if decided or any(trace.state for trace in traces):
        columns += DECIDED
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def from_table(path: Path, table: pd.DataFrame) -> list[Trace]:
    """Traces from the text of a table.

    Parameters
    ----------
    path : Path
        The file, for what is said of it.
    table : pandas.DataFrame
        Columns ``path``, ``y``, ``x`` and any other of `to_table`; text, missing where empty; the
        index is the line of the file.

    Raises
    ------
    InputError
        If a name or number is missing, or a parent is none.
    """
    check_names(path, table)
    values = numbers(path, table, [column for column in "zyx" if column in table])
    values = values.reindex(columns=["z", "y", "x"], fill_value=0.0)
    for column in ("uncertainty", "radius", "type", "parent_index", "id"):
        values[column] = _filled(path, table, column)
    for column in ("type", "parent_index", "id"):
        broken = values.index[values[column] % 1 != 0]
        if len(broken):
            held = table.loc[broken[0], column]
            raise InputError(
                f"{path} line {broken[0]} has {held!r} as {column}; write a whole number."
            )
    texts = table.reindex(columns=["path", "parent_path", *DECIDED]).astype(object).fillna("")
    traces, lines = {}, {}
    for name, rows in texts.groupby("path", sort=False):
        own, first = values.loc[rows.index], rows.iloc[0]
        grows_from = None
        if first["parent_path"]:
            grows_from = Link(str(first["parent_path"]), int(own["parent_index"].iloc[0]))
        traces[str(name)] = Trace(
            str(name),
            own[["z", "y", "x"]].to_numpy(),
            own["uncertainty"].to_numpy(),
            "person" if first["placed_by"] == "person" else "tracker",
            str(first["why"]),
            str(first["state"]),
            radius=own["radius"].to_numpy(),
            kinds=own["type"].to_numpy(int),
            parent=grows_from,
            ids=own["id"].to_numpy(int),
        )
        lines[str(name)] = int(rows.index[0])
    _check_parents(path, traces, lines)
    return list(traces.values())


def check_names(path: Path, table: pd.DataFrame) -> None:
    """Refuse a row without a path."""
    nameless = table.index[table["path"].isna()]
    if len(nameless):
        raise InputError(f"{path} line {nameless[0]} has no path; write a name or number.")


def _filled(path: Path, table: pd.DataFrame, column: str) -> pd.Series[float]:
    """A column of numbers; what is missing counts as not given."""
    if column not in table:
        return pd.Series(float(_ABSENT[column]), table.index)
    given = table[table[column].notna()]
    return numbers(path, given, [column])[column].reindex(
        table.index, fill_value=float(_ABSENT[column])
    )


def _check_parents(path: Path, traces: Mapping[str, Trace], lines: Mapping[str, int]) -> None:
    for name, trace in traces.items():
        link = trace.parent
        if link is None:
            continue
        if link.path not in traces:
            raise InputError(
                f"{path} line {lines[name]} names the parent_path {link.path}, which no line has "
                "as its path; correct it, or leave it empty where a tree begins."
            )
        last = len(traces[link.path].points) - 1
        if not 0 <= link.index <= last:
            raise InputError(
                f"{path} line {lines[name]} has no parent_index from 0 to {last}, the points of "
                f"{link.path}; correct it."
            )
    rooted: set[str] = set()
    for name in traces:
        way: dict[str, None] = {}
        at: str | None = name
        while at is not None and at not in rooted:
            if at in way:
                raise InputError(
                    f"{path} line {lines[at]}: the path {at} is its own parent by way of its "
                    "parents; leave parent_path empty where the tree begins."
                )
            way[at] = None
            link = traces[at].parent
            at = link.path if link else None
        rooted.update(way)

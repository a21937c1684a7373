"""Traces as SWC: seven columns, parents first, in micrometres where the scale is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file
from napari_midl.volumes.swc_text import COLUMNS, no_node, read_swc_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROOT = -1
_INTEGERS = ("id", "type", "parent")
_LARGEST = 2**53
_HEADER = "# napari-midl; axis order x y z; x, y, z and radius in {unit} {frame}\n"


def write_swc(
    path: Path,
    nodes: pd.DataFrame,
    unit: str = "micrometres",
    frame: str = "",
    about: Sequence[str] = (),
) -> None:
    """Write traces.

    Parameters
    ----------
    path : Path
        The ``.swc`` file; it appears only once it is complete.
    nodes : pandas.DataFrame
        Columns ``id type x y z radius parent``; lengths in `unit`, parents before their
        children, parent -1 at a root.
    unit : str
        What the header calls the unit; programs take it for micrometres whatever it says, so
        give another, such as ``voxels``, only where the scale is not known.
    frame : str
        From where they count, in words.
    about : sequence of str
        Further lines of the header.

    Raises
    ------
    InputError
        If the nodes are no trees or the file cannot be written; a fault's line number counts
        the nodes from 1.
    """
    missing = [column for column in COLUMNS if column not in nodes]
    if missing:
        raise InputError(
            f"{path} cannot be written without the column {missing[0]}; give all of "
            f"{' '.join(COLUMNS)}."
        )
    # Columns of no rows have no type.
    types = {column: int if column in _INTEGERS else float for column in COLUMNS}
    ordered = nodes.loc[:, list(COLUMNS)].astype(types)
    lines = range(1, len(ordered) + 1)
    if not np.isfinite(ordered["radius"]).all():
        raise InputError(f"{path} cannot be written with a radius that is no number; correct it.")
    if _parents_first(path, ordered, lines) != list(range(len(ordered))):
        raise InputError(
            f"{path} cannot be written with children before their parents; sort its nodes."
        )
    with whole_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        file.write(_HEADER.format(unit=unit, frame=frame))
        file.writelines(f"# {line}\n" for line in (*about, " ".join(COLUMNS)))
        ordered.to_csv(
            file, sep=" ", header=False, index=False, float_format="%.6f", lineterminator="\n"
        )


def read_swc(path: Path) -> pd.DataFrame:
    """Read traces, as `write_swc` takes them.

    Parameters
    ----------
    path : Path
        The ``.swc`` file, in any of the dialects of `swc_text`, its lines in any order. It is
        taken to be in micrometres where its header does not say otherwise.

    Returns
    -------
    pandas.DataFrame
        Columns ``id type x y z radius parent``: parents before their children, else in the order
        of the file; -1 is the parent of each root, also where the file has 0, another negative
        number or the node itself; lengths in micrometres, or in pixels if `in_pixels`; a radius
        may be NaN where the file says so.

    Raises
    ------
    InputError
        If the file is missing, is no text or holds no node, or a line is no node, repeats one,
        names a parent that there is not, or closes a cycle.
    """
    text = read_swc_text(path)
    rows = []
    from_zero = (*text.offset, 0.0)
    for number, words in text.lines:
        try:
            node, kind, *lengths, parent = words[: len(COLUMNS)]
            scaled = [
                (_number(length) + offset) * text.micrometres
                for length, offset in zip(lengths, from_zero, strict=True)
            ]
            rows.append((_whole(node), _whole(kind), *scaled, _whole(parent)))
        except ValueError:
            raise no_node(path, number) from None
    nodes = pd.DataFrame(rows, columns=list(COLUMNS))
    alone = (nodes["parent"] < 0) | (nodes["parent"] == nodes["id"])
    if not (nodes["id"] == 0).any():
        alone |= nodes["parent"] == 0
    nodes.loc[alone, "parent"] = ROOT
    order = _parents_first(path, nodes, [number for number, _ in text.lines])
    return nodes.iloc[order].reset_index(drop=True)


def is_swc(path: Path) -> bool:
    """Whether a file is called one, or an ``.eswc`` of Vaa3D."""
    return path.suffix.lower() in (".swc", ".eswc")


def in_pixels(path: Path) -> bool:
    """Whether a file says, as SNT does, that its lengths are in pixels.

    Raises
    ------
    InputError
        As `read_swc`.
    """
    return read_swc_text(path).in_pixels


def _number(word: str) -> float:
    if "_" in word:  # which Python takes for a mark between thousands
        raise ValueError(word)
    return float(word)


def _whole(word: str) -> int:
    """A whole number, also where it is written as ``1.0``."""
    number = _number(word)
    if not number.is_integer() or abs(number) > _LARGEST:
        raise ValueError(word)
    return int(number)


def _parents_first(path: Path, nodes: pd.DataFrame, lines: Sequence[int]) -> list[int]:
    """Rows so that parents come before their children, else as they are; no trees are refused."""
    rows: dict[int, int] = {}
    for k, (node, _, x, y, z, radius, _) in enumerate(nodes.itertuples(index=False, name=None)):
        if node < 0:
            raise InputError(
                f"{path} line {lines[k]} numbers its node {node}, and negative numbers are for "
                "what has no parent; number the nodes from 1."
            )
        if node in rows:
            same = nodes.iloc[k].equals(nodes.iloc[rows[node]])
            raise InputError(
                f"{path} line {lines[k]} repeats the node {node} of line {lines[rows[node]]}; "
                + ("leave one of them out." if same else "give each node a number of its own.")
            )
        if not all(map(math.isfinite, (x, y, z))) or math.isinf(radius):
            raise InputError(
                f"{path} line {lines[k]} has a position or radius that is no number; correct the "
                "line."
            )
        rows[node] = k
    parents = nodes["parent"].tolist()
    for k, parent in enumerate(parents):
        if parent != ROOT and parent not in rows:
            raise InputError(
                f"{path} line {lines[k]} names the parent {parent}, which no line defines; add its "
                "line, or write -1 where a tree begins."
            )
    order: list[int] = []
    placed: set[int] = set()
    for k in range(len(parents)):
        chain: dict[int, None] = {}
        while k not in placed:
            if k in chain:
                raise _cycle(path, nodes["id"].tolist(), lines, list(chain)[list(chain).index(k) :])
            chain[k] = None
            if parents[k] == ROOT:
                break
            k = rows[parents[k]]
        order += reversed(chain)
        placed.update(chain)
    return order


def _cycle(
    path: Path, numbers: Sequence[int], lines: Sequence[int], chain: Sequence[int]
) -> InputError:
    named = [str(numbers[k]) for k in (*chain, chain[0])]
    way = " -> ".join(named if len(named) < 6 else [*named[:3], "...", named[-1]])
    return InputError(
        f"{path} line {min(lines[k] for k in chain)} lies on a cycle of parents ({way}), so that "
        "no node comes first; give the one where the tree begins the parent -1."
    )

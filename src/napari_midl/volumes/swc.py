"""Traces as SWC: seven columns, parents first, in micrometres where the scale is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS = ("id", "type", "x", "y", "z", "radius", "parent")
ROOT = -1
_INTEGERS = ("id", "type", "parent")
_HEADER = "# napari-midl; axis order x y z; x, y, z and radius in {unit} {frame}\n# "


def write_swc(path: Path, nodes: pd.DataFrame, unit: str = "micrometres", frame: str = "") -> None:
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
    _check(path, nodes, range(1, len(nodes) + 1))
    ordered = nodes.loc[:, list(COLUMNS)].astype(dict.fromkeys(_INTEGERS, int))
    with whole_file(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        file.write(_HEADER.format(unit=unit, frame=frame) + " ".join(COLUMNS) + "\n")
        ordered.to_csv(
            file, sep=" ", header=False, index=False, float_format="%.6f", lineterminator="\n"
        )


def read_swc(path: Path) -> pd.DataFrame:
    """Read traces, as `write_swc` takes them.

    Parameters
    ----------
    path : Path
        The ``.swc`` file, taken to be in micrometres whatever its comments say.

    Returns
    -------
    pandas.DataFrame
        Columns ``id type x y z radius parent``.

    Raises
    ------
    InputError
        If the file is missing or holds no node, or a line is no node, repeats one, or names
        a parent that no earlier line defines.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error
    rows, lines = [], []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            i, kind, x, y, z, radius, parent = words
            rows.append(
                (int(i), int(kind), float(x), float(y), float(z), float(radius), int(parent))
            )
        except ValueError:
            raise InputError(
                f"{path} line {number} is no node; write seven numbers: {' '.join(COLUMNS)}."
            ) from None
        lines.append(number)
    if not rows:
        raise InputError(f"{path} holds no node; give an SWC file of at least one line.")
    nodes = pd.DataFrame(rows, columns=list(COLUMNS))
    _check(path, nodes, lines)
    return nodes


def _check(path: Path, nodes: pd.DataFrame, lines: Iterable[int]) -> None:
    """Refuse what is no tree; as parents come first, there can be no cycle."""
    seen = {ROOT}
    for line, (node, _, x, y, z, radius, parent) in zip(
        lines, nodes.loc[:, list(COLUMNS)].itertuples(index=False), strict=True
    ):
        if node in seen:
            raise InputError(
                f"{path} line {line} repeats the node {node}; give each node its own number from 0."
            )
        if parent not in seen:
            raise InputError(
                f"{path} line {line} names the parent {parent}, which no earlier line defines; "
                "put parents before their children, without cycles."
            )
        if not all(map(math.isfinite, (x, y, z, radius))):
            raise InputError(
                f"{path} line {line} has a position or radius that is no number; correct the line."
            )
        seen.add(node)

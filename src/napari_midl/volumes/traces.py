"""Traces: fibres as rows of points, with how unsure each point is; as tables and as SWC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.swc import in_pixels, is_swc, read_swc, write_swc
from napari_midl.volumes.swc_frame import counts_in_world, from_swc, swc_frame, swc_size
from napari_midl.volumes.swc_paths import from_nodes, to_nodes
from napari_midl.volumes.tables import numbers, read_table, write_table
from napari_midl.volumes.trace import Link, Trace
from napari_midl.volumes.trace_table import DECIDED, TREE, check_names, from_table, to_table
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.space import Space

__all__ = [
    "Link",
    "Seed",
    "Trace",
    "check_ending",
    "check_inside",
    "is_inside",
    "measurements",
    "read_seeds",
    "read_traces",
    "resample",
    "swc_unit",
    "write_traces",
]

MICROMETRES = "micrometres"
# Enough for what was read from an SWC file to be written to it as it was.
DIGITS = 12
SEED_COLUMNS = ("path", "y", "x")
DIRECTION = ("dz", "dy", "dx")


@dataclass(frozen=True)
class Seed:
    """Where a fibre is to be followed from.

    Parameters
    ----------
    path : str
        Name of the fibre.
    position : tuple of float
        ``(z, y, x)`` in voxels; z is 0 in 2D.
    direction : tuple of float, optional
        Way to follow, ``(z, y, x)`` in voxels of any length; both ways where not given.
    """

    path: str
    position: tuple[float, float, float]
    direction: tuple[float, float, float] | None = None


def read_seeds(path: Path) -> list[Seed]:
    """Read SEEDS.csv: ``path,y,x[,z][,dy,dx[,dz]]`` in voxels.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or a number, or holds no seed.
    """
    table = read_table(path, SEED_COLUMNS, ("z", *DIRECTION))
    check_names(path, table)
    repeated = table["path"].duplicated()
    if repeated.any():
        line = table.index[repeated][0]
        raise InputError(
            f"{path} line {line} repeats the path {table['path'][line]}; "
            "give each seed its own name."
        )
    positions = numbers(path, table, [c for c in "zyx" if c in table])
    places = positions.reindex(columns=list("zyx"), fill_value=0.0)
    given = [c for c in DIRECTION if c in table]
    lost = [c for c in ("dy", "dx") if given and c not in given]
    if lost:
        raise InputError(
            f"{path} has the column {given[0]} and no {lost[0]}; write a direction as dy,dx[,dz], "
            "or leave it out."
        )
    # An empty direction means both ways.
    ways = numbers(path, table.dropna(subset=given, how="all"), given)
    ways = ways.reindex(index=table.index, columns=list(DIRECTION), fill_value=0.0)
    return [
        Seed(name, (z, y, x), (dz, dy, dx) if any((dz, dy, dx)) else None)
        for name, (z, y, x), (dz, dy, dx) in zip(
            table["path"], places.to_numpy().tolist(), ways.to_numpy().tolist(), strict=True
        )
    ]


def measurements(
    traces: Sequence[Trace], voxel_size: Sequence[float], unit: str | None
) -> pd.DataFrame:
    """A row a trace: its state if known, length, tortuosity, uncertainty, why it ended."""
    table = pd.DataFrame(
        {
            "path": [t.path for t in traces],
            f"length ({symbol(unit)})": [t.length(voxel_size) for t in traces],
            "tortuosity": [t.tortuosity(voxel_size) for t in traces],
            "mean uncertainty": [t.mean_uncertainty for t in traces],
            "highest uncertainty": [t.highest_uncertainty for t in traces],
            "ended": [t.why for t in traces],
        }
    )
    if any(t.state for t in traces):
        table.insert(1, "state", [t.state for t in traces])
    return table


def swc_unit(space: Space) -> str:
    """What the lengths of an SWC file of an image are called: micrometres where they are known."""
    return MICROMETRES if space.known else "voxels"


def write_traces(
    path: Path, traces: Sequence[Trace], space: Space, about: Sequence[str] = ()
) -> None:
    """Write traces as ``.csv`` in voxels, or as ``.swc`` in the world with that table beside it.

    Parameters
    ----------
    path : Path
        ``NAME.csv`` or ``NAME.swc``; SWC cannot hold the uncertainty, so it goes to ``NAME.csv``.
    traces : sequence of Trace
        What to write.
    space : Space
        That of their image. Its place counts: x, y and z of the SWC are micrometres of the world.
    about : sequence of str
        Further lines of the header of the SWC.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    check_ending(path)
    if path.suffix == ".swc":
        write_swc(path, to_nodes(traces, space), swc_unit(space), swc_frame(space), about)
    write_table(to_table(traces), path.with_suffix(".csv"), DIGITS)


def read_traces(path: Path, space: Space, shape: Sequence[int] | None = None) -> list[Trace]:
    """Read traces from ``.csv`` or ``.swc``, the latter cut into unbranched paths of its trees.

    Parameters
    ----------
    path : Path
        TRACES.csv with ``path,index,z,y,x[,uncertainty]`` and what else `to_table` makes, in
        voxels; or SWC in micrometres, or in voxels where it says so or their size is not known.
        SWC tells no uncertainty, and neither does a cell of the table that is empty.
    space : Space
        That of the image.
    shape : sequence of int, optional
        Shape ``(z, y, x)`` of the image. An SWC that does not say from where it counts is taken
        to count in the world where it then lies in the image, else from the first voxel.

    Raises
    ------
    InputError
        If the file cannot be read or does not fit its format.
    """
    if is_swc(path):
        nodes = read_swc(path)
        points = nodes[["x", "y", "z"]].to_numpy(float)
        if space.known and in_pixels(path):
            return from_nodes(nodes, points[:, ::-1], 1.0)
        where = from_swc(points, space)
        if shape is not None and space.origin is not None and not counts_in_world(path):
            own = from_swc(points, space.without_place())
            if not is_inside(where, shape) and is_inside(own, shape):
                where = own
        return from_nodes(nodes, where, swc_size(space)[-1])
    check_ending(path)
    return from_table(path, read_table(path, SEED_COLUMNS, ("z", "uncertainty", *TREE, *DECIDED)))


def resample(points: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Points ``(n, d)`` of a polyline at equal distances along it, both ends kept."""
    points = np.asarray(points, float)
    if len(points) < 2:
        return points
    lengths = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    wanted = np.linspace(0, lengths[-1], max(2, round(lengths[-1] / spacing) + 1))
    return np.stack([np.interp(wanted, lengths, column) for column in points.T], 1)


def check_inside(traces: Sequence[Trace], shape: Sequence[int], image: str) -> None:
    """Refuse traces that leave the image of this shape ``(z, y, x)`` and name."""
    for trace in traces:
        if not is_inside(trace.points, shape):
            raise InputError(
                f"The trace {trace.path} leaves {image} of {' x '.join(map(str, shape))} voxels "
                "(z y x); give the traces of this image, or correct its voxel size."
            )


def is_inside(points: NDArray[np.float64], shape: Sequence[int]) -> bool:
    """Whether all points ``(n, 3)`` in voxels lie in an image of this shape ``(z, y, x)``."""
    return bool(((points >= -0.5) & (points <= np.asarray(shape) - 0.5)).all())


def check_ending(path: Path) -> None:
    """Refuse what is neither ``.csv`` nor ``.swc``."""
    if path.suffix not in (".csv", ".swc"):
        raise InputError(f"{path} should end in .csv or .swc; rename it.")

"""Traces: fibres as rows of points, with how unsure each point is; as tables and as SWC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.volumes.swc import ROOT, in_pixels, is_swc, read_swc, write_swc
from napari_midl.volumes.swc_frame import counts_in_world, from_swc, swc_frame, swc_size, to_swc
from napari_midl.volumes.tables import numbers, read_table, write_table
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.volumes.space import Space

AXON = 2
MICROMETRES = "micrometres"
SEED_COLUMNS = ("path", "y", "x")
DIRECTION = ("dz", "dy", "dx")
COLUMNS = ("path", "index", "z", "y", "x", "uncertainty")
DECIDED = ("state", "placed_by", "why")
_NUMBERS = ["z", "y", "x", "uncertainty"]


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


@dataclass(frozen=True)
class Trace:
    """One fibre.

    Parameters
    ----------
    path : str
        Its name.
    points : ndarray, shape (n, 3)
        ``(z, y, x)`` in voxels, in order along the fibre.
    uncertainty : ndarray, shape (n,)
        How probable it is, at each point, to be off the fibre, from 0 to 1.
    placed_by : {"tracker", "person"}
        Who made it.
    why : str
        Why it ended where it did.
    state : str
        What a person decided: ``accepted`` or ``proposed``; empty where nobody was asked.
    """

    path: str
    points: NDArray[np.float64]
    uncertainty: NDArray[np.float64]
    placed_by: Literal["tracker", "person"] = "tracker"
    why: str = ""
    state: str = ""

    def length(self, voxel_size: Sequence[float]) -> float:
        """Length along the trace, in the units of `voxel_size`."""
        steps = np.diff(self.points * np.asarray(voxel_size), axis=0)
        return float(np.linalg.norm(steps, axis=1).sum())

    def tortuosity(self, voxel_size: Sequence[float]) -> float:
        """Length over the straight distance of the ends; infinite for a closed trace."""
        ends = (self.points[-1] - self.points[0]) * np.asarray(voxel_size)
        straight = float(np.linalg.norm(ends))
        return self.length(voxel_size) / straight if straight else float("inf")


def read_seeds(path: Path) -> list[Seed]:
    """Read SEEDS.csv: ``path,y,x[,z][,dy,dx[,dz]]`` in voxels.

    Raises
    ------
    InputError
        If the file cannot be read, lacks a column or a number, or holds no seed.
    """
    table = read_table(path, SEED_COLUMNS, ("z", *DIRECTION))
    _check_names(path, table)
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
            "mean uncertainty": [float(np.mean(t.uncertainty)) for t in traces],
            "highest uncertainty": [float(np.max(t.uncertainty)) for t in traces],
            "ended": [t.why for t in traces],
        }
    )
    if any(t.state for t in traces):
        table.insert(1, "state", [t.state for t in traces])
    return table


def swc_unit(space: Space) -> str:
    """What the lengths of an SWC file of an image are called: micrometres where they are known."""
    return MICROMETRES if space.known else "voxels"


def write_traces(path: Path, traces: Sequence[Trace], space: Space) -> None:
    """Write traces as ``.csv`` in voxels, or as ``.swc`` in the world with that table beside it.

    Parameters
    ----------
    path : Path
        ``NAME.csv`` or ``NAME.swc``; SWC cannot hold the uncertainty, so it goes to ``NAME.csv``.
    traces : sequence of Trace
        What to write.
    space : Space
        That of their image. Its place counts: x, y and z of the SWC are micrometres of the world.

    Raises
    ------
    InputError
        If the ending is another one, or the file cannot be written.
    """
    check_ending(path)
    table = _table(traces)
    if path.suffix == ".swc":
        x, y, z = to_swc(table[["z", "y", "x"]].to_numpy(float), space).T
        first = table["index"].to_numpy() == 0
        number = np.arange(1, len(table) + 1)
        nodes = {"id": number, "type": AXON, "x": x, "y": y, "z": z}
        nodes |= {"radius": swc_size(space)[-1], "parent": np.where(first, ROOT, number - 1)}
        write_swc(path, pd.DataFrame(nodes), swc_unit(space), swc_frame(space))
    write_table(table, path.with_suffix(".csv"))


def read_traces(path: Path, space: Space, shape: Sequence[int] | None = None) -> list[Trace]:
    """Read traces from ``.csv`` or ``.swc``, the latter cut into unbranched paths.

    Parameters
    ----------
    path : Path
        TRACES.csv with ``path,index,z,y,x[,uncertainty]`` and what else `write_traces` writes, in
        voxels; or SWC in micrometres, or in voxels where it says so or their size is not known.
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
            return _from_swc(nodes, points[:, ::-1])
        where = from_swc(points, space)
        if shape is not None and space.origin is not None and not counts_in_world(path):
            own = from_swc(points, space.without_place())
            if not is_inside(where, shape) and is_inside(own, shape):
                where = own
        return _from_swc(nodes, where)
    check_ending(path)
    table = read_table(path, SEED_COLUMNS, ("z", "uncertainty", *DECIDED))
    _check_names(path, table)
    known = [c for c in _NUMBERS if c in table]
    values = numbers(path, table, known).reindex(columns=_NUMBERS, fill_value=0.0)
    texts = table.reindex(columns=["path", *DECIDED], fill_value="").fillna("")
    return [
        Trace(
            str(name),
            values.loc[rows.index, ["z", "y", "x"]].to_numpy(),
            values.loc[rows.index, "uncertainty"].to_numpy(),
            "person" if rows["placed_by"].iloc[0] == "person" else "tracker",
            rows["why"].iloc[0],
            rows["state"].iloc[0],
        )
        for name, rows in texts.groupby("path", sort=False)
        if len(rows) > 1
    ]


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


def _table(traces: Sequence[Trace]) -> pd.DataFrame:
    """A row a point; what a person decided about the traces comes last, if anything."""
    rows = [
        (trace.path, i, *point, unsure, trace.state, trace.placed_by, trace.why)
        for trace in traces
        for i, (point, unsure) in enumerate(zip(trace.points, trace.uncertainty, strict=True))
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *DECIDED])
    return table if any(trace.state for trace in traces) else table[list(COLUMNS)]


def _from_swc(nodes: pd.DataFrame, where: NDArray[np.float64]) -> list[Trace]:
    """Paths from each root or branch point to the next branch point or tip."""
    children: dict[int, list[int]] = {}
    for node, parent in zip(nodes["id"], nodes["parent"], strict=True):
        children.setdefault(int(parent), []).append(int(node))
    places = {int(i): row for i, row in zip(nodes["id"], where, strict=True)}
    traces: list[Trace] = []
    begin = [(ROOT, child) for child in children.get(ROOT, [])]
    while begin:
        parent, node = begin.pop(0)
        chain = [node] if parent == ROOT else [parent, node]
        while len(children.get(chain[-1], [])) == 1:
            chain.append(children[chain[-1]][0])
        begin += [(chain[-1], child) for child in children.get(chain[-1], [])]
        if len(chain) > 1:
            points = np.array([places[i] for i in chain])
            traces.append(Trace(str(len(traces) + 1), points, np.zeros(len(chain)), "person"))
    return traces


def _check_names(path: Path, table: pd.DataFrame) -> None:
    nameless = table.index[table["path"].isna()]
    if len(nameless):
        raise InputError(f"{path} line {nameless[0]} has no path; write a name or number.")

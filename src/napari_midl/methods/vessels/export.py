"""What was measured of vessels as a table or as centre lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.methods.vessels import report
from napari_midl.volumes.swc import write_swc
from napari_midl.volumes.swc_frame import swc_frame, swc_size, to_swc
from napari_midl.volumes.tables import write_table
from napari_midl.volumes.traces import swc_unit
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from napari_midl.methods.vessels.analyse import VesselGraph
    from napari_midl.methods.vessels.provenance import Provenance

_LENGTHS = ("length", "straight_length", "mean_radius", "min_radius", "max_radius")


def with_units(graph: VesselGraph) -> pd.DataFrame:
    """The table of branches, its columns named with their units, such as ``length (µm)``."""
    unit = symbol(graph.unit)
    names = {name: f"{name.replace('_', ' ')} ({unit})" for name in _LENGTHS}
    return graph.branches.rename(columns={**names, "volume": f"volume ({unit}³)"})


def write_graph(graph: VesselGraph, path: Path, said: Provenance, summary: bool = False) -> None:
    """Write the table of branches or the summary (CSV), or the centre lines (SWC).

    Each says of which mask it is: a table in further columns, an SWC in its header. The centre
    lines are in micrometres of the world, or in voxels where their size is not known.

    Parameters
    ----------
    graph : VesselGraph
        What was measured.
    path : Path
        A ``.csv`` or ``.swc`` file.
    said : Provenance
        What the mask is.
    summary : bool
        Write the summary, and not the branches, as table.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    if path.suffix == ".csv":
        table = report.with_units(graph.summary, graph.unit) if summary else with_units(graph)
        write_table(table.assign(**said.columns()), path)
        return
    unit, frame = swc_unit(graph.space), swc_frame(graph.space)
    write_swc(path, in_world(graph), unit, frame, said.lines())


def in_world(graph: VesselGraph) -> pd.DataFrame:
    """The nodes as they go into an SWC file."""
    nodes, size = graph.nodes.copy(), graph.space.voxel_size
    nodes[["x", "y", "z"]] = to_swc(nodes[["z", "y", "x"]].to_numpy(float) / size, graph.space)
    nodes["radius"] *= swc_size(graph.space)[-1] / size[-1]
    return nodes

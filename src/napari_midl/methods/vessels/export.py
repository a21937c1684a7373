"""What was measured of vessels as a table or as centre lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.volumes.swc import write_swc
from napari_midl.volumes.tables import write_table

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from napari_midl.methods.vessels.analyse import VesselGraph

_LENGTHS = ("length", "straight_length", "mean_radius", "min_radius", "max_radius")


def with_units(graph: VesselGraph, unit: str) -> pd.DataFrame:
    """The table of branches, its columns named with their units."""
    names = {name: f"{name.replace('_', ' ')} ({unit})" for name in _LENGTHS}
    return graph.branches.rename(columns={**names, "volume": f"volume ({unit}³)"})


def write_graph(graph: VesselGraph, path: Path) -> None:
    """Write the table of branches (CSV), or the centre lines in micrometres (SWC).

    Where the unit is no length, the centre lines are written in it as they are.

    Parameters
    ----------
    graph : VesselGraph
        What was measured.
    path : Path
        A ``.csv`` or ``.swc`` file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    if path.suffix == ".csv":
        write_table(with_units(graph, graph.unit), path)
        return
    nodes, unit = in_micrometres(graph)
    write_swc(path, nodes, unit)


def in_micrometres(graph: VesselGraph) -> tuple[pd.DataFrame, str]:
    """The nodes in micrometres, or as they are where their unit is no length; and the unit."""
    import pint

    nodes, unit = graph.nodes.copy(), graph.unit
    try:
        factor = float(pint.get_application_registry().Quantity(1, unit).m_as("micrometer"))
    except pint.PintError:
        return nodes, f"{unit}s"
    nodes[["x", "y", "z", "radius"]] *= factor
    return nodes, "micrometres"

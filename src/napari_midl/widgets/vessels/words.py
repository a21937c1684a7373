"""What the vessels dock says about results. No Qt: it is tested without a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pint

if TYPE_CHECKING:
    import pandas as pd

    from napari_midl.methods.vessels.analyse import VesselGraph

_LENGTHS = ("length", "straight_length", "mean_radius", "min_radius", "max_radius")
_SHOWN = 0.005  # what differs less reads the same


def gain(steps: int, before: dict[str, float], after: dict[str, float]) -> str:
    """Scores on the held-out blocks before and after a training, as rich text."""
    if not before or not after:
        return (
            f"{steps} steps. Too little is painted to keep some of it for a test before and after; "
            "paint one or two more patches."
        )
    rows = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td><td>{before[name]:.2f}</td><td>&nbsp;→&nbsp;</td>"
        f"<td><b>{after[name]:.2f}</b></td></tr>"
        for name in ("dice", "precision", "recall")
    )
    gained = after["dice"] - before["dice"]
    verdict = (
        "no better; paint more"
        if abs(gained) < _SHOWN
        else "better"
        if gained > 0
        else "worse; Roll back"
    )
    return f"Held-out blocks, before → after {steps} steps: {verdict}.<table>{rows}</table>"


def summary(graph: VesselGraph, unit: str, complete: bool) -> str:
    """The branches in a sentence."""
    branches = graph.branches
    said = (
        f"{len(branches):,} branches, {branches['length'].sum():,.0f} {unit} in all, "
        f"median radius {branches['mean_radius'].median():.3g} {unit}. "
        "The 3D view shows all centre lines."
    )
    if complete:
        return said
    return f"<b>Incomplete: the prediction was stopped before its end.</b> {said}"


def with_units(graph: VesselGraph, unit: str) -> pd.DataFrame:
    """The table of branches, its columns named with their units."""
    names = {name: f"{name.replace('_', ' ')} ({unit})" for name in _LENGTHS}
    return graph.branches.rename(columns={**names, "volume": f"volume ({unit}³)"})


def in_micrometres(graph: VesselGraph) -> tuple[pd.DataFrame, str]:
    """The nodes in micrometres, or as they are where their unit is no length; and the unit."""
    nodes, unit = graph.nodes.copy(), graph.unit
    try:
        factor = float(pint.get_application_registry().Quantity(1, unit).m_as("micrometer"))
    except pint.PintError:
        return nodes, f"{unit}s"
    nodes[["x", "y", "z", "radius"]] *= factor
    return nodes, "micrometres"

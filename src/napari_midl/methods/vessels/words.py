"""What the vessels dock says about results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_midl.methods.vessels.analyse import VesselGraph

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


def summary(graph: VesselGraph, unit: str) -> str:
    """The branches in a sentence."""
    branches = graph.branches
    return (
        f"{len(branches):,} branches, {branches['length'].sum():,.0f} {unit} in all, "
        f"median radius {branches['mean_radius'].median():.3g} {unit}. "
        "The 3D view shows all centre lines."
    )

"""What the vessels dock says about results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.gain import gain_in_words
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from napari_midl.methods.vessels.analyse import VesselGraph

_SHOWN = 0.005  # what differs less reads the same


def gain(steps: int, before: dict[str, float], after: dict[str, float]) -> str:
    """Scores on the validation blocks before and after a training, as rich text.

    The blocks chose the best look at the training, so that the score after flatters a little.
    """
    if not before or not after:
        return (
            f"{steps} steps. Too little is painted to keep some of it for a test before and after; "
            "paint one or two more patches."
        )
    rows = [
        (name, f"{before[name]:.2f}", f"{after[name]:.2f}")
        for name in ("dice", "precision", "recall")
    ]
    gained = after["dice"] - before["dice"]
    better = 0 if abs(gained) < _SHOWN else gained
    return gain_in_words(
        "Validation blocks (they chose the best look)", steps, rows, better, "; paint more"
    )


def summary(graph: VesselGraph) -> str:
    """The branches in a sentence."""
    branches, unit = graph.branches, graph.unit
    return (
        f"{len(branches):,} branches, {length_in_words(branches['length'].sum(), unit)} in all, "
        f"median radius {length_in_words(branches['mean_radius'].median(), unit)}. "
        "The 3D view shows all centre lines."
    )

"""What the vessels dock says about results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_midl.methods.vessels.analyse import VesselGraph


def gain(results: Mapping[str, Any]) -> str:
    """What a fine-tuning came to, as rich text."""
    scores = {"dice": "Dice", "precision": "precision", "recall": "recall"}
    shown = {key: (name, "{:.2f}") for key, name in scores.items()}
    return gain_in_words(results, shown, more="paint more, so that some can be held out")


def summary(graph: VesselGraph) -> str:
    """The branches in a sentence."""
    branches, unit = graph.branches, graph.unit
    return (
        f"{len(branches):,} branches, {length_in_words(branches['length'].sum(), unit)} in all, "
        f"median radius {length_in_words(branches['mean_radius'].median(), unit)}. "
        "The 3D view shows all centre lines."
    )

"""What the vessels dock says about results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_midl.engine.gain import gain_in_words
from napari_midl.volumes.units import length_in_words, length_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from napari_midl.methods.vessels.analyse import VesselGraph


def gain(results: Mapping[str, Any]) -> str:
    """What a fine-tuning came to, as rich text."""
    scores = {"dice": "Dice", "precision": "precision", "recall": "recall"}
    shown = {key: (name, "{:.2f}") for key, name in scores.items()}
    return gain_in_words(results, shown, more="paint more, so that some can be held out")


def numbers(graph: VesselGraph, row: int = 0) -> dict[str, str]:
    """A row of the summary, in the words and digits that a person reports.

    Parameters
    ----------
    graph : VesselGraph
        With its summary.
    row : int
        0 for the whole, then the regions.
    """
    one: pd.Series[Any] = graph.summary.iloc[row]
    large = "mm" if length_unit(graph.unit) else "voxel"

    def length(name: str) -> str:
        return length_in_words(one[name], graph.unit)

    def digits(name: str, unit: str = "") -> str:
        value = one[name]
        if not math.isfinite(value):
            return "not known"
        return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.4g} {unit}".strip()

    return {
        "volume fraction": f"{one['volume_fraction']:.2%}",
        "total length": length("length"),
        "length density": digits("length_density", f"{large}/{large}³"),
        "segments": f"{one['segments']:,}",
        "branch points": f"{one['branch_points']:,}",
        "branch points per volume": digits("branch_point_density", f"/{large}³"),
        "mean radius": length("mean_radius"),
        "median radius": length("median_radius"),
        "mean tortuosity": digits("tortuosity"),
        "surface density": digits("surface_density", f"{large}²/{large}³"),
    }

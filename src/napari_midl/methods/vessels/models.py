"""Which model a name means: shipped, untrained, or a file."""

from __future__ import annotations

from pathlib import Path

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.models import Model, load_model, shipped_weights
from napari_midl.methods.vessels.network import build_network

TOOL = "vessels"


def named_model(name: str | Path, seed: int = 0) -> Model:
    """The model for ``base`` (shipped), ``scratch`` (untrained) or the path of a file.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another tool.
    """
    if str(name) == "base":
        return load_model(shipped_weights("vessels-base"), TOOL, build_network)
    if str(name) == "scratch":
        return scratch(seed=seed)
    return load_model(Path(name), TOOL, build_network)


def scratch(preset: str = "compact", seed: int = 0) -> Model:
    """An untrained model of a preset."""
    card = {"tool": TOOL, "architecture": preset, "name": f"{preset} from scratch", "steps": 0}
    with WeightsFrom(seed):
        return Model(build_network(preset).eval(), card)

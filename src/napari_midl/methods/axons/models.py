"""Which model a name means: shipped, untrained, or a file."""

from __future__ import annotations

from pathlib import Path

from napari_midl.engine.cards import Fields, is_number
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.models import Model, load_model, shipped_weights
from napari_midl.methods.axons.network import build_actor

TOOL = "axons"
_FIELDS: Fields = {
    "calibration": (
        "two numbers",
        lambda v: isinstance(v, list) and len(v) == 2 and all(map(is_number, v)),
    )
}


def named_model(name: str | Path) -> Model:
    """The model for ``base`` (shipped) or the path of a file.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another tool.
    """
    path = shipped_weights("axons-base") if str(name) == "base" else Path(name)
    return load_model(path, TOOL, build_actor, _FIELDS)


def scratch(preset: str = "compact", seed: int = 0) -> Model:
    """An untrained model of a preset."""
    card = {"tool": TOOL, "architecture": preset, "name": f"{preset} from scratch", "steps": 0}
    with WeightsFrom(seed):
        return Model(build_actor(preset).eval(), card)

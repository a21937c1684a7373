"""Which model a name means: shipped, or a file."""

from __future__ import annotations

from pathlib import Path

from napari_midl.engine.models import Model, load_model, shipped_weights
from napari_midl.methods.anatomy.network import build

TOOL = "anatomy"


def named_model(name: str | Path) -> Model:
    """The model for ``base`` (the shipped mandible) or the path of a file.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another tool.
    """
    path = shipped_weights("anatomy-base") if str(name) == "base" else Path(name)
    return load_model(path, TOOL, build)

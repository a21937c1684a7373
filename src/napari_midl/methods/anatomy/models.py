"""Which model a name means: shipped, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_midl.engine.cards import Fields, is_number
from napari_midl.engine.models import Model, load_model, shipped_weights
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.network import Generator, build
from napari_midl.methods.anatomy.template import Template

TOOL = "anatomy"


def named_model(name: str | Path) -> Model:
    """The model for ``base`` (the shipped mandible) or the path of a file.

    Raises
    ------
    InputError
        If the file is missing, damaged or of another tool.
    """
    path = shipped_weights("anatomy-base") if str(name) == "base" else Path(name)
    model = load_model(path, TOOL, build, _FIELDS, needed=("template",))
    generator = model.network
    assert isinstance(generator, Generator)
    landmarks, vertices = (
        len(generator.get_buffer(name)) for name in ("mean_landmarks", "mean_surface")
    )
    named = len(model.card["template"]["landmarks"])
    if landmarks != named:
        raise InputError(
            f"{path} has {landmarks} landmarks, but its card names {named}; train it anew."
        )
    if not bool(((generator.faces >= 0) & (generator.faces < vertices)).all()):
        raise InputError(f"{path} has triangles between vertices that it lacks; train it anew.")
    return model


def _is_template(value: Any) -> bool:
    try:
        Template.from_dict(value)
    except ValueError:
        return False
    return True


_FIELDS: Fields = {
    "template": ("a template with its landmarks", _is_template),
    "spread_ratio": ("a number", is_number),
}

"""The generators: the shipped mandible, or files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.cards import is_number
from napari_midl.engine.models import Model, ModelFamily
from napari_midl.errors import InputError
from napari_midl.methods.anatomy.network import Generator, build
from napari_midl.methods.anatomy.template import Template

if TYPE_CHECKING:
    from pathlib import Path

TOOL = "anatomy"


def named_model(name: str | Path) -> Model:
    """The model for ``base`` or the path of a file, whose parts fit each other.

    Raises
    ------
    InputError
        As `ModelFamily.load`, and if they do not fit.
    """
    model, path = _FAMILY.load(name), _FAMILY.path(name)
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


def usual_size(template: Template) -> float | None:
    """How large the shipped shape of a template is along its longest axis, mm; None if none is."""
    model = named_model("base")
    if Template.from_dict(model.card["template"]) != template:
        return None
    assert isinstance(model.network, Generator)
    surface = model.network.get_buffer("mean_surface")
    return float((surface.amax(0) - surface.amin(0)).max())


def _is_template(value: Any) -> bool:
    try:
        Template.from_dict(value)
    except ValueError:
        return False
    return True


_FAMILY = ModelFamily(
    TOOL,
    build,
    {"base": "anatomy-base"},
    fields={
        "template": ("a template with its landmarks", _is_template),
        "spread_ratio": ("a number", is_number),
    },
    needed=("template",),
)

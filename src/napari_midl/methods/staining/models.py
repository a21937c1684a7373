"""The despecklers and the generators of stains: shipped, untrained, or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.models import Model, ModelFamily, read_card
from napari_midl.errors import InputError
from napari_midl.methods.staining.despeckler import build_despeckler
from napari_midl.methods.staining.generators import build_translator
from napari_midl.methods.staining.stains import Stains

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn


def named_despeckler(name: str | Path) -> Model:
    """The despeckler for ``base`` (shipped), or the path of a file.

    ``base`` serves fine and coarse grain; ``correlated``, which once was a second one, is the same.

    Raises
    ------
    InputError
        If the file is missing, damaged or no despeckler.
    """
    return _load(_DESPECKLERS, name, "despeckler")


def named_translator(name: str | Path, method: str) -> Model:
    """The generator for ``base`` (shipped) or the path of a file.

    Parameters
    ----------
    name : str or Path
        ``base``, or a file.
    method : {"density", "cyclegan"}
        What it is to do; a file made for the other is refused.

    Raises
    ------
    InputError
        If the file is missing, damaged, no generator, or does the other method.
    """
    model = _load(_TRANSLATORS[method], name, "stain")
    if (model.card["architecture"] == "density") != (method == "density"):
        raise InputError(
            f"{name} holds the generator {model.card['architecture']!r}, which is none of the "
            f"method {method}; choose the method or the model to fit."
        )
    return model


def stains_in(model: Model | None) -> Stains:
    """The stain colours that a model was trained with, or the usual ones."""
    card = {} if model is None else model.card
    return Stains.from_dict(card["stains"]) if "stains" in card else Stains()


def _load(family: ModelFamily, name: str | Path, kind: str) -> Model:
    """Read a model, and say so if it is of the other kind: both are models of this tool."""
    path = family.path(name)
    card = read_card(path)
    trained_with = card.get("settings", {}) if card["tool"] == family.tool else {}
    for other, setting in _KINDS.items():
        if other != kind and setting in trained_with:
            raise InputError(f"{path} is a {other}, no {kind}; choose a {kind}, or leave it out.")
    return family.load(name)


def _are_stains(value: object) -> bool:
    try:
        Stains.from_dict(value)
    except ValueError:
        return False
    return True


def _family(build: Callable[[str], nn.Module], **shipped: str) -> ModelFamily:
    fields = {"stains": ("the colours of two stains", _are_stains)}
    return ModelFamily("staining", build, shipped, fields)


_DESPECKLERS = _family(
    build_despeckler, base="staining-despeckler", correlated="staining-despeckler"
)
_TRANSLATORS = {
    "density": _family(build_translator, base="staining-density"),
    "cyclegan": _family(build_translator, base="staining-cyclegan"),
}
# The setting of its training by which a card tells the one from the other.
_KINDS = {"despeckler": "preset", "stain": "generator"}
scratch_despeckler = _DESPECKLERS.scratch
scratch_translator = _TRANSLATORS["density"].scratch

"""Which model a name means: shipped, untrained, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.models import Model, load_model, read_card, shipped_weights
from napari_midl.errors import InputError
from napari_midl.methods.staining.despeckler import build_despeckler
from napari_midl.methods.staining.generators import build_translator
from napari_midl.methods.staining.stains import Stains

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from napari_midl.engine.cards import Fields

TOOL = "staining"
DESPECKLERS = {"base": "staining-despeckler", "correlated": "staining-despeckler-correlated"}
SHIPPED = {"density": "staining-density", "cyclegan": "staining-cyclegan"}
# The setting of its training by which a card tells the one from the other.
_KINDS = {"despeckler": "preset", "stain": "generator"}


def named_despeckler(name: str | Path) -> Model:
    """The despeckler for ``base`` or ``correlated`` (shipped), or the path of a file.

    ``base`` knows speckle that is independent from pixel to pixel, ``correlated`` speckle whose
    grain is wider than a pixel.

    Raises
    ------
    InputError
        If the file is missing, damaged or no despeckler.
    """
    shipped = DESPECKLERS.get(str(name))
    path = shipped_weights(shipped) if shipped else Path(name)
    return _load(path, "despeckler", build_despeckler)


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
    path = shipped_weights(SHIPPED[method]) if str(name) == "base" else Path(name)
    model = _load(path, "stain", build_translator)
    if (model.card["architecture"] == "density") != (method == "density"):
        raise InputError(
            f"{path} holds the generator {model.card['architecture']!r}, which is none of the "
            f"method {method}; choose the method or the model to fit."
        )
    return model


def stains_in(model: Model | None) -> Stains:
    """The stain colours that a model was trained with, or the usual ones."""
    card = {} if model is None else model.card
    return Stains.from_dict(card["stains"]) if "stains" in card else Stains()


def scratch_despeckler(preset: str = "compact", seed: int = 0) -> Model:
    """An untrained despeckler of a preset."""
    with WeightsFrom(seed):
        return Model(build_despeckler(preset).eval(), _card(preset))


def scratch_translator(preset: str = "density", seed: int = 0) -> Model:
    """An untrained generator of a preset."""
    with WeightsFrom(seed):
        return Model(build_translator(preset).eval(), _card(preset))


def _load(path: Path, kind: str, build: Callable[[str], nn.Module]) -> Model:
    """Read a model, and say so if it is of the other kind: both are models of this tool."""
    card = read_card(path)
    trained_with = card.get("settings", {}) if card["tool"] == TOOL else {}
    for other, setting in _KINDS.items():
        if other != kind and setting in trained_with:
            raise InputError(f"{path} is a {other}, no {kind}; choose a {kind}, or leave it out.")
    return load_model(path, TOOL, build, _FIELDS)


def _are_stains(value: object) -> bool:
    try:
        Stains.from_dict(value)
    except ValueError:
        return False
    return True


_FIELDS: Fields = {"stains": ("the colours of two stains", _are_stains)}


def _card(preset: str) -> dict[str, object]:
    name = f"{preset} from scratch"
    return {"tool": TOOL, "architecture": preset, "name": name, "steps": 0}

"""Which model a name means: shipped, untrained, or a file."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_midl.engine.models import Model, load_model, shipped_weights
from napari_midl.errors import InputError
from napari_midl.methods.staining.despeckler import build_despeckler
from napari_midl.methods.staining.generators import build_translator
from napari_midl.methods.staining.stains import Stains

TOOL = "staining"
DESPECKLERS = {"base": "staining-despeckler", "correlated": "staining-despeckler-correlated"}
SHIPPED = {"density": "staining-density", "cyclegan": "staining-cyclegan"}


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
    return load_model(path, TOOL, build_despeckler)


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
    model = load_model(path, TOOL, build_translator)
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
    torch.manual_seed(seed)
    return Model(build_despeckler(preset).eval(), _card(preset))


def scratch_translator(preset: str = "density", seed: int = 0) -> Model:
    """An untrained generator of a preset."""
    torch.manual_seed(seed)
    return Model(build_translator(preset).eval(), _card(preset))


def _card(preset: str) -> dict[str, object]:
    name = f"{preset} from scratch"
    return {"tool": TOOL, "architecture": preset, "name": name, "steps": 0}

"""The segmentation models: shipped, untrained, or files; and one that becomes another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.cards import is_count
from napari_midl.engine.models import Model, ModelFamily
from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes

if TYPE_CHECKING:
    from torch import nn

SCRATCH = "scratch"


def _build(name: str) -> nn.Module:
    # torch takes seconds to import, and a dock only asks where the shipped files lie.
    from napari_midl.methods.segment.network import build

    return build(name)


def _are_classes(value: Any) -> bool:
    try:
        Classes.from_dict(value)
    except (InputError, TypeError):
        return False
    return True


_FIELDS = {
    "classes": ("the names and colours of classes", _are_classes),
    "channels": ("a whole number from 0", is_count),
}
_FAMILY = ModelFamily(
    "segment", _build, {"trees": "segment-trees"}, _FIELDS, ("classes", "channels")
)
named_model, path_of = _FAMILY.load, _FAMILY.path


def classes_of(model: Model) -> Classes:
    """The classes that a model tells apart."""
    return Classes.from_dict(model.card["classes"])


def scratch(name: str, classes: Classes, channels: int, seed: int = 0) -> Model:
    """An untrained model of a network's name."""
    model = _FAMILY.scratch(name, seed)
    model.card |= {"classes": classes.to_dict(), "channels": channels}
    return model


def check_fits(model: Model, called: str, channels: int, classes: Classes | None = None) -> None:
    """Refuse a model that looks at other channels or tells other classes apart.

    Raises
    ------
    InputError
        If so, with what it takes.
    """
    takes = model.card["channels"]
    if takes != channels:
        raise InputError(
            f"{called} looks at {takes} channel(s) and is given {channels}; name so many with "
            "--channels, or tick or untick 'all channels together' in the dock."
        )
    own = classes_of(model).names
    if classes is not None and own != classes.names:
        raise InputError(
            f"{called} tells {', '.join(own)} apart, not {', '.join(classes.names)}; give it those "
            "classes, or pass --new-head so that its last layer learns the others."
        )


def grown(
    start: Model, name: str, classes: Classes, seed: int, second: tuple[str, ...] = ()
) -> Model:
    """A model of another name or of other classes, with all weights of a start that fit.

    Both decoders of a MO-Net take those of a start that has one. A head is kept where it tells the
    same classes apart, and begins anew otherwise.

    Parameters
    ----------
    start : Model
        Where the weights come from.
    name : str
        Of the network.
    classes : Classes
        What it is to tell apart.
    seed : int
        Of the weights that begin anew.
    second : tuple of str
        What a second decoder tells from the rest.
    """
    model = scratch(name, classes, start.card["channels"], seed)
    own, names = model.network.state_dict(), classes_of(start).names
    weights = start.network.state_dict()
    heads = {k: k if names == classes.names else "" for k in weights if k.startswith("head.")}
    if names[1:] == second:
        heads = {k: f"second_{k}" for k in heads}
    for key, value in weights.items():
        for to in (heads.get(key, key), f"second_{key}" if key.startswith("decoder.") else ""):
            if to in own and own[to].shape == value.shape:
                own[to] = value
    model.network.load_state_dict(own)
    kept = ("steps", "training_data", "training_data_licence")
    model.card |= {key: start.card[key] for key in kept if key in start.card}
    model.card["new_head"] = names != classes.names
    return model

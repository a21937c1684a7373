"""The segmentation models: shipped, untrained, or files; and one that becomes another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.semantic.models import ClassFamily, classes_of

if TYPE_CHECKING:
    from torch import nn

    from napari_midl.engine.models import Model
    from napari_midl.volumes.classes import Classes

SCRATCH = "scratch"


def _build(name: str) -> nn.Module:
    # torch takes seconds to import, and a dock only asks where the shipped files lie.
    from napari_midl.methods.segment.network import build

    return build(name)


_FAMILY = ClassFamily("segment", _build, {"trees": "segment-trees"})
named_model, path_of, scratch = _FAMILY.load, _FAMILY.path, _FAMILY.untrained


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

"""Learning to segment: where to begin, what of the network learns, and by which loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.losses import JointLoss
from napari_midl.engine.semantic.models import check_fits, classes_of
from napari_midl.engine.semantic.training import ClassRecipe
from napari_midl.errors import InputError
from napari_midl.methods.segment import models
from napari_midl.methods.segment.network import MultiOutputNet, kind_of, layers_in, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from napari_midl.engine.examples import Examples
    from napari_midl.engine.losses import Loss
    from napari_midl.engine.models import Model
    from napari_midl.methods.segment.settings import TrainSettings
    from napari_midl.volumes.classes import Classes


def start_for(
    examples: Examples, classes: Classes, settings: TrainSettings, start: Model | None, called: str
) -> Model:
    """The model to train: untrained, the start, or one with what fits of the start's weights.

    Raises
    ------
    InputError
        If the start looks at other channels, tells other classes apart and `new_head` is not
        set, or the network needs what the examples lack.
    """
    image = examples.images[0]
    channels, flat = image.image.shape[0], image.shape[0] == 1
    if start is None:
        kind, width = settings.architecture, settings.width
        dimensions = settings.dimensions
        if dimensions == "auto":
            dimensions = "2d" if flat else "3d"
    else:
        check_fits(start, called, channels, None if settings.new_head else classes)
        kind, dimensions, width = kind_of(start.card["architecture"])
        kind = settings.architecture if settings.architecture == "mo-net" else kind
    if kind == "deepvesselnet":
        dimensions = "3d"
    slices = [each.patches[0].name for each in examples.images if each.shape[0] == 1]
    if dimensions == "3d" and slices:
        raise InputError(
            f"{slices[0]} is of one slice and the network is 3D; take a unet of dimensions 2d."
        )
    part: tuple[str, ...] = ()
    if kind == "mo-net":
        part = _second_classes(examples, classes, start)
    name = named(kind, dimensions, width, channels, len(classes), len(part) + 1)
    if start is None:
        model = models.scratch(name, classes, channels, settings.seed)
    elif start.card["architecture"] == name and classes_of(start).names == classes.names:
        model = start
    else:
        model = models.grown(start, name, classes, settings.seed, part)
    if part:
        model.card["second"] = list(part)
    return model


def _second_classes(examples: Examples, classes: Classes, start: Model | None) -> tuple[str, ...]:
    """The classes of a second decoder: what labels know that know some, or what a start knew."""
    known = [tuple(name for name in names) for names in examples.known]
    if not known and start is not None:
        own = start.card.get("second") or classes_of(start).names[1:]
        known = [tuple(own)] if set(own) < set(classes.names[1:]) else []
    if len(known) != 1:
        raise InputError(
            f"mo-net has a second decoder for labels that know only some of the classes, and there "
            f"are {len(known)} kinds of such labels; give one kind with --knows, or take unet."
        )
    return known[0]


class Learning(ClassRecipe):
    """What is chosen of the network learns; that with two decoders has a loss for each."""

    def learning_of(self, network: nn.Module) -> Sequence[nn.Module]:
        """The layers of the scope that is chosen."""
        return layers_in(network, self.settings.scope)

    def loss_over_sets(self) -> Loss:
        """The loss that is asked for, of one decoder or of two."""
        loss = super().loss_over_sets()
        if not isinstance(self.model.network, MultiOutputNet):
            return loss
        classes = self.examples.classes
        second = [classes.names.index(name) for name in self.model.card["second"]]
        table = classes.table
        rest = np.delete(table, second, axis=1).any(axis=1, keepdims=True)
        return JointLoss(loss, np.concatenate([rest, table[:, second]], axis=1))

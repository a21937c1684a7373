"""Training a network for long on what is drawn, before it sees any image of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.engine.devices import device_name, pick_device
from napari_midl.engine.models import Model
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.training import Schedule, train

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.recipes import Draw

AVERAGE = 0.998


def pretrained(
    model: Model,
    network: nn.Module,
    loss: Callable[[Any, Tensor], Tensor],
    draw: Draw,
    settings: Any,
    checkpoint: Checkpoint | None,
    exactly: int | None,
    **about: Any,
) -> Job[Model]:
    """Train a network, and say on its card what made it.

    Parameters
    ----------
    model : Model
        Where it begins.
    network : torch.nn.Module
        Its network, in training mode.
    loss, draw
        As for `Supervised`.
    settings : Settings
        Rate, half-life, seed, device and, as for `Schedule.of`, how long.
    checkpoint : Checkpoint or None
        Where the state is kept, and from where a stopped training goes on.
    exactly : int or None
        Take this many steps, whatever the settings say.
    **about
        What else the card tells.
    """
    device = pick_device(settings.device)
    recipe = Supervised(network, loss, settings.learning_rate, settings.half_life, AVERAGE, draw)
    schedule = Schedule.of(settings, evaluate_every=100, exactly=exactly)
    trained = yield from train(recipe, schedule, device=device, checkpoint=checkpoint)
    card = model.card | {
        "parent": model.sha256 if model.card["steps"] else None,
        **made_by(settings, model.card["steps"] + trained.steps),
    }
    return Model(trained.network.cpu().eval(), card | about)


def made_by(settings: Any, steps: int) -> dict[str, Any]:
    """What the card of a model tells of the training that made it, and of its licences.

    Parameters
    ----------
    settings : Settings
        Of the training; what they have no device for was trained on the processor.
    steps : int
        Optimiser steps taken.
    """
    facts = {
        "steps": steps,
        "seed": settings.seed,
        "device": device_name(pick_device(getattr(settings, "device", "cpu"))),
        "settings": settings.to_dict(),
        "licence": "BSD-3-Clause",
    }
    licence = getattr(settings, "data_licence", None)
    return facts if licence is None else facts | {"training_data_licence": licence}

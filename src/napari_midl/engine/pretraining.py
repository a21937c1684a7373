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
        "steps": model.card["steps"] + trained.steps,
        "seed": settings.seed,
        "device": device_name(device),
        "parent": model.sha256 if model.card["steps"] else None,
        "settings": settings.to_dict(),
        "licence": "BSD-3-Clause",
    }
    return Model(trained.network.cpu().eval(), card | about)

"""What trees look like, learnt from generated volumes (Paetzold et al., MIDL 2019)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.devices import device_name, pick_device
from napari_midl.engine.models import Model
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.training import Schedule, train
from napari_midl.engine.trees import synthetic_volume
from napari_midl.methods.segment.learn import loss_named
from napari_midl.methods.segment.models import scratch
from napari_midl.methods.segment.network import named
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.scaling import Scaling

if TYPE_CHECKING:
    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.recipes import Batch
    from napari_midl.methods.segment.settings import PretrainSettings

TREES = Classes("background", "vessel")
SHAPE, VOLUMES = (32, 144, 144), 96
# What is learnt has to bear any microscope.
ANY_IMAGE = Augmentation(zoom=(0.7, 1.4), contrast=(0.4, 1.2))


def generated(seed: int, index: int) -> PaintedVolume:
    """A generated volume with both classes in it, every voxel labelled."""
    attempt = 0
    while True:
        image, mask, _ = synthetic_volume(SHAPE, np.random.default_rng((seed, index, attempt)))
        if mask.any() and not mask.all():
            patch = Patch((0, 0, 0), TREES.from_indices(mask), "generated trees")
            return PaintedVolume(image, Scaling(0.0, 1.0), [patch], TREES)
        attempt += 1


def pretrain(
    settings: PretrainSettings, checkpoint: Checkpoint | None = None, *, exactly: int | None = None
) -> Job[Model]:
    """Train a network on generated trees.

    Parameters
    ----------
    settings : PretrainSettings
        The network, how long, how fast.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Model
        Returned by the generator.
    """
    name = named(settings.architecture, settings.dimensions, settings.width, 1, len(TREES))
    model, device = scratch(name, TREES, 1, settings.seed), pick_device(settings.device)
    depth = 1 if settings.dimensions == "2d" else settings.patch[0]
    size = (depth, *settings.patch[1:])
    volume = lru_cache(maxsize=VOLUMES)(generated)

    def draw(rng: np.random.Generator, _: int) -> Batch:
        source = volume(settings.seed, int(rng.integers(VOLUMES)))
        return draw_batch(source, size, settings.batch, ANY_IMAGE, rng)

    loss = loss_named(settings.loss, lambda: {1: 19, 2: 1})
    recipe = Supervised(
        model.network.train(),
        lambda outputs, targets: loss(outputs, targets, TREES.table),
        settings.learning_rate,
        settings.half_life,
        0.998,
        draw,
    )
    schedule = Schedule.of(settings, evaluate_every=100, exactly=exactly)
    trained = yield from train(recipe, schedule, device=device, checkpoint=checkpoint)
    card = model.card | {
        "name": "generated trees",
        "steps": trained.steps,
        "seed": settings.seed,
        "device": device_name(device),
        "parent": None,
        "settings": settings.to_dict(),
        "licence": "BSD-3-Clause",
        "training_data": ["generated trees"],
    }
    return Model(trained.network.cpu().eval(), card)

"""What trees look like, learnt from generated volumes (Paetzold et al., MIDL 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.losses import loss_named
from napari_midl.engine.pretraining import pretrained
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.tree_volumes import ANY_IMAGE, tree_volumes
from napari_midl.methods.segment.models import scratch
from napari_midl.methods.segment.network import named
from napari_midl.volumes.classes import Classes

if TYPE_CHECKING:
    import numpy as np

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.recipes import Batch
    from napari_midl.methods.segment.settings import PretrainSettings

TREES = Classes("background", "vessel")


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
    model = scratch(name, TREES, 1, settings.seed)
    depth = 1 if settings.dimensions == "2d" else settings.patch[0]
    size = (depth, *settings.patch[1:])
    trees = tree_volumes(TREES, settings.seed)

    def draw(rng: np.random.Generator, _: int) -> Batch:
        return draw_batch(trees(rng), size, settings.batch, ANY_IMAGE, rng)

    loss = loss_named(settings.loss, lambda: {1: 19, 2: 1})
    return (
        yield from pretrained(
            model,
            model.network.train(),
            lambda outputs, targets: loss(outputs, targets, TREES.table),
            draw,
            settings,
            checkpoint,
            exactly,
            name="generated trees",
            training_data=["generated trees"],
        )
    )

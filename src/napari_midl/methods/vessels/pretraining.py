"""Base weights for vessels, from synthetic volumes and labelled stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.pretraining import pretrained
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.tree_volumes import ANY_IMAGE, tree_volumes
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.learn import trainable
from napari_midl.methods.vessels.losses import LOSSES
from napari_midl.methods.vessels.models import scratch
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import robust_scaling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.methods.vessels.settings import PretrainSettings
    from napari_midl.volumes.volume import Volume


def pretrain(
    settings: PretrainSettings,
    stacks: Sequence[tuple[Volume, Volume]] = (),
    checkpoint: Checkpoint | None = None,
    start: Model | None = None,
    *,
    exactly: int | None = None,
) -> Job[Model]:
    """Make base weights from synthetic volumes, and real stacks where there are any.

    Parameters
    ----------
    settings : PretrainSettings
        The network, how long, how fast.
    stacks : sequence of (Volume, Volume)
        Real images with their full masks, axes ``Z Y X``, 0 background.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    start : Model, optional
        Weights to start from instead of random ones. They keep their normalisation, which so
        far followed each batch, so that the network is trained as it predicts.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Model
        Returned by the generator.
    """
    model = start or scratch(settings.preset, settings.seed)
    real = [
        PaintedVolume(image.data, robust_scaling(image), [mask_patch(mask)], CLASSES)
        for image, mask in stacks
    ]

    synthetic = tree_volumes(CLASSES, settings.seed)

    def draw(rng: np.random.Generator, _: int) -> tuple[torch.Tensor, torch.Tensor]:
        if real and rng.random() < settings.real_share:
            source = real[rng.integers(len(real))]
        else:
            source = synthetic(rng)
        return draw_batch(source, settings.patch, settings.batch, ANY_IMAGE, rng)

    return (
        yield from pretrained(
            model,
            trainable(model),
            LOSSES[settings.loss],
            draw,
            settings,
            checkpoint,
            exactly,
            name=f"{settings.preset} base",
            training_data=["synthetic vessel volumes", *(image.name for image, _ in stacks)],
        )
    )


def mask_patch(mask: Volume) -> Patch:
    """A full mask (0 background, anything else vessel) as one patch over the whole image."""
    return Patch((0, 0, 0), CLASSES.from_mask(mask.data), mask.name)

"""Jobs that train a vessel network: `finetune` on a few strokes, `pretrain` on anything."""

from __future__ import annotations

import copy
from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.devices import device_name, pick_device
from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.models import Model
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.scores import held_out_scores
from napari_midl.engine.tiles import Region, Tiling
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.training import Schedule, train
from napari_midl.methods.vessels.apply import both_classes, probability
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.losses import LOSSES
from napari_midl.methods.vessels.models import scratch
from napari_midl.methods.vessels.network import VesselNet
from napari_midl.methods.vessels.synthetic import synthetic_volume
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling, robust_scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.methods.vessels.settings import FinetuneSettings, PretrainSettings
    from napari_midl.volumes.volume import Volume

SYNTHETIC_SHAPE = (32, 144, 144)
SYNTHETIC_VOLUMES = 96

# Base weights must bear any microscope; tissue darkens with depth.
ANY_IMAGE = Augmentation(zoom=(0.7, 1.4), contrast=(0.4, 1.2))
# Within one image the brightness tells a vessel from haze: only the depth may dim it.
ONE_IMAGE = Augmentation(
    zoom=(0.9, 1.25),
    gamma=(0.95, 1.05),
    contrast=(1.0, 1.0),
    fade=(0.5, 1.1),
    offset=0.01,
    noise=0.01,
)


def finetune(
    volume: Volume,
    patches: Sequence[Patch],
    model: Model,
    settings: FinetuneSettings,
    view: Callable[[], Region | None] | None = None,
    enough: Callable[[], bool] = lambda: False,
    *,
    checkpoint: Checkpoint | None = None,
    exactly: int | None = None,
) -> Job[Finetuned]:
    """Adapt a network to the painted voxels of one volume (tUbe net, section 3.3).

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    patches : sequence of Patch
        Painted labels of `CLASSES`.
    model : Model
        Where to start from; it is left as it is.
    settings : FinetuneSettings
        How long, how fast, which loss.
    view : callable, optional
        Tells, now and then and in any thread, the region that a person looks at, or None.
    enough : callable
        Asked before every step but the first; once true, the training ends and keeps the best.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Yields
    ------
    Progress
        After each step, with ``loss`` and now and then ``validation_dice`` in its metrics; its
        preview is ``(region, probability)`` of the region that `view` told, or None.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are ``dice``, ``precision`` and ``recall`` of vessel
        on the validation blocks, and the ``voxels`` of vessel behind them. Neither model was
        trained on them, but they chose the best look, so that `after` flatters a little.

    Raises
    ------
    InputError
        If the labels do not fit the image or hold one class only.
    """
    device = pick_device(settings.device)

    def read() -> PaintedVolume:
        scaling = robust_scaling(volume)
        return PaintedVolume(
            volume.data, scaling, patches, CLASSES, settings.held_out, settings.seed
        )

    step = Progress(0, 1, "reading the painted voxels")
    yield step
    painted = yield from wait_for(in_thread(read), step)
    before = yield from wait_for(
        in_thread(lambda: _validation_scores(model.network, painted)),
        Progress(0, 1, "scoring the model before"),
    )
    trained = yield from train(
        _Finetuning(_trainable(model), painted, settings, view),
        Schedule.of(settings, exactly=exactly),
        device=device,
        enough=enough,
        checkpoint=checkpoint,
    )
    after = yield from wait_for(
        in_thread(lambda: _validation_scores(trained.network, painted)),
        Progress(1, 1, "scoring the model after"),
    )
    tuned = model.tuned(
        trained.network,
        "patches painted",
        volume.name,
        trained.steps,
        scores={"validation_before": before, "validation_after": after},
        seed=settings.seed,
    )
    return Finetuned(tuned, before, after, trained.steps, trained.history)


class _Finetuning(Supervised):
    """Batches of painted voxels; the validation blocks choose the best look."""

    monitor = "validation_dice"

    def __init__(
        self,
        network: VesselNet,
        painted: PaintedVolume,
        settings: FinetuneSettings,
        view: Callable[[], Region | None] | None,
    ) -> None:
        def draw(rng: np.random.Generator, _: int) -> tuple[torch.Tensor, torch.Tensor]:
            return draw_batch(painted, settings.patch, settings.batch, ONE_IMAGE, rng)

        loss = LOSSES[settings.loss]
        super().__init__(network, loss, settings.learning_rate, settings.half_life, draw=draw)
        self.painted, self.view = painted, view
        z, y, x = painted.shape
        self.tiling = Tiling((z, y, x), (z, y, x), network.halo, network.stride)

    def score(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Overlap with the validation blocks."""
        scores = _validation_scores(networks["network"], self.painted)
        return {f"validation_{name}": value for name, value in scores.items()}

    def preview(self, networks: Mapping[str, nn.Module]) -> tuple[Region, Any] | None:
        """The probability of the region that a person looks at."""
        region = self.view() if self.view is not None else None
        if region is None:
            return None
        outer, inner = self.tiling.expand(region)
        return region, probability(networks["network"], self.painted.read(outer))[inner]


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
    device = pick_device(settings.device)
    model = start or scratch(settings.preset, settings.seed)
    real = [
        PaintedVolume(image.data, robust_scaling(image), [mask_patch(mask)], CLASSES)
        for image, mask in stacks
    ]

    @lru_cache(maxsize=SYNTHETIC_VOLUMES)
    def synthetic(index: int) -> PaintedVolume:
        attempt = 0
        while True:
            rng = np.random.default_rng((settings.seed, index, attempt))
            image, mask, _ = synthetic_volume(SYNTHETIC_SHAPE, rng)
            if mask.any() and not mask.all():
                patch = Patch((0, 0, 0), CLASSES.from_indices(mask), "synthetic")
                return PaintedVolume(image, Scaling(0.0, 1.0), [patch], CLASSES)
            attempt += 1

    def draw(rng: np.random.Generator, _: int) -> tuple[torch.Tensor, torch.Tensor]:
        if real and rng.random() < settings.real_share:
            source = real[rng.integers(len(real))]
        else:
            source = synthetic(int(rng.integers(SYNTHETIC_VOLUMES)))
        return draw_batch(source, settings.patch, settings.batch, ANY_IMAGE, rng)

    loss, rate = LOSSES[settings.loss], settings.learning_rate
    trained = yield from train(
        Supervised(_trainable(model), loss, rate, settings.half_life, 0.998, draw),
        Schedule.of(settings, evaluate_every=100, exactly=exactly),
        device=device,
        checkpoint=checkpoint,
    )
    card = {
        **model.card,
        "name": f"{settings.preset} base",
        "steps": model.card["steps"] + trained.steps,
        "seed": settings.seed,
        "device": device_name(device),
        "parent": model.sha256 if model.card["steps"] else None,
        "settings": settings.to_dict(),
        "licence": "BSD-3-Clause",
        "training_data": ["synthetic vessel volumes", *(image.name for image, _ in stacks)],
        "training_data_licence": settings.data_licence,
    }
    return Model(trained.network.cpu().eval(), card)


def mask_patch(mask: Volume) -> Patch:
    """A full mask (0 background, anything else vessel) as one patch over the whole image."""
    return Patch((0, 0, 0), CLASSES.from_mask(mask.data), mask.name)


def _trainable(model: Model) -> VesselNet:
    """A copy of the network in training mode; a trained one keeps its normalisation.

    A batch comes from one volume: its own statistics would hide how it differs from others,
    and a few patches are too few to measure new ones.
    """
    network = copy.deepcopy(model.network).train().requires_grad_(True)
    assert isinstance(network, VesselNet)
    if model.card.get("steps", 0):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eval()
    return network


def _validation_scores(network: nn.Module, painted: PaintedVolume) -> dict[str, float]:
    """Scores of vessel over all validation voxels together; empty where there is none."""
    scores = held_out_scores(lambda image: both_classes(probability(network, image)), painted)
    return asdict(scores[VESSEL]) if VESSEL in scores else {}

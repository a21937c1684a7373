"""Making the pixel networks that ship from fully labelled stacks.

Noise on the features while they learn is what lets them serve images of others: the three
networks differ in how much of it there is, and their logits are averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.jobs import Job, Progress, elsewhere
from napari_midl.engine.models import Model
from napari_midl.engine.pixels.depth import depth_of
from napari_midl.engine.pixels.experts import descend, noisy
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.voxels import Voxels, read_voxels
from napari_midl.engine.pretraining import made_by
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.pixel_network import (
    PIXEL_ARCHITECTURES,
    PixelNet,
    build_pixel_network,
)
from napari_midl.methods.vessels.pretraining import mask_patch
from napari_midl.volumes.scaling import robust_scaling

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.methods.vessels.settings import PretrainPixelsSettings
    from napari_midl.volumes.volume import Volume

PRESET = "pixels-base"


@dataclass(frozen=True)
class Recipe:
    """How one of the networks is trained.

    Parameters
    ----------
    noise, brighter : float
        Standard deviations of the noise on each feature and of the logarithm of the brightness.
    decay, dropout : float
        Of weights, and of hidden units.
    """

    noise: float
    brighter: float
    decay: float
    dropout: float


RECIPES = (
    Recipe(0.5, 0.6, 0.01, 0.2),
    Recipe(0.4, 0.8, 0.03, 0.2),
    Recipe(1.2, 0.6, 0.01, 0.1),
)


def pretrain(
    stacks: Sequence[tuple[Volume, Volume]],
    settings: PretrainPixelsSettings,
    *,
    exactly: int | None = None,
) -> Job[Model]:
    """Train the networks, and choose what they carry along to be rehearsed.

    Parameters
    ----------
    stacks : sequence of (Volume, Volume)
        Images with their full masks, axes ``Z Y X``, 0 background.
    settings : PretrainPixelsSettings
        Steps, rate, seed.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Model
        Returned by the generator.
    """
    read = []
    for image, mask in stacks:
        read.append((yield from _read(image, mask, settings.seed)))
    with WeightsFrom(settings.seed):
        network = build_pixel_network(PRESET)
    data = yield from elsewhere(partial(_standardise, network, read), "putting all together")
    steps = exactly if exactly is not None else settings.steps
    for index, recipe in enumerate(RECIPES):
        yield Progress(index, len(RECIPES), f"network {index + 1} of {len(RECIPES)}")
        training = partial(_train, network, index, recipe, data, settings, steps)
        yield from elsewhere(training, f"network {index + 1} of {len(RECIPES)}")
    filling = partial(_fill_library, network, read, settings.seed)
    yield from elsewhere(filling, "choosing what is carried along")
    card = {
        "tool": "vessels",
        "architecture": PRESET,
        "name": "pixel networks",
        "training_data": [image.name for image, _ in stacks],
        **made_by(settings, steps),
    }
    return Model(network.eval(), card)


def _read(image: Volume, mask: Volume, seed: int) -> Job[Voxels]:
    def look() -> Iterator[tuple[int, int] | Voxels]:
        painted = PaintedVolume(image.data, robust_scaling(image), [mask_patch(mask)], CLASSES)
        space = ScaleSpace(depth_of(image, painted))
        return read_voxels(painted, space, seed, elsewhere=False)

    reading = yield from elsewhere(look, f"looking at {image.name}")
    while True:
        step = yield from elsewhere(partial(next, reading), f"reading {image.name}")
        if isinstance(step, Voxels):
            return step


def _standardise(network: PixelNet, read: Sequence[Voxels]) -> tuple[Tensor, Tensor]:
    """Standardised features of all voxels, by their own mean and spread, and if they are vessel."""
    features = torch.from_numpy(np.concatenate([v.features for v in read]))
    network.mean.copy_(features.mean(0))
    network.deviation.copy_(features.std(0) + 1e-6)
    vessel = torch.from_numpy(np.concatenate([_vessel(v) for v in read])).float()
    return network.standardised(features), vessel


def _vessel(voxels: Voxels) -> NDArray[np.bool_]:
    return np.equal(voxels.labels, CLASSES.value(VESSEL))


def _train(
    network: PixelNet,
    index: int,
    recipe: Recipe,
    data: tuple[Tensor, Tensor],
    settings: PretrainPixelsSettings,
    steps: int,
) -> None:
    seed = settings.seed + index
    generator = torch.Generator().manual_seed(seed)
    with WeightsFrom(seed):
        member = build_pixel_network("pixels").members[0]
    features, vessel = data

    def batch() -> tuple[Tensor, Tensor]:
        of = torch.randint(len(vessel), (settings.batch,), generator=generator)
        x = noisy(features[of], network.shift, recipe.noise, recipe.brighter, generator)
        return x, vessel[of]

    descend(
        member,
        batch,
        generator,
        steps=steps,
        rate=settings.learning_rate,
        decay=recipe.decay,
        dropout=recipe.dropout,
    )
    network.with_member(index, member.requires_grad_(False))


def _fill_library(network: PixelNet, read: Sequence[Voxels], seed: int) -> None:
    """As many voxels of each stack, so that none is forgotten."""
    rng = np.random.default_rng(seed)
    wanted = PIXEL_ARCHITECTURES[PRESET].library
    features, labels = [], []
    for index, voxels in enumerate(read):
        count = (index + 1) * wanted // len(read) - index * wanted // len(read)
        chosen = rng.choice(len(voxels), count, replace=len(voxels) < count)
        features.append(network.standardised(torch.from_numpy(voxels.features[chosen])))
        labels.append(torch.from_numpy(_vessel(voxels)[chosen]).float())
    network.library.copy_(torch.cat(features))
    network.library_labels.copy_(torch.cat(labels))

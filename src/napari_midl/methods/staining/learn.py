"""Jobs that train: a despeckler on histology, a stain on unpaired mosaics and slides."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from torch.nn import functional as F

from napari_midl.engine.devices import pick_device
from napari_midl.engine.models import Model
from napari_midl.engine.pretraining import made_by
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.training import Schedule, train
from napari_midl.methods.staining.adversarial import CycleGan
from napari_midl.methods.staining.crops import (
    check_sizes,
    evened,
    speckled_batch,
    unpaired_batch,
)
from napari_midl.methods.staining.generators import DensityGenerator, Translator
from napari_midl.methods.staining.models import scratch_despeckler, scratch_translator
from napari_midl.methods.staining.pictures import inverted_luma
from napari_midl.methods.staining.stains import BeerLambert, stains_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.checkpoints import Checkpoint
    from napari_midl.engine.jobs import Job
    from napari_midl.methods.staining.settings import TrainDespecklerSettings, TrainSettings

LOOK_EVERY = 200  # steps between two checkpoints
# Discriminators: the paper's for its generator, a quarter of it for those that learn on a CPU.
DISCRIMINATORS = {"resnet": (64, 3), "compact": (16, 2), "density": (16, 2)}


def train_despeckler(
    pictures: Mapping[str, NDArray[np.uint8]],
    settings: TrainDespecklerSettings,
    checkpoint: Checkpoint | None = None,
    *,
    start: Model | None = None,
    exactly: int | None = None,
) -> Job[Model]:
    """Train a despeckler on histology with artificial speckle (Combalia et al., section 3.1).

    Parameters
    ----------
    pictures : mapping of str to ndarray of uint8, shape (Y, X, 3)
        Slides, without speckle.
    settings : TrainDespecklerSettings
        The network, the speckle, how long.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    start : Model, optional
        A despeckler to go on from, in the place of an untrained one.
    exactly : int, optional
        Take this many steps, whatever the clock says.

    Yields
    ------
    Progress
        After each step, with ``loss``.

    Returns
    -------
    Model
        Returned by the generator.

    Raises
    ------
    InputError
        If a picture is smaller than a crop.
    """
    clean = {name: evened(inverted_luma(picture)[None]) for name, picture in pictures.items()}
    check_sizes(clean, settings.crop)
    device = pick_device(settings.device)
    model = start or scratch_despeckler(settings.preset, settings.seed)

    def draw(rng: np.random.Generator, _: int) -> tuple[Tensor, Tensor]:
        return speckled_batch(list(clean.values()), settings, rng)

    # A copy, since the start stays as it is; one that was just trained is frozen.
    network = deepcopy(model.network).train().requires_grad_(True)
    rate = settings.learning_rate
    trained = yield from train(
        Supervised(network, F.mse_loss, rate, settings.half_life, average=0.998, draw=draw),
        Schedule.of(settings, evaluate_every=LOOK_EVERY, exactly=exactly),
        device=device,
        checkpoint=checkpoint,
    )
    steps = model.card["steps"] + trained.steps
    name = f"{model.card['architecture']} despeckler"
    card = {**model.card, **made_by(settings, steps), "name": name, "training_data": list(pictures)}
    return Model(trained.network.cpu().eval(), card)


def train_stain(
    mosaics: Mapping[str, NDArray[np.float32]],
    slides: Mapping[str, NDArray[np.uint8]],
    settings: TrainSettings,
    checkpoint: Checkpoint | None = None,
    *,
    exactly: int | None = None,
) -> Job[Model]:
    """Train a stain on unpaired mosaics and slides (Combalia et al., section 3.2).

    Parameters
    ----------
    mosaics : mapping of str to ndarray of float32, shape (2, Y, X)
        Fluorescence and reflectance in [0, 1], despeckled.
    slides : mapping of str to ndarray of uint8, shape (Y, X, 3)
        H&E slides at the mosaics' resolution.
    settings : TrainSettings
        The generator, how long.
    checkpoint : Checkpoint, optional
        Where the state is kept, and from where a stopped training goes on.
    exactly : int, optional
        Take this many steps, whatever the clock says.

    Yields
    ------
    Progress
        After each step, with the generators' ``loss`` and the ``discriminator_loss``.

    Returns
    -------
    Model
        Returned by the generator; its card has the colours of the slides' stains.

    Raises
    ------
    InputError
        If an image is smaller than a crop, or the slides show no stain.
    """
    colours = {
        name: np.moveaxis(picture, -1, 0).astype(np.float32) / np.float32(255)
        for name, picture in slides.items()
    }
    edge = settings.crop
    largest = 2 * edge if settings.steps else edge
    check_sizes(mosaics, largest)
    check_sizes(colours, largest)
    # All slides side by side, so that each counts by its number of pixels.
    pixels = np.concatenate([picture.reshape(1, -1, 3) for picture in slides.values()], axis=1)
    stains = stains_of(pixels, ", ".join(slides))
    device = pick_device(settings.device)
    model = scratch_translator(settings.generator, settings.seed)
    translator = model.network
    assert isinstance(translator, Translator)
    if isinstance(translator.generator, DensityGenerator):
        translator.generator.colour = BeerLambert(stains)

    def draw(rng: np.random.Generator, step: int) -> tuple[Tensor, Tensor]:
        now = edge if step < settings.steps / 2 or not settings.steps else largest
        return unpaired_batch(
            list(mosaics.values()), list(colours.values()), now, settings.batch, rng
        )

    if checkpoint is not None and settings.steps:
        # Crops and rates hang on where half-way is.
        training = {**checkpoint.training, "steps": settings.steps}
        checkpoint = replace(checkpoint, training=training)
    trained = yield from train(
        CycleGan(translator.train(), draw, settings, *DISCRIMINATORS[settings.generator]),
        Schedule.of(settings, evaluate_every=LOOK_EVERY, exactly=exactly),
        device=device,
        checkpoint=checkpoint,
    )
    card = {
        **model.card,
        **made_by(settings, trained.steps),
        "name": f"{settings.generator} stain",
        "training_data": list(slides),
        "stains": stains.to_dict(),
        "mosaics": list(mosaics),
    }
    return Model(trained.networks["translator"].cpu().eval(), card)

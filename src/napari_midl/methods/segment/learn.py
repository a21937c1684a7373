"""Learning to segment: where to begin, what of the network learns, and what the choice gave."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.annotation import refuse_one_class
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.devices import pick_device
from napari_midl.engine.finetuning import freeze_all_but, trainable
from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.losses import JointLoss, loss_named
from napari_midl.engine.recipes import Supervised
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.scores import at_blocks, dice_of
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.training import Schedule, train
from napari_midl.engine.verdict import Basis
from napari_midl.errors import InputError
from napari_midl.methods.segment import models
from napari_midl.methods.segment.network import MultiOutputNet, kind_of, layers_in, named
from napari_midl.methods.segment.predictor import probability

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.examples import Examples
    from napari_midl.engine.holding_out import Block
    from napari_midl.engine.losses import Loss
    from napari_midl.engine.models import Model
    from napari_midl.engine.recipes import Batch
    from napari_midl.methods.segment.settings import TrainSettings
    from napari_midl.volumes.classes import Classes

MONITOR = "validation_dice"
# A trained network forgets what it knows where it learns at the full rate at once.
WARM_UP = 30
LOOK_AT_FIRST = 10
CHANGES = Augmentation(zoom=(0.9, 1.25), gamma=(0.85, 1.2), contrast=(0.9, 1.1), offset=0.03)


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
        models.check_fits(start, called, channels, None if settings.new_head else classes)
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
    elif start.card["architecture"] == name and models.classes_of(start).names == classes.names:
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
        own = start.card.get("second") or models.classes_of(start).names[1:]
        known = [tuple(own)] if set(own) < set(classes.names[1:]) else []
    if len(known) != 1:
        raise InputError(
            f"mo-net has a second decoder for labels that know only some of the classes, and there "
            f"are {len(known)} kinds of such labels; give one kind with --knows, or take unet."
        )
    return known[0]


def fit(
    examples: Examples,
    model: Model,
    settings: TrainSettings,
    enough: Callable[[], bool] = lambda: False,
    *,
    exactly: int | None = None,
) -> Job[Finetuned]:
    """Train a model on all but what is held out.

    Parameters
    ----------
    examples : Examples
        Images and labels.
    model : Model
        Where to start from, of the labels' classes; it is left as it is.
    settings : TrainSettings
        What learns, for how long, by which loss.
    enough : callable
        Asked before every step but the first; once true, the training ends and keeps the best.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Finetuned
        Returned by the generator; its scores are ``dice``, the mean over the classes but the
        background, and ``dice of`` each, on blocks that neither trained nor chose the model
        where there are enough.
    """
    images = [image for image in examples.images if image.painted]
    refuse_one_class(examples.images)
    basis = _best(image.scored.basis for image in images)
    scored = [image for image in images if image.scored.basis is basis]
    names = models.classes_of(model).names
    known, keeps_head = bool(model.card["steps"]), not model.card.get("new_head", False)
    scoring = partial(_score, of=scored, which="scoring")
    before: dict[str, float] = {}
    if known and keeps_head and basis is Basis.UNSEEN:
        before, _ = yield from elsewhere(lambda: scoring(model.network), "scoring the start")
    recipe = Learning(images, scored, model, settings, examples)
    schedule = Schedule.of(settings, at_first=LOOK_AT_FIRST, exactly=exactly)
    device = pick_device(settings.device)
    trained = yield from train(recipe, schedule, device=device, enough=enough)
    asking = elsewhere(lambda: scoring(trained.network), "scoring the result")
    after, counts = yield from asking
    gained = after["dice"] - before["dice"] if before and after else None
    seen = ", ".join(dict.fromkeys(image.patches[0].name for image in images))
    tuned = model.tuned(
        trained.network,
        "labels",
        seen,
        trained.steps,
        seed=settings.seed,
        settings=settings.to_dict(),
        scores={"held out": after},
    )
    tuned.card.pop("new_head", None)
    tuned.card["name"] = f"{', '.join(names[1:])} of {seen}"
    return Finetuned.judged(
        model,
        None if before and not trained.best_step else tuned,
        gained=gained,
        before=before,
        after=after,
        image=seen,
        steps=trained.steps,
        history=trained.history,
        basis=basis,
        counts=counts,
        advice=_never_labelled(examples, names),
    )


class Learning(Supervised):
    """Batches of single images; the blocks that choose keep the best look."""

    monitor = MONITOR

    def __init__(
        self,
        images: list[PaintedVolume],
        scored: list[PaintedVolume],
        model: Model,
        settings: TrainSettings,
        examples: Examples,
    ) -> None:
        known = bool(model.card["steps"])
        network = trainable(model.network, known)
        freeze_all_but(layers_in(network, settings.scope), network)
        super().__init__(
            network,
            lambda *_: NotImplemented,
            settings.learning_rate,
            settings.half_life,
            warm_up=WARM_UP if known else 0,
        )
        self.scored, self.settings = scored, settings
        # Many partial labels would drown few full ones, which alone tell all classes.
        full = [image for image in images if max(image.painted) <= len(examples.classes)]
        others = [image for image in images if image not in full]
        self.kinds = [kind for kind in (full, others) if kind]
        self.table = examples.classes.table
        self.minimised = loss_of(settings, examples, model)
        self.start_counts = known and not model.card.get("new_head", False)
        depth = 1 if kind_of(model.card["architecture"])[1] == "2d" else settings.patch[0]
        self.size = (depth, *settings.patch[1:])

    def batch(self, rng: np.random.Generator, step: int) -> Generator[str, None, Batch]:
        """Patches around labelled voxels of an image: one labelled fully, then one in part."""
        yield from ()
        kind = self.kinds[step % len(self.kinds)]
        image = kind[rng.integers(len(kind))]
        return draw_batch(image, self.size, self.settings.batch, CHANGES, rng)

    def cost(self, outputs: Tensor, targets: Tensor, step: int) -> Tensor:
        """The loss over sets of classes."""
        return self.minimised(outputs, targets, self.table, step)

    def score(self, networks: Mapping[str, nn.Module]) -> dict[str, float]:
        """Dice of the blocks that choose."""
        scores, _ = _score(networks["network"], self.scored, "choosing")
        return {f"validation_{name}": value for name, value in scores.items()}


def loss_of(settings: TrainSettings, examples: Examples, model: Model) -> Loss:
    """The loss that is asked for, of one decoder or of two."""
    loss = loss_named(settings.loss, examples.counts)
    if not isinstance(model.network, MultiOutputNet):
        return loss
    second = [examples.classes.names.index(name) for name in model.card["second"]]
    table = examples.classes.table
    rest = np.delete(table, second, axis=1).any(axis=1, keepdims=True)
    return JointLoss(loss, np.concatenate([rest, table[:, second]], axis=1))


def _score(
    network: nn.Module, of: list[PaintedVolume], which: str
) -> tuple[dict[str, float], dict[str, int]]:
    """Dice of each class over the blocks of all images together, and what is behind it."""
    found, labels, blocks = [], [], 0
    classes = of[0].classes
    for image in of:
        places: list[Block] = getattr(image.scored, which)
        ask: Callable[[NDArray[np.float32]], NDArray[np.float32]] = partial(
            probability, network, len(classes)
        )
        p, label = at_blocks(ask, image, places)
        found.append(p)
        labels.append(label)
        blocks += len(places)
    scores, counts = dice_of(np.concatenate(found), np.concatenate(labels), classes)
    return scores, {"blocks": blocks} | counts


def _never_labelled(examples: Examples, names: tuple[str, ...]) -> str:
    """A sentence on classes of which no voxel is surely one; empty where there are none."""
    painted = {value for image in examples.images for value in image.painted}
    missing = [name for name in names if examples.classes.value(name) not in painted]
    said = f"Nothing is labelled {' or '.join(missing)}, so it is not learnt; label some."
    return said if missing else ""


def _best(bases: object) -> Basis:
    order = (Basis.UNSEEN, Basis.CHOSE, Basis.LEARNT)
    found = set(bases)  # type: ignore[call-overload]
    return next((basis for basis in order if basis in found), Basis.NONE)

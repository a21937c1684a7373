"""Training a network on labels of named classes, and what it gave on labels that chose nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.annotation import never_labelled, refuse_one_class, unlabelled_classes
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.devices import pick_device
from napari_midl.engine.finetuning import (
    LOOK_AT_FIRST,
    Finetuning,
    freeze_all_but,
    trainable,
)
from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.losses import loss_named
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.scores import at_blocks, dice_of
from napari_midl.engine.semantic.models import UNLEARNT, classes_of, unlearnt_of
from napari_midl.engine.semantic.predictor import probability
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.training import Schedule, train
from napari_midl.engine.verdict import Basis

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.examples import Examples
    from napari_midl.engine.holding_out import Block
    from napari_midl.engine.losses import Loss
    from napari_midl.engine.models import Model
    from napari_midl.engine.recipes import Batch

CHANGES = Augmentation(zoom=(0.9, 1.25), gamma=(0.85, 1.2), contrast=(0.9, 1.1), offset=0.03)


def fit(
    examples: Examples,
    model: Model,
    settings: Any,
    recipe: type[ClassRecipe],
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
    settings : Settings
        For how long, by which loss, on which device.
    recipe : type
        How to learn.
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
    names = classes_of(model).names
    known, keeps_head = bool(model.card["steps"]), not model.card.get("new_head", False)
    scoring = partial(_score, of=scored, which="scoring")
    before: dict[str, float] = {}
    if known and keeps_head and basis is Basis.UNSEEN:
        before, _ = yield from elsewhere(lambda: scoring(model.network), "scoring the start")
    learning = recipe(images, scored, model, settings, examples)
    schedule = Schedule.of(settings, at_first=LOOK_AT_FIRST, exactly=exactly)
    device = pick_device(settings.device)
    trained = yield from train(learning, schedule, device=device, enough=enough)
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
    unlearnt = unlabelled_classes(examples.images)
    if known and keeps_head:  # what the start had learnt is not forgotten at once
        unlearnt = [name for name in unlearnt if name in unlearnt_of(model)]
    tuned.card.pop(UNLEARNT, None)
    if unlearnt:
        tuned.card[UNLEARNT] = unlearnt
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
        advice=never_labelled(examples.images),
    )


class ClassRecipe(Finetuning):
    """Batches of single images; a method replaces what of the network learns, or the loss.

    Parameters
    ----------
    images, scored : list of PaintedVolume
        Those to learn from, and those that choose.
    model : Model
        Where to start from.
    settings : Settings
        With `learning_rate`, `half_life`, `loss`, `patch` and `batch`.
    examples : Examples
        Which the images are of.
    """

    def __init__(
        self,
        images: list[PaintedVolume],
        scored: list[PaintedVolume],
        model: Model,
        settings: Any,
        examples: Examples,
    ) -> None:
        self.model, self.settings, self.examples = model, settings, examples
        known = bool(model.card["steps"])
        network: Any = trainable(model.network, known)
        freeze_all_but(self.learning_of(network), network)
        super().__init__(network, lambda *_: NotImplemented, settings, known)
        self.start_counts = known and not model.card.get("new_head", False)
        self.scored = scored
        # Many partial labels would drown few full ones, which alone tell all classes.
        full = [image for image in images if max(image.painted) <= len(examples.classes)]
        others = [image for image in images if image not in full]
        self.kinds = [kind for kind in (full, others) if kind]
        self.table = examples.classes.table
        self.minimised = self.loss_over_sets()
        depth = settings.patch[0] if network.halo[0] else 1
        self.size = (depth, *settings.patch[1:])

    def learning_of(self, network: Any) -> Sequence[nn.Module]:
        """Hook: what of the network learns."""
        return [network]

    def loss_over_sets(self) -> Loss:
        """Hook: what is minimised."""
        return loss_named(self.settings.loss, self.examples.counts)

    def batch(self, rng: np.random.Generator, step: int) -> Generator[str, None, Batch]:
        """Patches around labelled voxels of an image: one labelled fully, then one in part."""
        yield from ()
        kind = self.kinds[step % len(self.kinds)]
        image = kind[rng.integers(len(kind))]
        return draw_batch(image, self.size, self.settings.batch, CHANGES, rng)

    def cost(self, outputs: Tensor, targets: Tensor, step: int) -> Tensor:
        """The loss over sets of classes."""
        return self.minimised(outputs, targets, self.table, step)

    def chosen_by(self, network: nn.Module) -> Mapping[str, float]:
        """Dice of the blocks that choose."""
        return _score(network, self.scored, "choosing")[0]


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


def _best(bases: object) -> Basis:
    order = (Basis.UNSEEN, Basis.CHOSE, Basis.LEARNT)
    found = set(bases)  # type: ignore[call-overload]
    return next((basis for basis in order if basis in found), Basis.NONE)

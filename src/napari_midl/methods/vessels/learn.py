"""Fine-tuning a vessel network on a few strokes, so that it never becomes worse."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.devices import pick_device
from napari_midl.engine.finetuning import LOOK_AT_FIRST, VALIDATION, Finetuning
from napari_midl.engine.finetuning import trainable as copied
from napari_midl.engine.jobs import Job, Progress, elsewhere, mapped
from napari_midl.engine.models import Model
from napari_midl.engine.paint_score import PaintScore, paint_score
from napari_midl.engine.sampling import draw_batch
from napari_midl.engine.scores import at_blocks
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.training import Schedule, Trained, train
from napari_midl.engine.verdict import Basis, verdict_of
from napari_midl.methods.vessels.apply import both_classes, probability
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.inputs import painted_on
from napari_midl.methods.vessels.losses import LOSSES
from napari_midl.methods.vessels.network import VesselNet
from napari_midl.methods.vessels.preview import Preview
from napari_midl.methods.vessels.teaching import taught

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import torch
    from torch import nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.holding_out import Block
    from napari_midl.methods.vessels.settings import FinetuneSettings
    from napari_midl.methods.vessels.teaching import Teacher
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

LOOKING, LOOKING_LAST = 1.5, 4.0  # seconds
FINISHING = 0.2  # of the time, in which the held-out strokes are learnt too

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
    view: Callable[[], Box | None] | None = None,
    enough: Callable[[], bool] = lambda: False,
    *,
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
    exactly : int, optional
        Take this many steps, whatever the settings say; those on what was held out come after.

    Yields
    ------
    Progress
        After each step, with ``loss`` and now and then ``validation_dice`` in its metrics; its
        preview is ``(region, probability)`` of the region that `view` told, or of as much of its
        middle as can be had in time; or None.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are ``dice``, ``precision`` and ``recall`` of vessel
        on painted blocks; its ``basis`` tells what those did besides. They are of the network
        before it has learnt what was held out, too.

    Raises
    ------
    InputError
        If the labels do not fit the image or hold one class only.
    """
    painted = yield from elsewhere(
        partial(painted_on, volume, patches, settings), "reading the painted voxels"
    )
    scored, known = painted.scored, bool(model.card.get("steps", 0))
    where = f"on {len(scored.scoring)} blocks"
    before: dict[str, float] = {}
    if known and scored.basis is Basis.UNSEEN:
        scoring = partial(_score, model.network, painted, scored.scoring)
        before = (yield from elsewhere(scoring, f"scoring the start {where}")).scores
    look = Preview(painted, vessel_net(model.network), view) if view is not None else None
    trained = yield from training(painted, model, settings, look, enough, exactly)
    if known and scored.basis is not Basis.UNSEEN:
        before = _validation(trained.history[0])
    scoring = partial(_score, trained.network, painted, scored.scoring)
    after = yield from elsewhere(scoring, f"scoring the result {where}")
    judge = partial(
        Finetuned.judged,
        model,
        before=before,
        image=volume.name,
        steps=trained.steps,
        history=trained.history,
        basis=scored.basis,
        counts=after.counts,
        advice=after.advice,
    )
    if before and not trained.best_step:
        return judge(None, gained=0.0, after=before)
    gained = after.scores["dice"] - before["dice"] if before and after.scores else None
    best, finished = trained.network, 0
    if not verdict_of(gained).is_start:
        best, finished = yield from finish(trained, painted, settings)
    if look is not None:
        shown = yield from elsewhere(partial(look, best, LOOKING_LAST), "looking at the result")
        yield Progress(1, 1, "looking at the result", preview=shown)
    tuned = model.tuned(
        best,
        "patches painted",
        volume.name,
        trained.steps + finished,
        scores={"validation_before": before, "validation_after": after.scores},
        seed=settings.seed,
    )
    return judge(
        tuned,
        gained=gained,
        after=after.scores,
        finished=finished,
    )


def training(
    painted: PaintedVolume,
    model: Model,
    settings: FinetuneSettings,
    look: Preview | None = None,
    enough: Callable[[], bool] = lambda: False,
    exactly: int | None = None,
    teacher: Teacher | None = None,
) -> Job[Trained]:
    """Train a copy of a `VesselNet` on all but what is held out, and keep its best look.

    Parameters
    ----------
    painted : PaintedVolume
        What is painted.
    model, settings, enough, exactly
        As for `finetune`.
    look : Preview, optional
        Looks at what is in view.
    teacher : Teacher, optional
        What is to be learnt of voxels that are not painted.
    """
    schedule = Schedule.of(settings, at_first=LOOK_AT_FIRST, exactly=exactly)
    if settings.finish and painted.held_out:
        schedule = replace(schedule, minutes=settings.minutes * (1 - FINISHING))
    known = bool(model.card.get("steps", 0))
    recipe = _Finetuning(trainable(model), painted, settings, look, known, teacher=teacher)
    device = pick_device(settings.device)
    return (yield from train(recipe, schedule, device=device, enough=enough))


def finish(
    trained: Trained,
    painted: PaintedVolume,
    settings: FinetuneSettings,
    teacher: Teacher | None = None,
) -> Job[tuple[VesselNet, int]]:
    """Go on for some steps on all strokes, also those held out; gives the network and the steps.

    It must not score lower on what was held out, of which it has learnt meanwhile.
    """
    network, steps = vessel_net(trained.network), trained.best_step or trained.steps
    if not (settings.finish and painted.held_out and steps):
        return network, 0
    more = max(1, round(steps * FINISHING))
    known = Model(network, {"steps": steps})
    whole = painted.whole()
    recipe = _Finetuning(trainable(known), whole, settings, None, True, steps, teacher)
    schedule = Schedule(settings.minutes, seed=settings.seed + 1, exactly=more)
    job = train(recipe, schedule, device=pick_device(settings.device))
    saying = "learning the held-out strokes too: "
    found = yield from mapped(job, lambda p: replace(p, message=saying + p.message))

    def scores() -> list[float]:
        networks = network, found.network
        of_both = [_score(one, painted, painted.scored.scoring) for one in networks]
        return [score.scores.get("dice", 0.0) for score in of_both]

    before, after = yield from elsewhere(scores, "scoring the result once more")
    if after < before:
        return network, 0
    return vessel_net(found.network), more


class _Finetuning(Finetuning):
    """Batches of painted voxels."""

    def __init__(
        self,
        network: VesselNet,
        painted: PaintedVolume,
        settings: FinetuneSettings,
        look: Preview | None,
        known: bool,
        after: int = 0,
        teacher: Teacher | None = None,
    ) -> None:
        draws = draw_batch if teacher is None else teacher.draw_batch

        def draw(rng: np.random.Generator, _: int) -> tuple[torch.Tensor, torch.Tensor]:
            return draws(painted, settings.patch, settings.batch, ONE_IMAGE, rng)

        loss = LOSSES[settings.loss] if teacher is None else taught
        super().__init__(network, loss, settings, known, draw, after)
        self.painted, self.look = painted, look

    def chosen_by(self, network: nn.Module) -> Mapping[str, float]:
        """Overlap with the blocks that choose."""
        return _score(network, self.painted, self.painted.scored.choosing).scores

    def preview(self, networks: Mapping[str, nn.Module]) -> tuple[Box, Any] | None:
        """The probability of what a person looks at."""
        return self.look(networks["network"], LOOKING) if self.look is not None else None


def trainable(model: Model) -> VesselNet:
    """A copy of the network in training mode; a trained one keeps its normalisation."""
    return copied(vessel_net(model.network), bool(model.card.get("steps", 0)))


def vessel_net(network: nn.Module) -> VesselNet:
    """The same, known as one."""
    assert isinstance(network, VesselNet)
    return network


def _score(network: nn.Module, painted: PaintedVolume, blocks: Sequence[Block]) -> PaintScore:
    """How well vessels are found on some painted blocks."""
    found, labels = at_blocks(lambda i: both_classes(probability(network, i)), painted, blocks)
    return paint_score(found, labels, CLASSES, len(blocks), VESSEL)


def _validation(look: Mapping[str, float]) -> dict[str, float]:
    """The scores of a look."""
    scores = {k: v for k, v in look.items() if k.startswith(VALIDATION)}
    return {name.removeprefix(VALIDATION): value for name, value in scores.items()}

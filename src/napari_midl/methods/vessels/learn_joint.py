"""A deep network that learns beside a pixel network, and is trusted as far as strokes say.

The pixel network teaches it on what nobody painted. Strokes that neither has seen say what share
of the mean of both is the deep one's; where it is not worth its time it is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.devices import pick_device
from napari_midl.engine.jobs import Job, elsewhere, mapped
from napari_midl.engine.models import Model
from napari_midl.engine.paint_score import PaintScore, paint_score
from napari_midl.engine.pixels.mixture import shares
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.verdict import Basis
from napari_midl.methods.vessels import learn, learn_pixels
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.inputs import painted_on
from napari_midl.methods.vessels.joint_network import JointNet, joint_architecture
from napari_midl.methods.vessels.looking import answers
from napari_midl.methods.vessels.pixel_network import PixelNet
from napari_midl.methods.vessels.preview import Preview
from napari_midl.methods.vessels.teaching import Teacher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from napari_midl.engine.annotation import PaintedVolume
    from napari_midl.engine.holding_out import Block
    from napari_midl.methods.vessels.network import VesselNet
    from napari_midl.methods.vessels.settings import FinetuneSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

# The share of the deep network where the strokes say nothing, and the least that is worth its time.
PRIOR, LEAST = 0.35, 0.05
TOO_LITTLE = (
    "Too little is painted to tell whether the deep network helps: this is the pixel network alone."
)
NO_HELP = "The deep network did not help on the held-out strokes: this is the pixel network alone."


def finetune(
    volume: Volume,
    patches: Sequence[Patch],
    model: Model,
    settings: FinetuneSettings,
    base: Callable[[], Model],
    view: Callable[[], Box | None] | None = None,
    enough: Callable[[], bool] = lambda: False,
    *,
    exactly: int | None = None,
) -> Job[Finetuned]:
    """Learn the painted voxels of one volume with both networks.

    Parameters
    ----------
    volume, patches, settings, view, enough, exactly
        As for `learn.finetune`; time and steps are the deep network's.
    model : Model
        Where to start from, a `VesselNet` or a `JointNet`; it is left as it is.
    base : callable
        Loads the shipped pixel networks, beside which a deep network alone begins.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are of the mean of both networks before they learnt
        what was held out; its ``basis`` tells what the voxels behind them did besides.

    Raises
    ------
    InputError
        If the labels do not fit the image or hold one class only.
    """

    def of_pixels(hidden: bool) -> Job[Finetuned]:
        alone = replace(settings, steps=0)
        of = painted.is_held_out if hidden else None
        job = learn_pixels.finetune(volume, patches, pixels, alone, base, hidden=of)
        return (yield from mapped(job, lambda p: replace(p, message=f"pixel network: {p.message}")))

    painted = yield from elsewhere(
        partial(painted_on, volume, patches, settings), "reading the painted voxels"
    )
    pixels, deep = yield from elsewhere(partial(parts_of, model, base), "loading the networks")
    scored = painted.scored
    if scored.basis is Basis.LEARNT:
        return replace((yield from of_pixels(hidden=False)), advice=TOO_LITTLE)
    first = _pixels((yield from of_pixels(hidden=True)).model).to(pick_device(settings.device))
    z, y, x = painted.shape
    teacher = Teacher((z, y, x))
    yield from teacher.asking(first, painted, settings.seed)
    before = PaintScore()
    if model.card.get("steps", 0) and scored.basis is Basis.UNSEEN:
        asking = partial(_score, model.network, painted, scored.scoring)
        before = yield from elsewhere(asking, "scoring the start")
    look = Preview(painted, learn.vessel_net(deep.network), view) if view is not None else None
    trained = yield from learn.training(painted, deep, settings, look, enough, exactly, teacher)
    found = learn.vessel_net(trained.network.cpu().eval())
    joined = yield from elsewhere(partial(join, first, found, painted), "joining the networks")
    last = (yield from of_pixels(hidden=False)).model
    gained = None
    if before.scores and joined.score.scores:
        gained = joined.score.scores["dice"] - before.scores["dice"]
    network: nn.Module = last.network
    finished = 0
    architecture = last.card["architecture"]
    if joined.share:
        best, finished = yield from learn.finish(trained, painted, settings, teacher)
        network = JointNet(_pixels(last), best.cpu().eval(), joined.share)
        architecture = joint_architecture(deep.card["architecture"])
    learnt = [*model.card.get("training_data", []), *last.card.get("training_data", [])]
    tuned = model.tuned(
        network,
        "patches painted",
        volume.name,
        trained.steps + finished,
        scores={"validation_before": before.scores, "validation_after": joined.score.scores},
        seed=settings.seed,
        architecture=architecture,
        training_data=list(dict.fromkeys(learnt)),
        shares={**last.card.get("shares", {}), "deep": round(joined.share, 3)},
    )
    return Finetuned.judged(
        model,
        tuned,
        gained=gained,
        before=before.scores,
        after=joined.score.scores,
        image=volume.name,
        steps=trained.steps,
        history=trained.history,
        basis=scored.basis,
        counts=joined.score.counts,
        advice=joined.score.advice if joined.share else NO_HELP,
        finished=finished,
    )


@dataclass(frozen=True)
class Joined:
    """What the held-out strokes say of the mean of two networks.

    Parameters
    ----------
    share : float
        That of the deep network; 0 where it is not worth its time.
    score : PaintScore
        Of the mean, on the strokes that score.
    """

    share: float
    score: PaintScore


def join(pixels: PixelNet, deep: VesselNet, painted: PaintedVolume) -> Joined:
    """Find the share from the blocks that choose, and score it on the others.

    Parameters
    ----------
    pixels, deep : PixelNet, VesselNet
        Neither has learnt from the held-out blocks.
    painted : PaintedVolume
        Tells which these are.
    """

    def of_both(blocks: Sequence[Block]) -> tuple[Floats, NDArray[np.uint8]]:
        (one, labels), (other, _) = (answers(n, painted, blocks) for n in (pixels, deep))
        return np.stack([one, other], 1), labels

    scored = painted.scored
    found, labels = of_both(scored.choosing)
    prior = np.array([1 - PRIOR, PRIOR])
    share = float(shares(found, labels == CLASSES.value(VESSEL), prior)[1])
    if share < LEAST:
        share = 0.0
    found, labels = of_both(scored.scoring)
    mean = found @ np.array([1 - share, share], np.float32)
    return Joined(share, score_of(mean, labels, len(scored.scoring)))


def parts_of(model: Model, base: Callable[[], Model]) -> tuple[Model, Model]:
    """The pixel and the deep network from which a model's learning begins.

    A deep network alone learns beside the shipped pixel networks.
    """
    network = model.network
    if isinstance(network, JointNet):
        return Model(network.pixels, model.card), Model(network.deep, model.card)
    return base(), model


def _pixels(model: Model) -> PixelNet:
    assert isinstance(model.network, PixelNet)
    return model.network


def _score(network: nn.Module, painted: PaintedVolume, blocks: Sequence[Block]) -> PaintScore:
    return score_of(*answers(network, painted, blocks), len(blocks))


def score_of(found: Floats, labels: NDArray[np.uint8], blocks: int) -> PaintScore:
    """The score of probabilities of vessel."""
    return paint_score(np.stack([1 - found, found], 1), labels, CLASSES, blocks, VESSEL)

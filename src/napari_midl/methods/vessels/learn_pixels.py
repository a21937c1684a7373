"""Learning vessels from strokes in seconds: a mixture of experts, distilled into one network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.level import level_advice
from napari_midl.engine.pixels import experts
from napari_midl.engine.pixels.depth import depth_of
from napari_midl.engine.pixels.joining import USUAL, joining, parted
from napari_midl.engine.pixels.mixture import folds
from napari_midl.engine.pixels.voxels import reading
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.verdict import Basis
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.inputs import painted_on
from napari_midl.methods.vessels.pixel_network import PixelNet, build_pixel_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_midl.engine.models import Model
    from napari_midl.engine.pixels.experts import Expert
    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.methods.vessels.settings import FinetuneSettings
    from napari_midl.volumes.annotations import Patch
    from napari_midl.volumes.volume import Volume

    Floats = NDArray[np.float32]

PRIOR = {"trees": 0.4, "shipped": 0.4, "tuned": 0.2}
# Standard errors by which the strokes have to be better known before to keep the start.
ERRORS = 3.0


@dataclass(frozen=True)
class Known:
    """What a learner knows before it sees strokes.

    Parameters
    ----------
    network : PixelNet
        The start; it gives the standardisation, too.
    is_trained : bool
        Whether it knows anything.
    library : tuple of Tensor
        Standardised features of voxels of other images, and whether they are vessel.
    has_seen : bool
        Whether it has learnt from strokes on this image, so that what it says of them flatters.
    """

    network: PixelNet
    is_trained: bool
    library: tuple[Tensor, Tensor]
    has_seen: bool = False

    @classmethod
    def of(cls, model: Model, base: Callable[[], Model], image: str) -> Known:
        """What a model knows that is to learn from strokes on an image.

        Parameters
        ----------
        model : Model
            The start. One that has learnt from this image and from no other but those of the
            shipped model begins again from that: its strokes are still there to be learnt.
        base : callable
            Loads the shipped model, whose library is learnt again where `model` has none.
        image : str
            Name of the image.
        """
        trained, seen = bool(model.card.get("steps", 0)), False
        carrier = network = _pixels(model)
        if trained and not len(network.library):
            shipped = base()
            carrier = _pixels(shipped)
            learnt = model.card.get("training_data", [])
            others = [data for data in learnt if not data.endswith(f" on {image}")]
            seen = others != learnt
            if seen and others == shipped.card.get("training_data", []):
                network, seen = carrier, False
        features = carrier.library * carrier.deviation + carrier.mean
        library = (network.standardised(features), carrier.library_labels)
        return cls(network, trained, library, seen)


def _pixels(model: Model) -> PixelNet:
    assert isinstance(model.network, PixelNet)
    return model.network


def fit_experts(
    known: Known, features: Floats, vessel: NDArray[np.bool_], seed: int, steps: int
) -> tuple[dict[str, Expert], Perceptron]:
    """Train the experts on standardised features of strokes; also gives the tuned network."""
    order = np.random.default_rng(seed).permutation(len(vessel))
    features, vessel = features[order], vessel[order]
    start = known.network.members[0] if known.is_trained else None
    tuned, network = experts.tuned(
        start, features, vessel, known.library, known.network.shift, seed, steps
    )
    shipped = known.network if known.is_trained else None
    found = {"trees": experts.trees(shipped, features, vessel, seed), "tuned": tuned}
    if known.is_trained:
        found["shipped"] = experts.levelled(known.network, features, vessel)
    return found, network


def finetune(
    volume: Volume,
    patches: Sequence[Patch],
    model: Model,
    settings: FinetuneSettings,
    base: Callable[[], Model],
    *,
    exactly: int | None = None,
    hidden: Callable[[NDArray[np.int64]], NDArray[np.bool_]] | None = None,
) -> Job[Finetuned]:
    """Learn the painted voxels of one volume.

    Parameters
    ----------
    volume : Volume
        Image with axes ``Z Y X``.
    patches : sequence of Patch
        Painted labels of `CLASSES`.
    model : Model
        Where to start from, a `PixelNet`; it is left as it is.
    settings : FinetuneSettings
        Seed and steps; there is no time to be chosen.
    base : callable
        Loads the shipped model, whose library is learnt again where `model` has none.
    exactly : int, optional
        Take this many steps, whatever the settings say.
    hidden : callable, optional
        Which of some voxels ``(N, 3)`` are not to be learnt from.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are ``dice``, ``precision`` and ``recall`` of the
        mixture on parts of the strokes that neither the experts nor their shares had seen.

    Raises
    ------
    InputError
        If the labels do not fit the image or hold one class only.
    """
    seed = settings.seed
    steps = exactly if exactly is not None else settings.steps or USUAL
    tuning, teaching = parted(steps)

    painted = yield from elsewhere(
        partial(painted_on, volume, patches), "reading the painted voxels"
    )
    known = yield from elsewhere(
        partial(Known.of, model, base, volume.name), "loading what is known"
    )
    depth = yield from elsewhere(partial(depth_of, volume, painted), "looking at the slices")
    with WeightsFrom(seed):
        network = build_pixel_network("pixels")
    network.load_state_dict(_outline(known.network), strict=False)
    network.depth.fill_(depth)
    voxels = yield from reading(painted, network.space, seed)
    if hidden is not None:
        voxels = voxels.without(hidden(voxels.places))
    if not known.is_trained:
        network.standardise_by(voxels.unpainted)
        known = Known(network, False, known.library)
    vessel = voxels.labels == CLASSES.value(VESSEL)
    others = np.concatenate([voxels.unpainted, voxels.lit])
    features, others = map(network.as_seen, (voxels.features, others))
    parting = partial(folds, voxels.places, vessel, depth, seed)
    fold = yield from elsewhere(parting, "parting the strokes")
    prior = {name: share for name, share in PRIOR.items() if known.is_trained or name != "shipped"}

    def fit(of: NDArray[np.bool_]) -> tuple[dict[str, Expert], Perceptron]:
        return fit_experts(known, features[of], vessel[of], seed, tuning)

    joined = yield from joining(fit, features, vessel, fold, prior, others, seed, teaching)
    judged = joined.judged
    network.with_member(0, joined.student)
    after = _scores(judged.probability, vessel)
    before: dict[str, float] = {}
    gained: float | None = None
    if known.network is model.network and known.is_trained and after and not known.has_seen:
        with torch.inference_mode():
            start = torch.sigmoid(known.network.logits(torch.from_numpy(features))).numpy()
        before = _scores(start, vessel)
        gained = _gained(start, judged.probability, vessel, fold)
    tuned_model = model.tuned(
        network,
        "patches painted",
        volume.name,
        steps,
        scores={"validation_before": before, "validation_after": after},
        seed=seed,
        architecture="pixels",
        shares={name: round(share, 3) for name, share in judged.shares.items()},
    )
    basis = Basis.LEARNT if known.has_seen else Basis.UNSEEN
    history = [{"step": 0.0, **_looked(before)}, {"step": float(steps), **_looked(after)}]
    counts = {
        f"voxels of {VESSEL}": int(vessel.sum()),
        f"voxels of {CLASSES.names[0]}": int((~vessel).sum()),
    }
    return Finetuned.judged(
        model,
        tuned_model,
        gained=gained,
        before=before,
        after=after,
        image=volume.name,
        steps=steps,
        history=history,
        basis=basis if after else Basis.NONE,
        counts=counts if after else {},
        advice=level_advice(judged.probability, vessel) if after else "",
    )


def _outline(network: PixelNet) -> dict[str, Any]:
    """All but the perceptrons and the library."""
    return {name: getattr(network, name) for name in ("mean", "deviation", "depth")}


def _scores(probability: Floats, vessel: NDArray[np.bool_]) -> dict[str, float]:
    if not len(probability):
        return {}
    found = probability >= 0.5
    hits = int((found & vessel).sum())
    return {
        "dice": 2 * hits / max(int(found.sum()) + int(vessel.sum()), 1),
        "precision": hits / int(found.sum()) if found.any() else 1.0,
        "recall": hits / max(int(vessel.sum()), 1),
    }


def _gained(
    start: Floats, learnt: Floats, vessel: NDArray[np.bool_], fold: NDArray[np.int64]
) -> float:
    """By how much what was learnt has a higher Dice; a loss only if the parts agree on it.

    On each part it has seen less than it has at the end, and a few strokes scatter.
    """
    gained = _scores(learnt, vessel)["dice"] - _scores(start, vessel)["dice"]
    parts = [
        _scores(learnt[of], vessel[of])["dice"] - _scores(start[of], vessel[of])["dice"]
        for of in (fold == part for part in range(int(fold.max()) + 1))
    ]
    error = float(np.std(parts, ddof=1)) / len(parts) ** 0.5
    return max(gained, 0.0) if gained > -ERRORS * error else gained


def _looked(scores: dict[str, float]) -> dict[str, float]:
    return {f"validation_{name}": value for name, value in scores.items()}

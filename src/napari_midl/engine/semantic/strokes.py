"""Learning strokes in any classes in seconds: learners of single voxels, joined in one network."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from napari_midl.engine.annotation import never_labelled, refuse_one_class, unlabelled_classes
from napari_midl.engine.examples import whole_image
from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.models import Model
from napari_midl.engine.pixels.depth import distance_of_slices
from napari_midl.engine.pixels.joining import USUAL, joining, parted
from napari_midl.engine.pixels.learners import PRIOR, fit_learners
from napari_midl.engine.pixels.mixture import folds
from napari_midl.engine.pixels.network import PixelNetwork
from napari_midl.engine.pixels.voxels import reading
from napari_midl.engine.scores import dice_of
from napari_midl.engine.semantic.models import UNLEARNT, classes_of
from napari_midl.engine.trained import Finetuned
from napari_midl.engine.verdict import Basis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_midl.engine.examples import Examples
    from napari_midl.engine.pixels.experts import Expert
    from napari_midl.engine.pixels.perceptron import Perceptron
    from napari_midl.volumes.classes import Classes

UNSCORED = "Too little is labelled to score it: label each class in two places."
UNALIKE = (
    "What is labelled in one place did not foretell other places: label each class in more places, "
    "and judge by the picture."
)
ALONE = (
    "Painted in one place only, and scored on parts of it, which flatters: {}. Paint in other "
    "places, too, and judge by the picture."
)
POOR = 0.5  # Dice below which that is said
_MANY = 2_000  # voxels of a label map, or much of one, which tell more than a stroke
_CELL = 8  # columns; what is nearer to each other is one place
# Columns between two images, so that no part of the strokes has some of both. What is painted at
# one place of several time points may be one part: the one foretells the other.
_APART = 1e7


def fit(
    examples: Examples, model: Model, settings: Any, *, exactly: int | None = None
) -> Job[Finetuned]:
    """Learn the labelled voxels of some images.

    Parameters
    ----------
    examples : Examples
        Images and labels; all are learnt, and parts of them are left out in turn to be scored on.
    model : Model
        Of a `PixelNetwork`; it is left as it is, and nothing that it knows is used.
    settings : Settings
        With `steps`, 0 for the usual number, and `seed`.
    exactly : int, optional
        Take this many steps, whatever the settings say.

    Returns
    -------
    Finetuned
        Returned by the generator. Its scores are Dice, on parts of the labels that neither the
        learners nor their shares had seen.
    """
    refuse_one_class(examples.images)
    seed, classes = settings.seed, examples.classes
    steps = exactly if exactly is not None else settings.steps or USUAL
    learning, teaching = parted(steps)
    network = copy.deepcopy(model.network)
    assert isinstance(network, PixelNetwork)
    read = yield from _read(examples, network, seed)
    features, unpainted, labels, places = read
    allowed = classes.table[labels]

    how = (network.shift, network.near, seed, learning)

    def fit_some(of: NDArray[np.bool_]) -> tuple[Mapping[str, Expert], Perceptron]:
        return fit_learners(features[of], allowed[of], *how)

    parting = partial(folds, places, labels, 1.0, seed)
    fold = yield from elsewhere(parting, "parting the labels")
    joined = yield from joining(fit_some, features, allowed, fold, PRIOR, unpainted, seed, teaching)
    judged = joined.judged
    network.with_member(0, joined.student)
    after, counts = dice_of(judged.probability, labels, classes)
    seen = ", ".join(dict.fromkeys(channels[0].name for channels in examples.volumes))
    names = classes_of(model).names
    # Nothing of a start is left, whatever it had learnt.
    kept = ("tool", "architecture", "classes", "channels")
    fresh = Model(model.network, {key: model.card[key] for key in kept})
    tuned = fresh.tuned(
        network,
        "labels",
        seen,
        steps,
        seed=seed,
        scores={"held out": after},
        shares={name: round(share, 3) for name, share in judged.shares.items()},
    )
    tuned.card["name"] = f"{', '.join(names[1:])} of {seen}"
    if unlearnt := unlabelled_classes(examples.images):
        tuned.card[UNLEARNT] = unlearnt
    return Finetuned.judged(
        model,
        tuned,
        gained=None,
        before={},
        after=after,
        image=seen,
        steps=steps,
        basis=Basis.UNSEEN if after else Basis.NONE,
        counts=counts,
        advice=never_labelled(examples.images) or _advice(after, alone(labels, places, classes)),
    )


def _advice(after: Mapping[str, float], in_one_place: list[str]) -> str:
    """A sentence where the scores say little of the model."""
    if not after:
        return UNSCORED
    if after.get("dice", 1.0) < POOR:
        return UNALIKE
    return ALONE.format(", ".join(in_one_place)) if in_one_place else ""


def alone(labels: NDArray[np.uint8], places: NDArray[np.float64], classes: Classes) -> list[str]:
    """Names of the classes of which there is one stroke: its parts foretell each other.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
        With what voxels are painted.
    places : ndarray of float, shape (N, 3)
        Where they are, in distances of two columns.
    classes : Classes
        What the labels mean.
    """
    found = []
    for name in classes.names:
        own = places[labels == classes.value(name)]
        if 0 < len(own) <= _MANY:
            cells = np.unique(np.floor(own / _CELL), axis=0)
            near = KDTree(cells).sparse_distance_matrix(KDTree(cells), 1.8)  # also at a corner
            if connected_components(near, return_labels=False) == 1:
                found.append(name)
    return found


_Read = tuple[
    "NDArray[np.float32]", "NDArray[np.float32]", "NDArray[np.uint8]", "NDArray[np.float64]"
]


def _read(examples: Examples, network: PixelNetwork, seed: int) -> Job[_Read]:
    """Standardised features of labelled voxels and of others, labels, and where they are."""
    each, numbers = [], dict[str, int]()
    for image, channels in zip(examples.images, examples.volumes, strict=True):
        if image.painted:
            looking = partial(distance_of_slices, channels[0])
            depth = yield from elsewhere(looking, f"looking at {channels[0].name}")
            space = network.at_depth(depth).space
            number = numbers.setdefault(whole_image(channels), len(numbers))
            each.append((number, space, (yield from reading(image, space, seed))))
    network.depth.fill_(each[0][1].depth)
    unpainted = np.concatenate([voxels.unpainted for *_, voxels in each])
    usual = unpainted if len(unpainted) else np.concatenate([v.features for *_, v in each])
    network.standardise_by(usual)
    painted = np.concatenate([voxels.features for *_, voxels in each])
    lit = np.concatenate([voxels.lit for *_, voxels in each])
    features, others = map(network.as_seen, (painted, np.concatenate([unpainted, lit])))
    places = [
        voxels.places * (space.depth, 1.0, 1.0) + (0.0, 0.0, _APART * number)
        for number, space, voxels in each
    ]
    labels = np.concatenate([voxels.labels for *_, voxels in each])
    return features, others, labels, np.concatenate(places)

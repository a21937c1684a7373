"""One labelled slice of a stack, and the vessels of all others.

Forest and ours learn from the slice; the level of a filter is the one that is best on it. Our
base has not seen the stack's animal.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from skimage import filters

from benchmarks.peers import Found, Places, Task
from benchmarks.vessel_cases import cases, reveals, scored_slices
from benchmarks.vessel_peers import features, forest_probability, random_forest
from napari_midl.engine.jobs import run
from napari_midl.methods.vessels import apply, learn_pixels
from napari_midl.methods.vessels.models import named_model
from napari_midl.methods.vessels.score import cl_dice, dice
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import robust_scaling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.vessel_cases import Case

STACKS = (
    "octa",
    "burgess2014_bbb",
    "burgess2014_lowerRes",
    "burgess2014_noisy",
    "santos2015_low",
    "santos2015_mixed",
)
# Radii in voxels, from the thinnest vessel to the widest.
SIGMAS = (1, 2, 4)


def _ours(places: Places, case: Case, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    base = named_model(places.bases / f"base-{case.group}.safetensors")
    found = run(
        learn_pixels.finetune(
            case.image, [Patch((0, 0, 0), labels)], base, FinetuneSettings(), lambda: base
        )
    )
    z, y, x = (slice(0, n) for n in case.image.shape)
    return apply.predict_region(case.image, found.model, (z, y, x)) >= 0.5


def _forest(_: Places, case: Case, labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    table = features(robust_scaling(case.image)(np.asarray(case.image.data)))
    return forest_probability(random_forest(table, labels), table) >= 0.5


def _filtered(
    ridges: Callable[..., NDArray[np.float64]], _: Places, case: Case, labels: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    image = np.asarray(case.image.data).astype(np.float32)
    found = ridges(image, sigmas=SIGMAS, black_ridges=False)
    known = labels > 0
    levels = np.percentile(found[known], np.arange(1, 100))
    best = max(levels, key=lambda level: dice(found[known] > level, labels[known] == 2))
    return found > best


def _scored(
    mask: Callable[[Places, Case, NDArray[np.uint8]], NDArray[np.bool_]], places: Places, name: str
) -> Found:
    (case,) = cases(places.data / "vessels", name)
    (reveal,) = reveals(rehearse=False)["slice"]
    labels = reveal(case.mask)
    started = time.process_time()
    found = mask(places, case, labels)
    seconds = time.process_time() - started
    of = scored_slices(labels)[:, None, None]
    found, true = found & of, case.mask & of
    return Found({"Dice": dice(found, true), "clDice": cl_dice(found, true)}, seconds)


TASKS = [
    Task(
        "vessels of a stack, one slice labelled",
        "paint one slice",
        STACKS,
        {
            "ours": partial(_scored, _ours),
            "random forest": partial(_scored, _forest),
            "Sato's filter": partial(_scored, partial(_filtered, filters.sato)),
            "Frangi's filter": partial(_scored, partial(_filtered, filters.frangi)),
        },
    )
]

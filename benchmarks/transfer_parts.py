"""The trainings of `benchmarks.transfer`, part by part; each gives its rows for one seed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import transfer_data as data
from benchmarks.transfer_scores import dice, forest_dice, mean_dice
from napari_midl.methods.segment.settings import PretrainSettings, TrainSettings
from napari_midl.volumes.classes import Classes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_midl.engine.models import Model

Rows = list[dict[str, Any]]
SCOPES = ("last-layers", "decoder", "everything")
PATCHES = (1, 2, 5, 10, 20)
STACK_BOX = (8, 48, 48)


@dataclass(frozen=True)
class How:
    """Where the data lie, where to compute, and how much of it.

    Parameters
    ----------
    data, brain : Path
        The shared stacks, and nilearn's wheel.
    device : str
        Where to compute.
    scale : float
        By what the numbers of steps are multiplied.
    looks : int
        Looks at the score in a training of part a.
    most : tuple of int, optional
        Voxels of the shared stacks that are scored at most, about their middle.
    trees : Path, optional
        A model that `segment pretrain` has made, instead of training one for each seed.
    patches : tuple of int
        Numbers of labelled slices in part b.
    """

    data: Path
    brain: Path
    device: str = "auto"
    scale: float = 1.0
    looks: int = 8
    most: tuple[int, ...] | None = None
    trees: Path | None = None
    patches: tuple[int, ...] = PATCHES

    def steps(self, count: int) -> int:
        return max(2, round(count * self.scale))

    def settings(self, steps: int, **others: Any) -> TrainSettings:
        usual = {"patch": STACK_BOX, "batch": 2, "half_life": max(steps // 3, 1), "minutes": 600.0}
        return TrainSettings(**usual | {"device": self.device} | others)


def learn(
    how: How,
    samples: Sequence[data.Sample],
    model: Model,
    classes: Classes,
    steps: int,
    seed: int,
    tests: Sequence[data.Sample] = (),
    known: Sequence[tuple[str, ...]] = (),
    **settings: Any,
) -> tuple[Model, list[tuple[int, float]]]:
    """Train for exactly so many steps; where there are tests, the score at eight looks, too."""
    from napari_midl.engine.devices import pick_device
    from napari_midl.engine.examples import Examples
    from napari_midl.engine.jobs import run
    from napari_midl.engine.models import Model
    from napari_midl.engine.training import Schedule, train
    from napari_midl.methods.segment.learn import Learning

    class Timed(Learning):
        monitor = ""  # the last weights count, whatever the looks say

        def score(self, networks: Any) -> dict[str, float]:
            if not tests:
                return {}
            return {"test": mean_dice(dice(networks["network"], tests, classes.names))}

    chosen = how.settings(steps, seed=seed, **settings)
    images = [sample.painted(classes, seed) for sample in samples]
    examples = Examples(images, classes, list(known))
    recipe = Timed(images, images, model, chosen, examples)
    every = max(steps // how.looks, min(steps, how.looks))
    schedule = Schedule(600.0, seed=seed, evaluate_every=every, exactly=steps)
    trained = run(train(recipe, schedule, device=pick_device(how.device)))
    curve = [(look["step"], look["test"]) for look in trained.history if "test" in look]
    card = model.card | {"steps": model.card["steps"] + steps}
    return Model(trained.network, card), curve


def synthetic_first(how: How, seed: int) -> Rows:
    """Part a: trees that are generated, the labels of the domain, or both."""
    from napari_midl.engine.jobs import run
    from napari_midl.methods.segment import models
    from napari_midl.methods.segment.pretraining import TREES, pretrain

    steps, rows = how.steps(400), []
    name, loss = "deepvesselnet 1>2", "corrected"
    long = how.steps(1600)
    pretraining = PretrainSettings(
        architecture="deepvesselnet",
        loss=loss,
        patch=STACK_BOX,
        seed=seed,
        device=how.device,
        half_life=max(long // 2, 1),
        minutes=600.0,
    )
    trees = models.named_model(how.trees) if how.trees else run(pretrain(pretraining, exactly=long))
    domains = data.vessel_domains(how.data, how.most)
    for domain in domains:
        rng = np.random.default_rng((seed, 1))
        each = -(-3 // len(domain.learnt))
        few = [s.revealing(each, (8, 48, 48), rng, TREES) for s in domain.learnt]
        made = {
            "synthetic": (trees, []),
            "real": learn(
                how,
                few,
                models.scratch(name, TREES, 1, seed),
                TREES,
                steps,
                seed,
                domain.scored,
                loss=loss,
            ),
            "both": learn(how, few, trees, TREES, steps, seed, domain.scored, loss=loss),
        }
        for training, (model, curve) in made.items():
            of = {d.name: d for d in domains} if training == "both" else {domain.name: domain}
            for target, tested in of.items():
                found = dice(model.network, tested.scored, TREES.names)
                row = {"trained on": domain.name, "scored on": target, "training": training}
                rows.append(row | {"f1": mean_dice(found), "curve": curve})
    return rows


def what_to_tune(how: How, seed: int) -> Rows:
    """Part b: a network that knows lesions, and tumours of three parts on few slices."""
    from napari_midl.methods.segment import models

    lesion, tumour = Classes("healthy", "lesion"), Classes(*data.TUMOUR)
    rng = np.random.default_rng((seed, 2))
    flat: dict[str, Any] = {"patch": (1, 80, 80), "batch": 4}
    source = [data.head_slice(how.brain, rng, tumour=False) for _ in range(240)]
    scratch = models.scratch("unet-2d-compact 2>2", lesion, 2, seed)
    knows, _ = learn(how, source, scratch, lesion, how.steps(1200), seed, **flat)
    many = [data.head_slice(how.brain, rng, tumour=True) for _ in range(max(how.patches))]
    tests = [
        data.head_slice(how.brain, np.random.default_rng((9, k)), tumour=True) for k in range(40)
    ]
    rows, steps, name = [], how.steps(300), "unet-2d-compact 2>4"
    for count in how.patches:
        for scope in ("scratch", *SCOPES):
            start = (
                models.scratch(name, tumour, 2, seed)
                if scope == "scratch"
                else models.grown(knows, name, tumour, seed)
            )
            settings = flat | {"scope": "everything" if scope == "scratch" else scope}
            model, _ = learn(how, many[:count], start, tumour, steps, seed, **settings)
            found = dice(model.network, tests, tumour.names)
            rows.append({"patches": count, "tuned": scope, "dice": mean_dice(found)} | found)
    return rows


def partial_labels(how: How, seed: int, task: str) -> Rows:
    """Part c: many subjects of which some structures are labelled, and one with all."""
    from napari_midl.methods.segment import models
    from napari_midl.volumes.partial import with_rests

    if task == "atlas":
        template, names, known, how_far = data.atlas(), data.STRUCTURES, data.STRUCTURES[1:4], 2.5
    else:
        template, names = data.brain_template(how.brain), data.BRAIN
        known, how_far = ("white matter", "deep grey"), 2.5
    classes = Classes(*names)
    both, part = with_rests(classes, [known]), Classes(names[0], *known)
    rng = np.random.default_rng((seed, 3))
    subjects = [data.deformed(template, rng, how_far) for _ in range(12)]
    tests = [data.deformed(template, np.random.default_rng((8, k)), how_far) for k in range(4)]
    full, many = subjects[:1], subjects[1:]
    number = [names.index(name) for name in known]
    own = np.zeros(len(names), np.uint8)
    own[number] = np.arange(1, len(known) + 1)
    rest = next(la.value for la in both.labels if set(la.may_be) == set(names) - set(known))
    value = np.full(len(names), rest, np.uint8)
    value[number] = [both.value(name) for name in known]
    partly = [replace(s, truth=own[s.truth]) for s in many]
    mixed = [*full, *(replace(s, labels=value[s.truth]) for s in many)]
    steps, three = how.steps(400), "unet-3d-compact 1>"
    name = f"{three}{len(names)}"
    pair = f"mo-net-3d-compact 1>{len(names)}+{len(known) + 1}"
    scratch = models.scratch(name, classes, 1, seed)
    first = models.scratch(f"{three}{len(part)}", part, 1, seed)
    pretrained, _ = learn(how, partly, first, part, steps, seed)
    tuned = models.grown(pretrained, name, classes, seed)
    joint = models.grown(pretrained, pair, classes, seed, tuple(known))
    joint.card["second"] = list(known)
    made = {
        "U-Net from scratch": (scratch, full, classes),
        "U-Net fine-tuned": (tuned, full, classes),
        "MO-Net": (joint, full, classes),
        "MO-Net on all labels": (joint, mixed, both),
        "U-Net, sets of classes": (scratch, mixed, both),
        "U-Net fine-tuned, sets of classes": (tuned, mixed, both),
    }
    rows = []
    for method, (start, samples, meaning) in made.items():
        model, _ = learn(how, samples, start, meaning, steps, seed, known=[known])
        found = dice(model.network, tests, names)
        of_known = float(np.mean([found[n] for n in known]))
        row = {"task": task, "method": method, "dice": mean_dice(found), "of the known": of_known}
        rows.append(row | found)
    return rows


def against_forest(how: How, seed: int) -> Rows:
    """Part d: the same labels for a network and for a forest on multiscale features."""
    from napari_midl.methods.segment import models

    rows = []
    for case, (learnt, scored, names) in cases(how, seed).items():
        classes = Classes(*names)
        flat = learnt.truth.shape[0] == 1
        box = (1, 24, 24) if flat else (4, 24, 24)
        few = learnt.revealing(8, box, np.random.default_rng((seed, 4)), classes)
        size, channels = "2d" if flat else "3d", len(few.image)
        name = f"unet-{size}-compact {channels}>{len(names)}"
        start = models.scratch(name, classes, channels, seed)
        began = time.monotonic()
        model, _ = learn(
            how,
            [few],
            start,
            classes,
            how.steps(500),
            seed,
            patch=(1, 64, 64) if flat else STACK_BOX,
            batch=4 if flat else 2,
        )
        seconds = time.monotonic() - began
        mine = dice(model.network, [scored], names)
        forest = forest_dice(few, scored, names, seed)
        row = {"case": case, "network": mean_dice(mine), "forest": mean_dice(forest)}
        rows.append(row | {"seconds": seconds, "each": {"network": mine, "forest": forest}})
    return rows


def cases(how: How, seed: int) -> dict[str, tuple[data.Sample, data.Sample, Sequence[str]]]:
    """What is learnt and what is scored, in two and in three dimensions."""
    cells = [data.cells_picture(np.random.default_rng((5, seed, k))) for k in range(2)]
    template = data.brain_template(how.brain)
    people = [data.deformed(template, np.random.default_rng((6, seed, k))) for k in range(2)]
    middle = template.truth.shape[0] // 2
    slices = [
        data.Sample(p.image[:, middle : middle + 1], p.truth[middle : middle + 1]) for p in people
    ]
    found = {
        "cells, picture": (*cells, data.CELLS),
        "brain, slice": (*slices, data.BRAIN),
        "brain, stack": (*people, data.BRAIN),
    }
    for domain in data.vessel_domains(how.data, how.most):
        if domain.name != data.FOREIGN:
            found[f"{domain.name}, stack"] = (
                domain.learnt[0],
                domain.scored[0].middle((26, 160, 160)),
                ("background", "vessel"),
            )
    return found


PARTS: dict[str, Callable[[How, int], Rows]] = {
    "a": synthetic_first,
    "b": what_to_tune,
    "c-atlas": lambda how, seed: partial_labels(how, seed, "atlas"),
    "c-brain": lambda how, seed: partial_labels(how, seed, "brain"),
    "d": against_forest,
}

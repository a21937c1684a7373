"""Learning vessels from a little paint, against a threshold, a random forest and other starts.

``python -m benchmarks vessels --bases FOLDER`` looks for ``base-GROUP.safetensors``, made by
``napari-midl vessels pretrain-pixels --hold-out GROUP``; ``--deep FOLDER`` for U-Nets of the same
names, made by ``napari-midl vessels pretrain --hold-out GROUP``.

Revealed are the middle slice, or, in three draws whose scores are averaged, twelve squares of
16 x 16 voxels on three slices. Scored is every slice at least two away from those, at the
threshold of 0.5; of the parts that the learner is made of, and of their mixture before it is
distilled, every third of them. The parts learn together: their seconds of learning are those of
all three, the strokes' features included; the mixture's lack those of finding the shares. The
forest's seconds of predicting include its features, those of learning do not. Where other work
shares the machine, those of the processor tell more than those on the clock.

``--rehearse`` reveals a slice at a third of the depth and other squares: what was chosen was
chosen on those. Each row is kept once it is there; a benchmark that was stopped goes on, and a
row is made anew if its base is another. Delete the file of results when the learner has changed.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.vessel_cases import Case, cases, now, reveals, scored_slices
from benchmarks.vessel_peers import forest_probability, oracle, random_forest
from benchmarks.vessel_results import (
    ALL,
    BASE,
    CLOCKS,
    DEEP,
    DEEP_SCRATCH,
    FOREST,
    JOINT,
    LARGE,
    MIXED,
    ORACLE,
    PARTS,
    SCRATCH,
    Results,
    Row,
)
from napari_midl.engine.jobs import run
from napari_midl.engine.pixels import experts
from napari_midl.engine.pixels.depth import depth_of
from napari_midl.engine.pixels.scale_space import ScaleSpace
from napari_midl.engine.pixels.voxels import Voxels, features_of, read_voxels
from napari_midl.methods.vessels import apply, learn, learn_joint, learn_pixels
from napari_midl.methods.vessels.classes import CLASSES, VESSEL
from napari_midl.methods.vessels.inputs import painted_on
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.score import cl_dice, dice
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from benchmarks.vessel_cases import Seconds
    from napari_midl.engine.models import Model

SETTINGS = FinetuneSettings()
NONE = np.zeros(2)
EVERY = 3


@dataclass
class Trial:
    """A case of which something is revealed, and the models to start from."""

    case: Case
    labels: NDArray[np.uint8]
    base: Model
    deep: Model | None
    deep_settings: FinetuneSettings

    def __post_init__(self) -> None:
        self.scored = scored_slices(self.labels)
        self.patches = [Patch((0, 0, 0), self.labels)]

    def row(self, predicted: NDArray[np.bool_], learning: Seconds, predicting: Seconds) -> Row:
        """Scores of a mask, and the seconds that it took."""
        # What is not scored is empty in both: no skeleton runs from one scored slice to another.
        of = self.scored[:, None, None]
        found, true = predicted & of, self.case.mask & of
        return {
            "dice": dice(found, true),
            "cldice": cl_dice(found, true),
            **_times(learning, predicting, predicted.size),
        }

    def predicted(self, model: Model, learning: Seconds = NONE) -> Row:
        """The row of a model."""
        z, y, x = (slice(0, n) for n in self.case.image.shape)
        started = now()
        probability = apply.predict_region(self.case.image, model, (z, y, x))
        return self.row(probability >= 0.5, learning, now() - started)


def _times(learning: Seconds, predicting: Seconds, voxels: int) -> Row:
    found: Row = {}
    for index, of in enumerate(CLOCKS):
        found[f"learning, {of}"] = float(learning[index])
        found[f"predicting, {of}"] = float(predicting[index])
        if predicting[index]:
            found[f"Mvoxel/s, {of}"] = voxels / float(predicting[index]) / 1e6
    return found


def _oracle(trial: Trial) -> dict[str, Row]:
    above = oracle(np.asarray(trial.case.image.data), trial.case.mask, trial.scored)
    return {ORACLE: trial.row(above, NONE, NONE)}


def _forest(trial: Trial) -> dict[str, Row]:
    table, of_features = trial.case.table
    started = now()
    forest = random_forest(table, trial.labels)
    learnt = now()
    probability = forest_probability(forest, table)
    seconds = of_features + now() - learnt
    return {FOREST: trial.row(probability >= 0.5, learnt - started, seconds)}


def _base(trial: Trial) -> dict[str, Row]:
    return {BASE: trial.predicted(trial.base)}


def _distilled(trial: Trial, start: Model) -> Row:
    started = now()
    learning = learn_pixels.finetune(
        trial.case.image, trial.patches, start, SETTINGS, lambda: trial.base
    )
    found = run(learning)
    row = trial.predicted(found.model, now() - started)
    shares = found.model.card.get("shares", {})
    return row | {"verdict": found.verdict.value, "own score": found.after, "shares": shares}


def _all(trial: Trial) -> dict[str, Row]:
    """What is learnt, and what it is made of."""
    row = _distilled(trial, trial.base)
    return {**_parts(trial, row["shares"]), ALL: row}


def _parts(trial: Trial, shares: Mapping[str, float]) -> dict[str, Row]:
    """Each expert alone, trained on the strokes as `learn_pixels.finetune` trains it in the end."""
    started = now()
    image = trial.case.image
    painted = painted_on(image, trial.patches)
    known = learn_pixels.Known.of(trial.base, lambda: trial.base, "")
    space = ScaleSpace(depth_of(image, painted))
    *_, voxels = read_voxels(painted, space, SETTINGS.seed)
    assert isinstance(voxels, Voxels)

    def standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
        return known.network.standardised(torch.from_numpy(features)).numpy()

    vessel = voxels.labels == CLASSES.value(VESSEL)
    found, _ = learn_pixels.fit_experts(
        known, standardised(voxels.features), vessel, SETTINGS.seed, experts.STEPS
    )
    # Without shares the start was kept, and there was no mixture.
    askers: dict[str, experts.Expert] = {
        **found,
        **({MIXED: partial(learn_pixels.mixed, found, shares)} if shares else {}),
    }
    learning = now() - started
    chosen = np.flatnonzero(trial.scored)[::EVERY]
    true = trial.case.mask[chosen]
    predicted = {name: np.zeros(true.shape, bool) for name in askers}
    seconds = dict.fromkeys((*PARTS, MIXED), NONE)
    for at, z in enumerate(chosen):
        started = now()
        plane = (slice(z, z + 1), slice(0, true.shape[1]), slice(0, true.shape[2]))
        features = features_of(painted, space, plane)
        table = standardised(features.reshape(-1, features.shape[-1]))
        of_features = now() - started
        for name, asked in askers.items():
            started = now()
            predicted[name][at] = asked(table).reshape(true.shape[1:]) >= 0.5
            seconds[name] = seconds[name] + of_features + now() - started
    return {
        name: _times(learning, seconds[name], true.size)
        | ({"dice": dice(predicted[name], true)} if name in predicted else {})
        for name in seconds
    }


def _scratch(trial: Trial) -> dict[str, Row]:
    return {SCRATCH: _distilled(trial, scratch("pixels", SETTINGS.seed))}


def _joint(trial: Trial) -> dict[str, Row]:
    """The U-Net beside a pixel network, as ``vessels finetune --model unet`` trains it."""
    assert trial.deep is not None
    started = now()
    learning = learn_joint.finetune(
        trial.case.image, trial.patches, trial.deep, trial.deep_settings, lambda: trial.base
    )
    found = run(learning)
    row = trial.predicted(found.model, now() - started)
    share = found.model.card.get("shares", {}).get("deep", 0.0)
    return {JOINT: row | {"verdict": found.verdict.value, "steps": found.steps, "share": share}}


def _deep(trial: Trial) -> dict[str, Row]:
    """The U-Net alone, from its base and from scratch, as its paper trains it."""
    assert trial.deep is not None
    starts = {DEEP: trial.deep, DEEP_SCRATCH: scratch("compact", SETTINGS.seed)}
    return {name: _alone(trial, start) for name, start in starts.items()}


def _large(trial: Trial) -> dict[str, Row]:
    """The network of the paper in its full size."""
    return {LARGE: _alone(trial, scratch("tubenet", SETTINGS.seed))}


def _alone(trial: Trial, start: Model) -> Row:
    started = now()
    learning = learn.finetune(trial.case.image, trial.patches, start, trial.deep_settings)
    found = run(learning)
    row = trial.predicted(found.model, now() - started)
    return row | {"verdict": found.verdict.value, "steps": found.steps}


LEARNERS: dict[tuple[str, ...], Callable[[Trial], dict[str, Row]]] = {
    (ORACLE,): _oracle,
    (FOREST,): _forest,
    (BASE,): _base,
    (*PARTS, MIXED, ALL): _all,
    (SCRATCH,): _scratch,
    (JOINT,): _joint,
    (DEEP, DEEP_SCRATCH): _deep,
    (LARGE,): _large,
}
# Too slow where there is no GPU.
USUAL = [names[-1] for names in LEARNERS if LARGE not in names]


def main(arguments: list[str]) -> None:
    """Run what has not been run yet, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks vessels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stacks", type=Path, default=Path("../shared/data/vessels"))
    parser.add_argument("--bases", type=Path, required=True)
    parser.add_argument("--deep", type=Path, help="folder of the U-Nets; none are tuned without")
    parser.add_argument("--only", default="", help="only the stacks whose name contains this")
    parser.add_argument("--reveal", choices=["slice", "scribbles", "both"], default="both")
    every = [names[-1] for names in LEARNERS]
    parser.add_argument("--draws", type=int, default=3, help="of scribbles")
    parser.add_argument("--learners", nargs="+", choices=every, default=USUAL)
    parser.add_argument("--rehearse", action="store_true", help="other slices and squares")
    parser.add_argument("--minutes", type=float, default=2.0, help="of tuning a U-Net")
    parser.add_argument("--steps", type=int, default=0, help="of tuning a U-Net, not minutes")
    options = parser.parse_args(arguments)
    budget = f"{options.steps} steps" if options.steps else f"{options.minutes} minutes"
    results = Results(
        "vessels-rehearsal" if options.rehearse else "vessels",
        f"{torch.get_num_threads()} threads; U-Net: {budget}",
    )
    deep_settings = FinetuneSettings(
        minutes=600 if options.steps else options.minutes, steps=options.steps
    )
    wanted = reveals(options.rehearse)
    if options.reveal != "both":
        wanted = {options.reveal: wanted[options.reveal]}
    shown: dict[str, bool] = {}
    for case in cases(options.stacks, options.only):
        base = _model(options.bases, case)
        deep = _model(options.deep, case) if options.deep else None
        if base is None:
            continue
        shown[case.name] = case.is_shared
        for revealed, draws in wanted.items():
            for draw, reveal in enumerate(draws[: options.draws]):
                trial = Trial(case, reveal(case.mask), base, deep, deep_settings)
                about = {"stack": case.name, "revealed": revealed, "draw": draw}
                _run(trial, about, budget, results, options.learners)
    for revealed in wanted:
        print(results.tables(shown, revealed))


def _model(folder: Path, case: Case) -> Model | None:
    weights = folder / f"base-{case.group}.safetensors"
    if not weights.exists():
        print(f"{case.name} is left out: {weights} is not there", flush=True)
        return None
    return named_model(weights)


def _run(trial: Trial, about: Row, budget: str, results: Results, learners: Sequence[str]) -> None:
    """Run the learners whose rows are not there."""
    begin = dict.fromkeys((BASE, *PARTS, MIXED, ALL), trial.base.sha256[:12])
    if trial.deep is not None:
        begin[DEEP] = f"{trial.deep.sha256[:12]}, {budget}"
        begin[JOINT] = f"{trial.base.sha256[:12]}, {begin[DEEP]}"
    begin[DEEP_SCRATCH] = begin[LARGE] = budget
    for names, learner in LEARNERS.items():
        if names[-1] not in learners or (names[0] in (JOINT, DEEP) and trial.deep is None):
            continue
        rows = {name: {**about, "learner": name, "base": begin.get(name, "")} for name in names}
        if all(map(results.holds, rows.values())):
            continue
        for name, found in learner(trial).items():
            results.keep(rows[name] | found)
            scores = [f"{key} {found[key]:.3f}" for key in ("dice", "cldice") if key in found]
            print(*about.values(), name, *scores, f"{found['learning, clock']:.1f} s", flush=True)

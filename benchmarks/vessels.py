"""Fine-tuning on real stacks against a threshold, a random forest and training from scratch.

The base models must have been trained without the group of the stack they are tuned on:
``python -m benchmarks vessels --bases FOLDER`` looks for ``base-GROUP.safetensors``, made by
``napari-midl vessels pretrain --hold-out GROUP``. One labelled slice is revealed, or twelve
16 x 16 scribbles on three slices; every slice at least two away from them is scored.
The time to a score counts the steps until the held-out painted blocks reach the best that
training from scratch reaches; a step takes as long from either start.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

from benchmarks import report
from napari_midl.engine.jobs import run
from napari_midl.methods.vessels import apply, learn
from napari_midl.methods.vessels.inputs import read_stacks
from napari_midl.methods.vessels.models import named_model, scratch
from napari_midl.methods.vessels.score import dice, score
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import robust_scaling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.volumes.volume import Volume

GROUPS = ("octa", "burgess", "santos")
SCRIBBLE, SCRIBBLES = 16, 12


def one_slice(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The middle slice, fully labelled."""
    labels = np.zeros(mask.shape, np.uint8)
    middle = len(mask) // 2
    labels[middle] = np.where(mask[middle], 2, 1)
    return labels


def scribbles(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Twelve squares on three slices, each drawn until it holds both classes, as a user would."""
    rng = np.random.default_rng(0)
    labels = np.zeros(mask.shape, np.uint8)
    planes = [len(mask) // 2 - 2, len(mask) // 2, len(mask) // 2 + 2]
    for k in range(SCRIBBLES):
        z = planes[k % 3]
        for _ in range(500):
            y, x = (int(rng.integers(0, n - SCRIBBLE)) for n in mask.shape[1:])
            place = (z, slice(y, y + SCRIBBLE), slice(x, x + SCRIBBLE))
            if 0.1 < mask[place].mean() < 0.9:
                break
        labels[place] = np.where(mask[place], 2, 1)
    return labels


REVEALED = {"slice": one_slice, "scribbles": scribbles}


def threshold_oracle(
    image: NDArray[Any], mask: NDArray[np.bool_], keep: NDArray[np.bool_]
) -> float:
    """Dice of the single threshold on the lightly smoothed image that the truth likes best."""
    smooth = ndimage.gaussian_filter(image.astype(np.float32), (0.5, 1, 1))
    levels = np.percentile(smooth, np.arange(1, 100))
    return max(dice(smooth[keep] > level, mask[keep]) for level in levels)


def features(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intensity, edge, blob and ridge filters at six scales, a voxel a row of the last axis."""
    maps = [image]
    for sigma in (0.7, 1.0, 1.6, 3.5, 5.0, 10.0):
        scale = (sigma / 3, sigma, sigma)
        maps.append(ndimage.gaussian_filter(image, scale))
        maps.append(ndimage.gaussian_gradient_magnitude(image, scale))
        maps.append(ndimage.gaussian_laplace(image, scale))
        yy, xx, xy = (
            ndimage.gaussian_filter(image, scale, order=order)
            for order in ((0, 2, 0), (0, 0, 2), (0, 1, 1))
        )
        spread = np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
        maps += [(yy + xx) / 2 + spread, (yy + xx) / 2 - spread]
    return np.stack(maps, -1)


def random_forest(image: NDArray[np.float32], labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probability of a forest trained on the same labels."""
    table = features(image)
    chosen = labels > 0
    forest = RandomForestClassifier(
        100,
        min_samples_leaf=4,
        max_samples=min(30_000, int(chosen.sum())),
        n_jobs=2,
        random_state=0,
    )
    forest.fit(table[chosen], labels[chosen] == 2)
    planes = [forest.predict_proba(plane.reshape(-1, table.shape[-1]))[:, 1] for plane in table]
    return np.stack(planes).reshape(image.shape).astype(np.float32)


def tuned(
    image: Volume, labels: NDArray[np.uint8], model: Model, settings: FinetuneSettings
) -> tuple[NDArray[np.float32], learn.Finetuned, float]:
    """Probability after fine-tuning, what was learnt and the seconds it took."""
    started = time.monotonic()
    result = run(learn.finetune(image, [Patch((0, 0, 0), labels)], model, settings))
    seconds = time.monotonic() - started
    everything = tuple(slice(0, n) for n in image.shape)
    probability = apply.predict_region(
        image, result.model, (everything[0], everything[1], everything[2])
    )
    return probability, result, seconds


def steps_to(score: float, history: list[dict[str, float]]) -> float:
    """Steps until the held-out Dice is at least `score`; infinite if it never is."""
    reached = (look["step"] for look in history if look.get("validation_dice", 0.0) >= score)
    return next(reached, float("inf"))


def main(arguments: list[str]) -> None:
    """Run what has not been run yet, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks vessels", description=__doc__)
    parser.add_argument("--stacks", type=Path, default=Path("../shared/data/vessels"))
    parser.add_argument("--bases", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--steps", type=int, default=0, help="count steps instead of the time")
    parser.add_argument("--reveal", choices=[*REVEALED, "both"], default="both")
    parser.add_argument("--untuned", action="store_true", help="only the bases, without training")
    options = parser.parse_args(arguments)
    if options.untuned:
        print(report.markdown(_untuned(options.stacks, options.bases)))
        return
    rows = report.read("vessels")
    done = {(row["stack"], row["revealed"]) for row in rows}
    settings = FinetuneSettings(
        minutes=600 if options.steps else options.minutes, steps=options.steps
    )
    for reveal in REVEALED if options.reveal == "both" else [options.reveal]:
        for image, truth in read_stacks(options.stacks):
            if (image.name, reveal) in done:
                continue
            group = next(g for g in GROUPS if g in image.name)
            weights = options.bases / f"base-{group}.safetensors"
            if not weights.exists():
                print(f"{image.name} is left out: {weights} is not there")
                continue
            base = named_model(weights)
            rows.append(_row(image, truth, reveal, base, settings))
            budget = f"{options.steps} steps" if options.steps else f"{options.minutes} minutes"
            report.write("vessels", rows, f"fine-tuning: {budget}")
            print(report.markdown(rows[-1:]), flush=True)
    for reveal in REVEALED:
        chosen = [row for row in rows if row["revealed"] == reveal]
        numbers = [k for k, v in chosen[0].items() if isinstance(v, float)] if chosen else []
        means = {k: float(np.mean([row[k] for row in chosen])) for k in numbers}
        print(f"\n{reveal}\n\n" + report.markdown([*chosen, {"stack": "mean", **means}]))


def _untuned(stacks: Path, bases: Path) -> list[dict[str, Any]]:
    """Dice of each base on the stacks that it never saw, all slices."""
    rows = []
    for image, truth in read_stacks(stacks):
        weights = bases / f"base-{next(g for g in GROUPS if g in image.name)}.safetensors"
        if weights.exists():
            z, y, x = (slice(0, n) for n in image.shape)
            found = apply.predict_region(image, named_model(weights), (z, y, x))
            found_dice = dice(found >= 0.5, np.asarray(truth.data) > 0)
            rows.append({"stack": image.name.removesuffix("_image"), "base, not tuned": found_dice})
    return rows


def _row(
    image: Volume, truth: Volume, reveal: str, base: Model, settings: FinetuneSettings
) -> dict[str, Any]:
    mask = np.asarray(truth.data) > 0
    labels = REVEALED[reveal](mask)
    shown = np.flatnonzero(labels.any((1, 2)))
    keep = np.array([np.abs(shown - z).min() >= 2 for z in range(len(mask))])
    scaled = robust_scaling(image)(np.asarray(image.data))
    everything = tuple(slice(0, n) for n in image.shape)
    zero_shot = apply.predict_region(image, base, (everything[0], everything[1], everything[2]))
    forest = random_forest(scaled, labels)
    fine, from_base, seconds = tuned(image, labels, base, settings)
    plain, from_scratch, scratch_seconds = tuned(image, labels, scratch(), settings)
    target = max(look.get("validation_dice", 0.0) for look in from_scratch.history)
    details = score(fine[keep], mask[keep], image.voxel_size)
    return {
        "stack": image.name.removesuffix("_image"),
        "revealed": reveal,
        "threshold oracle": threshold_oracle(np.asarray(image.data), mask, keep),
        "random forest": dice(forest[keep] >= 0.5, mask[keep]),
        "base, not tuned": dice(zero_shot[keep] >= 0.5, mask[keep]),
        "fine-tuned": details["dice"],
        "from scratch": dice(plain[keep] >= 0.5, mask[keep]),
        "clDice": details["cldice"],
        "AUROC": details["auroc"],
        "AP": details["average_precision"],
        "steps": f"{from_base.steps} / {from_scratch.steps}",
        "steps to scratch's best": f"{steps_to(target, from_base.history):.0f} / "
        f"{steps_to(target, from_scratch.history):.0f}",
        "seconds": f"{seconds:.0f} / {scratch_seconds:.0f}",
    }

"""The learner of strokes in seconds against a forest on multiscale features, with the same labels.

``python -m benchmarks transfer_pixels --data STACKS --brain WHEEL`` prints the mean Dice of each
case of part *d* of the transfer benchmark: pictures, a slice and stacks of several classes.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.transfer_data import Sample


def pixels_dice(
    learnt: Sample, scored: Sample, names: Sequence[str], seed: int, steps: int = 0
) -> dict[str, float]:
    """Dice of each class but the first, learnt from what is labelled of a sample."""
    import torch

    from benchmarks.transfer_scores import overlap
    from napari_midl.engine.examples import Examples
    from napari_midl.engine.jobs import run
    from napari_midl.engine.semantic import strokes
    from napari_midl.methods.segment import models
    from napari_midl.methods.segment.settings import TrainSettings
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

    classes, channels = Classes(*names), len(learnt.image)
    size = "2d" if learnt.truth.shape[0] == 1 else "3d"
    start = models.scratch(f"pixels-{size}-compact {channels}>{len(names)}", classes, channels)
    volumes = [
        Volume.from_array(c, name="learnt", scale=(1, 1, 1), units=("pixel",) * 3)
        for c in learnt.image
    ]
    examples = Examples([learnt.painted(classes)], classes, [], [volumes])
    settings = TrainSettings(seed=seed, steps=steps)
    network = run(strokes.fit(examples, start, settings)).model.network
    with torch.inference_mode():
        called = network(torch.from_numpy(scored.image)[None])[0].argmax(0).numpy()
    return overlap(called, scored.truth, names)


def main(arguments: Sequence[str]) -> None:
    """Each case with each seed."""
    from benchmarks.transfer_parts import How, cases
    from benchmarks.transfer_scores import forest_dice
    from napari_midl.volumes.classes import Classes

    parser = argparse.ArgumentParser(prog="python -m benchmarks transfer_pixels")
    parser.add_argument("--data", type=Path, required=True, help="the folder of vessel stacks")
    parser.add_argument("--brain", type=Path, required=True, help="nilearn's wheel")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--only", default="", help="the cases whose name holds this")
    parser.add_argument("--boxes", type=int, default=8, help="labelled boxes of each case")
    parser.add_argument("--most", nargs="*", type=int, default=[], help="voxels z y x to score")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    rows = []
    for seed in given.seeds:
        how = How(given.data, given.brain, most=tuple(given.most) or None)
        for case, (learnt, scored, names) in cases(how, seed).items():
            if given.only not in case:
                continue
            box = (1, 24, 24) if learnt.truth.shape[0] == 1 else (4, 24, 24)
            rng = np.random.default_rng((seed, 4))
            few = learnt.revealing(given.boxes, box, rng, Classes(*names))
            began = time.monotonic()
            ours = pixels_dice(few, scored, names, seed)
            seconds = time.monotonic() - began
            forest = forest_dice(few, scored, names, seed)
            row = {"case": case, "seed": seed, "seconds": round(seconds, 1)}
            means = [float(np.mean(list(each.values()))) for each in (ours, forest)]
            rows.append(row | {"pixels": means[0], "forest": means[1], "each": [ours, forest]})
            print(
                f"{case:18} seed {seed}: pixels {means[0]:.3f}, forest {means[1]:.3f}", flush=True
            )
    for case in dict.fromkeys(row["case"] for row in rows):
        of = [row for row in rows if row["case"] == case]
        means = {who: float(np.mean([row[who] for row in of])) for who in ("pixels", "forest")}
        print(f"{case:18} mean: pixels {means['pixels']:.3f}, forest {means['forest']:.3f}")
    if given.out is not None:
        given.out.write_text(json.dumps(rows, indent=1))

"""The learnt tracker against the paper's figures, classical trackers, and its own doubt.

``synthetic``: table 1 of Dai et al. again on its five conditions. ``kinds``: images by another
generator than those of the training. ``ends``: where traces should
stop. ``tiles``: real two-photon tiles, one seed and a direction, then both ends. ``batch``: many
seeds on one of them. ``retina``: photographs of another kind. ``ways``: whether the right way is
offered where a trace has left its fibre.
``speed``: one seed, a hundred, brightest-path-lib between the same two points, and stacks.
``memory``: volumes of growing size. Shared images are only read.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from benchmarks import report
from benchmarks.axons_ends import batch, ends
from benchmarks.axons_ground import places
from benchmarks.axons_kinds import kinds
from benchmarks.axons_memory import memory
from benchmarks.axons_retina import retina
from benchmarks.axons_seed import seed_at
from benchmarks.axons_speed import speed
from benchmarks.axons_ways import ways
from napari_midl.engine.jobs import run
from napari_midl.methods.axons import minimal_path
from napari_midl.methods.axons.apply import Tracing, connect, trace
from napari_midl.methods.axons.models import named_model
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.synthetic import LOOKS, synthetic_image
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.volumes.traces import Seed

GROUPS = {"06-07": ("06", "07"), "08-12": ("08", "09", "10", "11", "12"), "13-14": ("13", "14")}
SYNTHETIC_IMAGES = 100


def synthetic(model: Model, _: Path) -> list[dict[str, Any]]:
    """Coverage and error on images that no training drew, one seed at an end of the fibre."""
    rows = []
    for condition in LOOKS:
        rng = np.random.default_rng(10**6)
        scores = []
        for _ in range(SYNTHETIC_IMAGES):
            image, line = synthetic_image(condition, rng)  # type: ignore[arg-type]
            volume = Volume.from_array(image[None], name=condition)
            found = run(trace(Tracing(volume, model, TraceSettings()), [seed_at(line, 4)]))[0]
            scores.append(score(found.points[:, 1:], line))
        rows.append(
            {
                "condition": condition,
                "coverage": float(np.mean([s.coverage for s in scores])),
                "error px": float(np.nanmean([s.error for s in scores])),
                "off": float(np.mean([s.off for s in scores])),
            }
        )
    return rows


def greedy(
    image: NDArray[np.float32], seed: Seed, step: float = 2.0, steps: int = 600
) -> NDArray[np.float64]:
    """A tracker without learning: always on along the ridge, towards its brightest side."""
    ridge = -ndimage.gaussian_laplace(image, 2.0)
    point = np.array(seed.position[1:])
    assert seed.direction is not None
    angle = np.arctan2(seed.direction[1], seed.direction[2])
    points = [point]
    for _ in range(steps):
        ways = angle + np.linspace(-0.7, 0.7, 29)
        ends = point + step * np.stack([np.sin(ways), np.cos(ways)], 1)
        values = ndimage.map_coordinates(ridge, ends.T, order=1, cval=-1.0)
        best = int(values.argmax())
        point, angle = ends[best], 0.5 * angle + 0.5 * ways[best]
        if values[best] <= 0 or not (point >= 0).all() or not (point < image.shape).all():
            break
        points.append(point)
    return np.array(points)


def tiles(model: Model, data: Path) -> list[dict[str, Any]]:
    """Real tiles, from each end of each traced fibre, by group."""
    rows: list[dict[str, Any]] = []
    doubts: list[NDArray[Any]] = []
    for group, names in GROUPS.items():
        for name in names:
            volume = open_volume(data / f"depaola_{name}.jpg").spatial()
            table = pd.read_csv(data / f"depaola_{name}_traces.csv")
            for _, fibre in table.groupby("path"):
                forth = fibre[["y", "x"]].to_numpy()
                for line in (forth, forth[::-1]):
                    row, doubt = _tile(volume, np.ascontiguousarray(line), model)
                    rows.append({"group": group, "tile": name, **row})
                    doubts.append(doubt)
    frame = pd.DataFrame(rows).drop(columns="tile").groupby("group").mean().reset_index()
    off, unsure = np.concatenate(doubts).T
    area = float(roc_auc_score(off, unsure)) if off.any() else float("nan")
    print(f"area under the curve of the uncertainty, on a fibre or not: {area:.3f}")
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _tile(
    volume: Volume, line: NDArray[np.float64], model: Model
) -> tuple[dict[str, float], NDArray[Any]]:
    seed = seed_at(line, 3)
    settings = TraceSettings()
    tracing = Tracing(volume, model, settings)
    found = run(tracing.follow([seed]))[0]
    # Without giving up the agent goes on until the border, lost or not: what its doubt is worth.
    on = run(trace(Tracing(volume, model, TraceSettings(give_up=1.0)), [seed]))[0]
    image = tracing.pixels.block((0, 0), volume.shape[1:])
    costs = minimal_path.cost(image)
    assert seed.direction is not None
    aim = np.add(seed.position, seed.direction)[1:]
    ahead = minimal_path.ahead(costs, seed.position[1:], aim, (1.0, 1.0))
    both = minimal_path.between(costs, line[0].tolist(), line[-1].tolist(), (1.0, 1.0))
    joined = run(connect(tracing, [(0, *line[0]), (0, *line[-1])], "both ends"))
    scores = {
        "": score(found.points[:, 1:], line),
        "greedy ": score(greedy(image, seed), line),
        "minimal path ": score(ahead, line),
        "both ends ": score(joined.points[:, 1:], line),
        "both ends, minimal path ": score(both, line),
        "never giving up ": score(on.points[:, 1:], line),
    }
    row = {}
    for name, value in scores.items():
        row[f"{name}coverage"] = value.coverage
        row[f"{name}error px"] = value.error
        if "both" not in name:
            row[f"{name}off"] = value.off
    ground = places(found.points[:, 1:], line, image).ground()
    row["along edges"] = ground.edge
    row["beyond, along edges"] = ground.beyond_edge
    row["beyond, on nothing"] = ground.beyond_nothing
    row["beyond, on something"] = ground.beyond_something
    lies = places(on.points[:, 1:], line, image)
    off = ~lies.on & (lies.off | lies.edge | ~lies.signal)
    part = np.linspace(0, 1, len(off))
    unsure = np.interp(part, np.linspace(0, 1, len(on.points)), on.uncertainty)
    return row, np.stack([off, unsure], 1)


PARTS = {
    "synthetic": synthetic,
    "kinds": kinds,
    "ends": ends,
    "tiles": tiles,
    "batch": batch,
    "retina": retina,
    "ways": ways,
    "speed": speed,
    "memory": memory,
}


def main(arguments: list[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks axons", description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/axons"))
    parser.add_argument("--model", default="base")
    options = parser.parse_args(arguments)
    model = named_model(options.model)
    for part in options.parts:
        rows = PARTS[part](model, options.data)
        report.write(f"axons-{part}", rows, f"model {model.sha256[:12]}")
        print(f"\n{part}\n\n" + report.markdown(rows), flush=True)

"""A fibre of a two-photon tile, from one click or from a click at each end."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from skimage.graph import route_through_array

from benchmarks.axons_seed import seed_at
from benchmarks.peers import Found, Places, Task
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, connect
from napari_midl.methods.axons.models import named_model
from napari_midl.methods.axons.score import score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_midl.volumes.volume import Volume

    Points = NDArray[np.float64]


def _one_click(volume: Volume, line: Points) -> Points:
    tracing = Tracing(volume, named_model("base"), TraceSettings())
    return run(tracing.follow([seed_at(line, 3)]))[0].points[:, 1:]


def _both_ends(volume: Volume, line: Points) -> Points:
    tracing = Tracing(volume, named_model("base"), TraceSettings())
    return run(connect(tracing, [(0, *line[0]), (0, *line[-1])], "both")).points[:, 1:]


def _brightest(volume: Volume, line: Points) -> Points:
    from brightest_path_lib.algorithm import NBAStarSearch

    image = np.asarray(volume.data[0])
    ends = _pixels(line, image.shape)
    return np.array(NBAStarSearch(image, *ends).search(), float)


def _cheapest(volume: Volume, line: Points) -> Points:
    image = np.asarray(volume.data[0]).astype(float)
    cost = 1 / (1 + image)
    path, _ = route_through_array(cost, *_pixels(line, image.shape), geometric=True)
    return np.array(path, float)


def _pixels(line: Points, shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.rint(line[[0, -1]]).astype(int).clip(0, np.array(shape) - 1)


def _scored(traced: Callable[[Volume, Points], Points], places: Places, tile: str) -> Found:
    volume = open_volume(places.data / "axons" / f"depaola_{tile}.jpg").spatial()
    table = pd.read_csv(places.data / "axons" / f"depaola_{tile}_traces.csv")
    lines = [fibre[["y", "x"]].to_numpy() for _, fibre in table.groupby("path")]
    traced(volume, lines[0])  # compilers and caches are warm
    started = time.process_time()
    found = [traced(volume, line) for line in lines]
    seconds = (time.process_time() - started) / len(lines)
    scores = [score(points, line) for points, line in zip(found, lines, strict=True)]
    coverage, error, off = np.mean([(s.coverage, s.error, s.off) for s in scores], 0).tolist()
    return Found({"coverage": coverage, "error px": error, "off": off}, seconds)


TASKS = [
    Task(
        "a fibre of a two-photon tile",
        "a click at each end",
        tuple(f"{tile:02d}" for tile in range(6, 15)),
        {
            "ours": partial(_scored, _both_ends),
            "ours, one click": partial(_scored, _one_click),
            "brightest-path-lib": partial(_scored, _brightest),
            "cheapest path (scikit-image)": partial(_scored, _cheapest),
        },
    )
]

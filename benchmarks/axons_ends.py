"""Where traces should stop: images of which everything is known, and many seeds on a real one.

``ends``: one fibre that ends inside the image, leaves it, or comes to a dark rim, a bright frame
or the rim of a disc, and ground without any. ``batch``: a hundred of the brightest spots of a tile
as seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.interpolate import make_interp_spline
from scipy.spatial import cKDTree
from skimage.feature import peak_local_max
from sklearn.metrics import roc_auc_score

from benchmarks.axons_doubt import SURE, doubted
from benchmarks.axons_ground import places
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, trace
from napari_midl.methods.axons.batch import trace_each_fibre
from napari_midl.methods.axons.painting import cloud, profile
from napari_midl.methods.axons.score import NEAR, score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import Seed, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model

IMAGES, SIZE, SPOTS = 30, 256, 100
KINDS = ("ends inside", "leaves", "dark rim", "bright frame", "disc", "empty")
_TILE = "depaola_08"


def ends(model: Model, _: Path) -> list[dict[str, Any]]:
    """Length that lies on no fibre, and the doubt there, where all is known."""
    rows = []
    for kind in KINDS:
        rng = np.random.default_rng(7)
        found, told = [], []
        for _ in range(IMAGES):
            image, line = _image(kind, rng)
            volume = Volume.from_array(image[None], name=kind)
            seeds = _seeds(image, line)
            got = run(trace(Tracing(volume, model, TraceSettings()), seeds, skip=True))
            before = len(told)
            for one in (t for t in got if len(t.points) > 1):
                points, unsure = doubted(one, 0.5)
                away = np.full(len(points), np.inf)
                if len(line):
                    away, _ = cKDTree(line).query(points)
                told.append(np.stack([away > NEAR, unsure], 1))
            off = 0.5 * sum(int(t[:, 0].sum()) for t in told[before:])
            covered = score(got[0].points[:, 1:], line).coverage if len(line) else np.nan
            found.append((covered, off))
        off, unsure = np.concatenate(told).T if told else np.zeros((2, 0))
        covered, beyond = np.array(found).T
        rows.append(
            {
                "kind": kind,
                "coverage": float(covered.mean()),
                "px on no fibre, an image": float(beyond.mean()),
                "of them sure, an image": 0.5 * float((off * (unsure < SURE)).sum()) / IMAGES,
                "share on no fibre": float(off.mean()) if len(off) else 0.0,
                "doubt on": float(unsure[off == 0].mean()) if (off == 0).any() else np.nan,
                "doubt off": float(unsure[off > 0].mean()) if off.any() else np.nan,
                "AUC": float(roc_auc_score(off, unsure)) if 0 < off.mean() < 1 else np.nan,
            }
        )
    return rows


def _seeds(image: NDArray[np.float32], line: NDArray[np.float64]) -> list[Seed]:
    """The middle of the fibre; without one the three brightest spots."""
    if len(line):
        y, x = line[len(line) // 2].tolist()
        return [Seed("middle", (0.0, y, x))]
    return [Seed(str(k), (0.0, y, x)) for k, (y, x) in enumerate(bright_spots(image, 3))]


def bright_spots(image: NDArray[np.float32], count: int) -> list[list[float]]:
    """The brightest places of an image, at least 5 px apart."""
    smooth = ndimage.gaussian_filter(image.astype(float), 1.5)
    peaks = peak_local_max(smooth, min_distance=5, exclude_border=False, num_peaks=count)
    return [[float(v) for v in peak] for peak in peaks]


def _image(kind: str, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """An image of one fibre, and what of that can be seen."""
    angle = rng.uniform(0, 2 * np.pi)
    half = rng.uniform(40, 70) if kind == "ends inside" else 1.5 * SIZE
    along = np.linspace(-half, half, 9)
    aside = np.cumsum(rng.normal(0, 8 if kind == "ends inside" else 14, 9))
    way = np.array([np.sin(angle), np.cos(angle)])
    knots = along[:, None] * way + (aside - aside[4])[:, None] * way[::-1] * (-1, 1)
    knots += SIZE / 2 + rng.uniform(-25, 25, 2)
    line = resample(make_interp_spline(np.arange(9), knots)(np.linspace(0, 8, 600)), 0.5)
    line = line[((line > 0) & (line < SIZE - 1)).all(axis=1)]
    if kind == "empty":
        line = line[:0]
    width, contrast = np.exp(rng.uniform(*np.log((1.0, 3.0)))), rng.uniform(0.25, 0.7)
    image = contrast * profile([line], [np.ones(len(line))], width, SIZE)
    image += 0.1 + rng.uniform(0, 0.15) * cloud(rng, SIZE, 30)
    seen = _seen(kind, rng)
    image = np.where(seen, image, 0.9 if kind == "bright frame" else 0.0)
    noise = rng.uniform(0.03, 0.12) * rng.normal(size=image.shape)
    image = image + (noise if rng.random() < 0.5 else noise * seen)
    y, x = np.rint(line).astype(int).T.reshape(2, -1)
    return np.clip(image, 0, 1).astype(np.float32), line[seen[y, x]]


def _seen(kind: str, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Where an image shows something."""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    if kind == "disc":
        return np.asarray(np.hypot(yy - SIZE / 2, xx - SIZE / 2) < rng.uniform(85, 115))
    if kind in ("dark rim", "bright frame"):
        edge = rng.uniform(12, 50)
        return np.asarray(np.minimum(yy, xx).clip(max=SIZE - 1 - np.maximum(yy, xx)) > edge)
    return np.ones((SIZE, SIZE), bool)


def batch(model: Model, data: Path) -> list[dict[str, Any]]:
    """A hundred bright spots of a tile with one labelled fibre: what is traced, and how often."""
    volume = open_volume(data / f"{_TILE}.jpg").spatial()
    table = pd.read_csv(data / f"{_TILE}_traces.csv")
    line = resample(np.ascontiguousarray(table[table["path"] == "A"][["y", "x"]].to_numpy()), 1.0)
    tracing = Tracing(volume, model, TraceSettings())
    image = tracing.pixels.block((0, 0), volume.shape[1:])
    seeds = [Seed(str(k), (0.0, y, x)) for k, (y, x) in enumerate(bright_spots(image, SPOTS))]
    found = [t for t in run(trace_each_fibre(tracing, seeds)) if len(t.points) > 1]
    nothing, doubted = 0.0, 0.0
    for one in found:
        lies = places(one.points[:, 1:], line, image)
        part = np.linspace(0, 1, len(lies.points))
        unsure = np.interp(part, np.linspace(0, 1, len(one.points)), one.uncertainty)
        off = ~lies.on & (lies.edge | ~lies.signal)
        nothing += 0.5 * off.sum()
        doubted += 0.5 * (off & (unsure >= SURE)).sum()
    length = sum(t.length((1.0, 1.0, 1.0)) for t in found)
    return [
        {
            "seeds": len(seeds),
            "traces": len(found),
            "length / fibre": length / len(line),
            "on nothing or an edge": nothing / max(length, 1.0),
            "of that doubtful": doubted / nothing if nothing else 1.0,
        }
    ]

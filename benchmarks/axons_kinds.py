"""Kinds of images that no training drew: by other curves, other profiles and other grounds.

What a tracker is chosen by. ``vessels``: trees of tapering tubes, faint where they are thin, in a
disc on black. ``net``: arcs as bright as each other that cross. ``tip``: a fibre that fades out in
uneven ground. ``faint``: one of small contrast in an image with something very bright in it.
``winding``: a thick fibre with sharp bends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from sklearn.metrics import roc_auc_score

from benchmarks.axons_doubt import SURE, doubted
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing
from napari_midl.methods.axons.doubts import DOUBTFUL
from napari_midl.methods.axons.score import NEAR, score
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.traces import Seed
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model

    Line = NDArray[np.float64]
    # An image, the lines to follow in it, and all lines of it.
    Drawn = tuple[NDArray[np.float32], list[Line], list[Line]]

IMAGES, SIZE = 40, 384


def kinds(model: Model, _: Path) -> list[dict[str, Any]]:
    """Coverage, what is off every fibre, and how well the doubt tells it, a kind a row."""
    rows = []
    for name, draw in KINDS.items():
        rng = np.random.default_rng(5)
        found, told = [], []
        for _ in range(IMAGES):
            image, lines, every = draw(rng)
            tracing = Tracing(Volume.from_array(image[None], name=name), model, TraceSettings())
            near = cKDTree(np.concatenate(every))
            for line in (way for one in lines for way in (one, one[::-1])):
                (y, x), (dy, dx) = line[3].tolist(), (line[15] - line[3]).tolist()
                got = run(tracing.follow([Seed("", (0.0, y, x), (0.0, dy, dx))]))[0]
                points, unsure = doubted(got, 0.5)
                away = near.query(points)[0] > NEAR
                wrong = cKDTree(line).query(points)[0] > NEAR
                told.append(np.stack([wrong, unsure], 1))
                one = score(got.points[:, 1:], line)
                found.append((one.coverage, one.error, away.mean(), wrong.mean()))
        coverage, error, off, wrong = np.nanmean(found, axis=0).tolist()
        is_wrong, unsure = np.concatenate(told).T
        rows.append(
            {
                "kind": name,
                "coverage": coverage,
                "error px": error,
                "off": off,
                "on another": wrong - off,
                "AUC": float(roc_auc_score(is_wrong, unsure)),
                "right, doubtful": float((unsure[is_wrong == 0] > DOUBTFUL).mean()),
                "wrong, sure": float((unsure[is_wrong > 0] < SURE).mean()),
            }
        )
    return rows


def _texture(rng: np.random.Generator, slope: float) -> NDArray[np.float64]:
    """Ground whose waves are the weaker the shorter they are; mean 0, deviation 1."""
    fy, fx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
    waves = np.fft.rfft2(rng.normal(size=(SIZE, SIZE))) / (np.hypot(fy, fx) + 0.01) ** slope
    ground = np.fft.irfft2(waves, (SIZE, SIZE))
    return np.asarray((ground - ground.mean()) / ground.std())


def _arc(rng: np.random.Generator, start: Line, angle: float, length: float, bend: float) -> Line:
    """A way whose heading sways as a sum of waves, every px until it leaves the image."""
    along = np.arange(int(length))
    waves = rng.uniform(60, 200, 3)
    sway = sum(
        rng.normal(0, bend) * np.sin(2 * np.pi * along / w + rng.uniform(0, 6)) for w in waves
    )
    headings = angle + sway - sway[0]
    line = start + np.cumsum(np.stack([np.sin(headings), np.cos(headings)], 1), 0)
    out = np.flatnonzero(((line < 1) | (line > SIZE - 2)).any(axis=1))
    return line[: out[0]] if len(out) else line


def _tube(line: Line, radius: NDArray[np.float64] | float, soft: float) -> NDArray[np.float64]:
    """A tube with a flat top and soft sides."""
    y, x = np.rint(line).astype(int).T
    axis, radii = np.ones((SIZE, SIZE), bool), np.zeros((SIZE, SIZE))
    axis[y, x], radii[y, x] = False, radius
    away, nearest = ndimage.distance_transform_edt(axis, return_indices=True)
    within = radii[tuple(nearest)] - away
    return np.asarray(ndimage.gaussian_filter(np.clip(within + 0.5, 0, 1), soft))


def _taken(
    rng: np.random.Generator, image: NDArray[np.float64], noise: float
) -> NDArray[np.float32]:
    image = image + noise * rng.normal(size=image.shape)
    return np.asarray(np.rint(255 * np.clip(image, 0, 1)) / 255, np.float32)


def _across(rng: np.random.Generator, bend: float, shortest: int = 150) -> Line:
    while True:
        start = rng.uniform(20, SIZE - 20, 2)
        towards = np.arctan2(*(SIZE / 2 - start)) + rng.normal(0, 0.7)
        line = _arc(rng, start, float(towards), 2 * SIZE, bend)
        if len(line) > shortest and _once(line):
            return line


def _once(line: Line) -> bool:
    some = line[::10]
    apart = np.linalg.norm(some[:, None] - some[None], axis=-1)
    return bool((apart[np.abs(np.subtract.outer(*[np.arange(len(some))] * 2)) > 3] > 15).all())


def _vessels(rng: np.random.Generator) -> Drawn:
    branches: list[tuple[Line, float]] = []
    pieces: list[Line] = []

    def grow(start: Line, angle: float, radius: float) -> None:
        line = _arc(rng, start, angle, rng.uniform(70, 160), 0.25)
        if len(line) < 20:
            return
        branches.append((line, radius))
        if len(line) > 60:
            pieces.append(line)
        if radius > 1.0 and len(line) > 60:
            ahead = float(np.arctan2(*(line[-1] - line[-6])))
            for turn in (rng.uniform(0.2, 0.9), -rng.uniform(0.2, 0.9)):
                grow(line[-1], ahead + turn, radius * rng.uniform(0.6, 0.85))

    for _ in range(4):
        grow(SIZE / 2 + rng.uniform(-60, 60, 2), rng.uniform(0, 2 * np.pi), rng.uniform(2, 4))
    ground = 0.6 + 0.03 * _texture(rng, 2.0) + rng.uniform(0.005, 0.02) * _texture(rng, 1.0)
    depth = np.zeros((SIZE, SIZE))
    for line, radius in branches:
        deep = rng.uniform(0.02, 0.05) * min(radius, 3.0)
        depth = np.maximum(depth, deep * _tube(line, max(radius, 0.7), 0.9))
    yy, xx = np.mgrid[:SIZE, :SIZE]
    seen = np.hypot(yy - SIZE / 2, xx - SIZE / 2) < rng.uniform(175, 230)
    # Seen as the tracker sees dark fibres.
    image = 1 - np.where(seen, ground - depth, 0.02)
    lines = [p for p in pieces if seen[tuple(np.rint(p).astype(int).T)].all()]
    chosen = [lines[k] for k in rng.permutation(len(lines))[:2]]
    return _taken(rng, image, rng.uniform(0.005, 0.02)), chosen, [b for b, _ in branches]


def _net(rng: np.random.Generator) -> Drawn:
    radius = rng.uniform(0.7, 1.8)
    lines = [_across(rng, 0.15) for _ in range(rng.integers(8, 20))]
    image = np.zeros((SIZE, SIZE))
    for line in lines:
        beads = 1 + 0.35 * np.sin(np.arange(len(line)) / rng.uniform(3, 9) + rng.uniform(0, 6))
        fibre = rng.uniform(0.35, 0.55) * _tube(line, radius * beads, rng.uniform(0.8, 1.3))
        image = np.maximum(image, fibre)
    image += 0.12 + 0.03 * _texture(rng, 1.5)
    return _taken(rng, image, rng.uniform(0.03, 0.12)), lines[:1], lines


def _tip(rng: np.random.Generator) -> Drawn:
    line = _across(rng, 0.2)
    last = len(line) - rng.integers(30, 60)
    fade = np.clip((last - np.arange(len(line))) / 20, 0, 1)
    radius = rng.uniform(0.8, 2.5)
    image = rng.uniform(0.2, 0.5) * _tube(line[:last], radius * np.sqrt(fade[:last]) + 0.3, 1.0)
    image += 0.2 + rng.uniform(0.02, 0.08) * _texture(rng, rng.uniform(1.0, 2.0))
    shown = line[: last - 10]
    return _taken(rng, image, rng.uniform(0.02, 0.08)), [shown], [shown]


def _faint(rng: np.random.Generator) -> Drawn:
    line = _across(rng, 0.25)
    contrast = rng.uniform(0.03, 0.1)
    image = 0.1 + contrast * _tube(line, rng.uniform(0.8, 2.5), 1.0)
    image += rng.uniform(0.1, 0.25) * contrast * _texture(rng, 1.3)
    image = _taken(rng, image, rng.uniform(0.15, 0.4) * contrast)
    bright = np.hypot(*(np.indices(image.shape) - rng.uniform(0, SIZE, 2)[:, None, None])) < 30
    far = cKDTree(np.argwhere(bright)).query(line)[0] > 12
    first = int(np.argmin(far)) if not far.all() else len(line)
    shown = line[:first] if first > 100 else line[-1:0:-1][: int(np.argmin(far[::-1]))]
    if len(shown) < 60:
        return _faint(rng)
    return np.where(bright, np.float32(0.95), image), [shown], [line]


def _winding(rng: np.random.Generator) -> Drawn:
    while not _once(line := _across(rng, 0.7)):
        pass
    image = rng.uniform(0.25, 0.5) * _tube(line, rng.uniform(2.5, 5.0), 1.5)
    image += 0.15 + 0.04 * _texture(rng, 1.5)
    return _taken(rng, image, rng.uniform(0.04, 0.12)), [line], [line]


KINDS = {
    "vessels": _vessels,
    "net": _net,
    "tip": _tip,
    "faint": _faint,
    "winding": _winding,
}

"""Other ways at hard places: whether the fibre that a trace has left is among those offered.

A hard place is where a trace from a seed parts from its fibre and goes on elsewhere, or ends,
though 40 px or more of the fibre lie ahead. The dock lists doubtful places and offers ways at the
one that a person goes to. A trace that is offered is right if it comes along the fibre and covers
most of the next 60 px of it. Where all fibres are known, a way most of which lies on none of them
is nonsense.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from benchmarks.axons_kinds import KINDS
from benchmarks.axons_retina import GREEN, SHORTEST, pieces_of
from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing
from napari_midl.methods.axons.doubts import doubts_of, to_look_at
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.other_ways import find_other_ways
from napari_midl.methods.axons.score import NEAR
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.open import open_volume
from napari_midl.volumes.traces import Seed, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.other_ways import OtherWay
    from napari_midl.volumes.traces import Trace

    Line = NDArray[np.float64]

# In px: what is ahead of a hard place at least, how long a trace is off there, and how much of the
# fibre before and behind it a right way covers; what share of that.
AHEAD, OFF, COVERED, MOST = 40, 15.0, 60, 0.7
IMAGES, SEED = 30, 11


@dataclass(frozen=True)
class Case:
    """A fibre to follow, and what is known of its image."""

    tracing: Tracing
    line: Line
    every: cKDTree | None


def ways(model: Model, data: Path) -> list[dict[str, Any]]:
    """How often the right way is offered, a kind of image a row."""
    rows = []
    for name, cases in {
        "tiles": _tiles(model, data),
        "retina": _retina(model, data),
        "net": _drawn(model, "net"),
        "vessels": _drawn(model, "vessels"),
    }.items():
        looks = pd.DataFrame([look for k, case in enumerate(cases) for look in _looks(k, case)])
        hard = looks[looks.hard].groupby("case")
        rows.append(
            {
                "images": name,
                "hard places": len(hard),
                "right way offered": int(hard["right"].any().sum()),
                "as the first": int(hard["first is right"].any().sum()),
                "ways a look": float(looks.ways.mean()),
                "ways a look, no hard place": float(looks[~looks.hard].ways.mean()),
                "nonsense": float(looks.nonsense.sum() / max(1, looks.ways.sum())),
                "processor s a look": float(looks.seconds.mean()),
            }
        )
    return rows


def _looks(number: int, case: Case) -> Iterator[dict[str, Any]]:
    """What is offered at each doubtful place that is listed of one trace."""
    line = case.line
    (y, x), (dy, dx) = line[3].tolist(), (line[15] - line[3]).tolist()
    trace = run(case.tracing.follow([Seed("", (0.0, y, x), (0.0, dy, dx))]))[0]
    ahead = parting(trace, line)
    for doubt in to_look_at(doubts_of(Entry(trace))):
        began = time.process_time()
        offered = run(find_other_ways(case.tracing, trace, doubt.index))
        seconds = time.process_time() - began
        right = [len(ahead) > AHEAD and is_right(one, line, ahead) for one in offered]
        yield {
            "case": number,
            "hard": len(ahead) > AHEAD,
            "right": any(right),
            "first is right": right[:1] == [True],
            "ways": len(offered),
            "nonsense": sum(_on_none(one, case.every) for one in offered),
            "seconds": seconds,
        }


def _new(offered: OtherWay) -> Line:
    return offered.trace.points[max(0, offered.begin - 1) :, 1:]


def _on_none(offered: OtherWay, every: cKDTree | None) -> bool:
    """Whether most of a way lies on no fibre, where they are known."""
    if every is None:
        return False
    away, _ = every.query(resample(_new(offered), 1.0))
    return bool((away > NEAR).mean() > 0.5)


def parting(trace: Trace, line: Line) -> Line:
    """What of a fibre lies ahead of the last point of a trace on it."""
    points = trace.points[:, 1:]
    away, nearest = cKDTree(line).query(points)
    steps = np.r_[0, np.linalg.norm(np.diff(points, axis=0), axis=1)]
    last, off = 0, 0.0
    for k, far in enumerate(away):
        if far <= NEAR:
            last, off = k, 0.0
        elif (off := off + steps[k]) > OFF:
            break
    return line[int(nearest[last]) :]


def is_right(offered: OtherWay, line: Line, ahead: Line) -> bool:
    """Whether a trace comes along a fibre and goes on along most of what lies ahead."""
    came = line[: len(line) - len(ahead)][-COVERED:]
    points = offered.trace.points[:, 1:]
    return _covers(_new(offered), ahead[5:COVERED]) and (len(came) < OFF or _covers(points, came))


def _covers(way: Line, wanted: Line) -> bool:
    if len(way) < 2:
        return False
    return bool((cKDTree(resample(way, 0.5)).query(wanted)[0] <= NEAR).mean() > MOST)


def _both_ways(tracing: Tracing, line: Line, every: cKDTree | None) -> Iterator[Case]:
    spaced = resample(line, 1.0)
    for one in (spaced, spaced[::-1]):
        yield Case(tracing, one, every)


def _tiles(model: Model, data: Path) -> Iterator[Case]:
    for path in sorted(data.glob("depaola_*.jpg")):
        tracing = Tracing(open_volume(path).spatial(), model, TraceSettings())
        table = pd.read_csv(path.with_name(f"{path.stem}_traces.csv"))
        for _, fibre in table.groupby("path"):
            yield from _both_ways(tracing, fibre[["y", "x"]].to_numpy(), None)


def _retina(model: Model, data: Path) -> Iterator[Case]:
    for path in sorted(data.glob("chasedb1_*_image.png")):
        tracing = Tracing(open_volume(path).spatial(GREEN), model, TraceSettings(dark=True))
        pieces = pieces_of(path.with_name(path.name.replace("image.png", "centreline.swc")))
        every = cKDTree(np.concatenate([resample(piece, 0.5) for piece in pieces]))
        for line in pieces:
            if len(resample(line, 1.0)) > SHORTEST:
                yield from _both_ways(tracing, line, every)


def _drawn(model: Model, kind: str) -> Iterator[Case]:
    rng = np.random.default_rng(SEED)
    for _ in range(IMAGES):
        image, lines, every = KINDS[kind](rng)
        tracing = Tracing(Volume.from_array(image[None], name=kind), model, TraceSettings())
        for line in lines:
            yield from _both_ways(tracing, line, cKDTree(np.concatenate(every)))

"""Other ways on from a doubtful place, where a trace may have gone astray."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial import cKDTree

from napari_midl.engine.devices import one_thread
from napari_midl.engine.jobs import Job, Progress, stepped_in
from napari_midl.methods.axons.changes import changed_over
from napari_midl.methods.axons.crossings import ASIDE, other_ways, ways_on
from napari_midl.methods.axons.doubts import between
from napari_midl.methods.axons.drawing import SPACING, centred
from napari_midl.methods.axons.evidence import doubt_of_all, lengths
from napari_midl.methods.axons.homeward import ways_home
from napari_midl.methods.axons.overlaps import ON_IT, Traced
from napari_midl.methods.axons.radii import measure_radii
from napari_midl.methods.axons.trees import turned
from napari_midl.volumes.trace import Trace
from napari_midl.volumes.traces import resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.tracing import Tracing

    Line = NDArray[np.float64]

# In widths of the fibre: how far before and behind the place a way may leave the trace, how much
# more of it is looked at for that, and how long a way is at least. The doubt adds up along a trace
# that has changed over, so that the place where it is worst may lie far behind.
_BEHIND, _ABOUT, _MARGIN, _LEAST = 300.0, 40.0, 40.0, 15.0
# Points of a trace before the place, without which it comes from nowhere, and those of a trail.
_BEFORE, _TRAIL = 4, 60
# More than that share of a way is on no trace, and it is surer than that on average over its first
# so many widths: what comes later is no matter of this choice.
_NEW, _SURE, _JUDGED = 0.5, 0.4, 60.0
# Points of either part of a turn, and ways at most.
_STRAIGHT, _MOST = 6, 3


@dataclass(frozen=True)
class OtherWay:
    """A trace that goes on otherwise from one of its points.

    Parameters
    ----------
    trace : Trace
        The whole of it.
    begin : int
        The point from where on it is another.
    """

    trace: Trace
    begin: int


def find_other_ways(
    tracing: Tracing, trace: Trace, index: int, known: Sequence[Trace] = ()
) -> Job[list[OtherWay]]:
    """Look for other ways on from a doubtful place of a trace.

    The trace comes to the place from its surer side. Ways are ridges that leave it there or
    before, those of a fan of agents (`ways_on`), and those of agents that come from fibres ahead
    (`ways_home`); each is followed to its end, and begins where it leaves the trace for good.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for the image.
    trace : Trace
        In its voxels.
    index : int
        The point where it may have gone astray.
    known : sequence of Trace
        Other traces of the image; a way that is one of them is left out, and one that comes upon
        them ends there.

    Returns
    -------
    list of OtherWay
        At most three, the likeliest first: surer and straighter; returned by the generator.
    """
    yield Progress(0, 0, "looking for other ways")
    if _comes_from_behind(trace.uncertainty, index):
        trace, index = turned(trace), len(trace.points) - 1 - index
    if index < _BEFORE:
        return []
    return (yield from stepped_in(one_thread, _found(tracing, trace, index, known)))


def _found(
    tracing: Tracing, trace: Trace, index: int, known: Sequence[Trace]
) -> Job[list[OtherWay]]:
    points = tracing.points(trace)
    width = tracing.width(torch.from_numpy(points[index]).float())
    begun = yield from _ways(tracing, points, width, index)
    ways = yield from _followed(tracing, trace.path, [line for _, line in begun], width)
    begun_ways = [(begin, way) for (begin, _), way in zip(begun, ways, strict=True)]
    return _best(tracing, trace, index, begun_ways, known, width)


def _best(
    tracing: Tracing,
    trace: Trace,
    index: int,
    ways: Sequence[tuple[int, Trace]],
    known: Sequence[Trace],
    width: float,
) -> list[OtherWay]:
    """The likeliest of the ways that leave a trace at some points, each of them new."""
    z, y, x = tracing.volume.voxel_size
    spacing, reach = (z / x, y / x, 1.0), ON_IT * width
    every, others, chosen = (
        Traced(spacing, [trace, *known]),
        Traced(spacing, known),
        Traced(spacing),
    )

    def is_new(way: Trace, to: Traced) -> bool:
        return bool(np.mean([at is None for at in to.at(way.points, reach)]) > _NEW)

    found: list[tuple[float, int, Trace]] = []
    for at, whole in ways:
        begin, way = _from_where_it_leaves(tracing, trace, at, whole, width)
        way = way.part(slice(others.before_shared(way, reach)))
        if way.length(spacing) < _LEAST * width or begin < _BEFORE or not is_new(way, every):
            continue
        doubt, points = _doubt(tracing, way, width), tracing.points(trace)[:begin]
        if doubt < _SURE:
            turn = _turn(points, tracing.points(way))
            found.append((doubt + ASIDE * turn / 90, begin, way))
    taken: list[OtherWay] = []
    for _, begin, way in sorted(found, key=lambda one: one[0]):
        if len(taken) < _MOST and is_new(way, chosen):
            chosen.add(way)
            new = measure_radii(tracing.volume, tracing.doubted(way, width, 0))
            whole = replace(trace, placed_by="person").part(slice(begin))
            whole = whole.followed_by(new, why=way.why)
            taken.append(OtherWay(_decided(tracing, whole, begin, index, width), begin))
    return taken


def _from_where_it_leaves(
    tracing: Tracing, trace: Trace, begin: int, way: Trace, width: float
) -> tuple[int, Trace]:
    """The point of a trace from where on a way is another, and the way from there.

    A way may begin before the place where it parts from the trace, along which it runs until then.
    """
    away, nearest = cKDTree(tracing.points(trace)).query(tracing.points(way))
    along = away[: int((away > ON_IT * width).argmax())]
    if not len(along):
        return begin, way
    on_it = np.flatnonzero(along <= width)
    last = int(on_it[-1]) if len(on_it) else int(along.argmin())
    return (int(nearest[last]) + 1, way.part(slice(last + 1, None))) if last else (begin, way)


def _doubt(tracing: Tracing, way: Trace, width: float) -> float:
    """Of an agent on a way where it begins; or of all of it, where the image hardly shows it.

    Not whether it has changed over: near the place that is told by the trace that it leaves.
    """
    points = tracing.points(way)
    begins = lengths(points) < _JUDGED * width
    least = doubt_of_all(tracing.pixels, points, width)
    return max(least, float(way.uncertainty[begins].mean()))


def _turn(before: Line, behind: Line) -> float:
    """By how many degrees a line turns from one part to the next."""
    came, goes = before[-1] - before[-_STRAIGHT:][0], behind[:_STRAIGHT][-1] - behind[0]
    cosine = came @ goes / max(float(np.linalg.norm(came) * np.linalg.norm(goes)), 1e-9)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _followed(tracing: Tracing, name: str, lines: Sequence[Line], width: float) -> Job[list[Trace]]:
    """Ways that begin with these lines, in isotropic px, each drawn to its middle and followed."""
    if not lines:
        return []
    drawn = []
    for line in lines:
        rough = torch.from_numpy(resample(line, SPACING)).float()
        drawn.append((yield from centred(tracing.tracker, rough, width)))
    starts = torch.stack([points[-1] for points, _ in drawn])
    behind = torch.stack([points[max(0, len(points) - 3)] for points, _ in drawn])
    widths, how = torch.full((len(lines),), width), tracing.settings
    agents = yield from tracing.tracker.followed(
        "following other ways",
        starts,
        starts - behind,
        widths,
        how.longest,
        how.give_up,
        how.gap,
    )
    ways = []
    for (points, unsure), steps in zip(drawn, agents, strict=True):
        whole = np.concatenate([points.numpy(), *(place[None] for place in steps.points[1:])])
        doubt = np.array([*unsure.tolist(), *steps.uncertainty[1:]])
        ways.append(Trace(name, tracing.voxels(whole), doubt, why=steps.why))
    return ways


def _comes_from_behind(unsure: Line, index: int) -> bool:
    """Whether a trace is surer behind a point than before it."""
    before, behind = between(unsure[:index]), between(unsure[index + 1 :])
    return bool(len(behind) and (not len(before) or behind.mean() < before.mean()))


def _ways(tracing: Tracing, points: Line, width: float, index: int) -> Job[list[tuple[int, Line]]]:
    """Where ways leave a line near one of its points, and how they begin."""
    along = lengths(points) - lengths(points)[index]
    before, behind = _BEHIND + _MARGIN, _ABOUT + _MARGIN
    first, last = np.searchsorted(along, (-before * width, behind * width))
    _, partings = changed_over(tracing.pixels, points[first:last], width, 0)
    found = []
    for parting in partings:
        begin = int(first) + parting.index
        if (
            begin >= _BEFORE
            and -_BEHIND * width < along[begin] < _ABOUT * width
            and _inside(tracing, parting.way)
        ):
            found.append((begin, parting.way))
    # What is read anew for each agent would be read too often.
    if tracing.pixels.in_memory:
        start = max(0, index + 1 - _TRAIL)
        trail = torch.from_numpy(points[start : index + 1]).float()
        ways = yield from ways_on(tracing.tracker, trail, width)
        ways += yield from ways_home(tracing.tracker, trail, width)
        for way in other_ways(ways, width):
            if start + way.begin >= _BEFORE:
                found.append((start + way.begin, np.stack(way.steps.points).astype(float)))
    return found


def _inside(tracing: Tracing, line: Line) -> bool:
    return bool(((line >= 0) & (line <= tracing.pixels.end.numpy())).all())


def _decided(tracing: Tracing, trace: Trace, begin: int, index: int, width: float) -> Trace:
    """A trace that goes another way: a person who takes that decides the doubt of the place.

    That is what lies about its begin, and between it and the place that is looked at. It is as
    sure as what comes before it, or not told where that is not.
    """
    along = lengths(tracing.points(trace))
    first, last = np.searchsorted(along, along[begin] + np.array((-_LEAST, _LEAST)) * width)
    first = max(1, min(first, index))
    last = max(last, begin)
    unsure = trace.uncertainty.copy()
    unsure[first:last] = np.minimum(unsure[first:last], unsure[first - 1])
    return replace(trace, uncertainty=unsure)

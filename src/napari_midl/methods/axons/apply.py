"""Jobs that use a tracker: `trace` fibres from seeds, and `connect` two places."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_midl.engine.jobs import Job, Progress, mapped
from napari_midl.errors import InputError
from napari_midl.methods.axons import routes
from napari_midl.methods.axons.doubts import surely_off
from napari_midl.methods.axons.drawing import SPACING, centred, look_along
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.methods.axons.words import NO_FIBRE
from napari_midl.volumes.traces import Seed, Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["Tracing", "connect", "in_order", "nothing", "require_fibres", "together", "trace"]

# Seeds in one batch; so few where a person watches that their first steps take well below a second,
# and fewer still before there is anything to see, but more than are followed with patience.
TOGETHER, WATCHED, FIRST = 256, 16, 8
_FOUND = 0.8  # share of the time between two places to find the way, before it is drawn


def trace(
    tracing: Tracing, seeds: Sequence[Seed], *, skip: bool = False, most: int = TOGETHER
) -> Job[list[Trace]]:
    """Follow a fibre from each seed; many advance as one batch.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for an image; only what the agents come near is read.
    seeds : sequence of Seed
        Where to begin; both ways where a seed has no direction.
    skip : bool
        Give an empty trace for a seed on no fibre, instead of refusing all.
    most : int
        Most seeds of a batch.

    Yields
    ------
    Progress
        Its preview is a `Grown`.

    Returns
    -------
    list of Trace
        In the order of the seeds; returned by the generator.

    Raises
    ------
    InputError
        If there is no seed, or one lies outside the image or on no fibre.
    """
    if not seeds:
        raise InputError(
            f"There is no seed to trace {tracing.volume.name} from; give at least one."
        )
    if not skip:
        yield from require_fibres(tracing, seeds)
    done: list[Trace] = []
    batch = max(1, min(most, tracing.pixels.most_agents // 2))
    for begin in range(0, len(seeds), batch):
        some = seeds[begin : begin + batch]
        told = partial(_told, tuple(done), some, len(seeds))
        done += yield from mapped(together(tracing, some, skip), told)
        yield Progress(len(done), len(seeds), preview=Grown(tuple(done)))
    return done


def require_fibres(tracing: Tracing, seeds: Sequence[Seed]) -> Job[None]:
    """Refuse seeds of which one lies outside the image or on no fibre that the model sees."""
    for k, seed in enumerate(seeds):
        yield Progress(k, len(seeds), "looking at the seeds")
        tracing.require_fibre(seed)


def _told(done: tuple[Trace, ...], some: Sequence[Seed], count: int, step: Progress) -> Progress:
    """A step of a batch as a step of all."""
    now = len(done) + len(some) * step.done / max(step.total, 1)
    grown = Grown(done, in_order(step.preview or (), some))
    words = f"{len(done)} of {count} traced" if count > 1 else "following"
    return Progress(now, count, words, preview=grown)


def together(tracing: Tracing, seeds: Sequence[Seed], skip: bool) -> Job[tuple[Trace, ...]]:
    """Trace from a few seeds by the method that was chosen; previews are traces as they stand.

    Where seeds may be skipped, the trace of one on no fibre is empty.
    """
    fibres = list(seeds)
    for seed in seeds if skip else ():
        yield Progress(0, 0, "looking at the seeds")
        tracing.check(seed)
        if not tracing.sees_fibre(seed):
            fibres.remove(seed)
    follow = tracing.follow if tracing.settings.method == "learnt" else partial(_classical, tracing)
    found = (yield from follow(fibres)) if fibres else []
    if skip:
        given = {seed.path for seed in seeds if seed.direction is not None}
        found = [trace for trace in found if trace.path in given or not surely_off(trace)]
    return in_order(found, seeds)


def in_order(found: Sequence[Trace], seeds: Sequence[Seed]) -> tuple[Trace, ...]:
    """What was found in the order of the seeds; empty traces for those on no fibre."""
    known = {trace.path: trace for trace in found}
    return tuple(known.get(seed.path) or nothing(seed, NO_FIBRE) for seed in seeds)


def nothing(seed: Seed, why: str) -> Trace:
    """The empty trace of a seed, and why it is."""
    return Trace(seed.path, np.zeros((0, 3)), np.zeros(0), why=why)


def connect(tracing: Tracing, places: Sequence[Sequence[float]], path: str) -> Job[Trace]:
    """The fibre through voxels ``(z, y, x)`` on it, from the first to the last.

    The classical path of least cost finds the way. The agent draws it to the middle of the
    fibre, as finely as it traces, unless the method is the minimal path itself.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for an image; only what lies about the way is read.
    places : sequence
        Two voxels, or more that it comes by in their order.
    path : str
        Name of the trace.

    Yields
    ------
    Progress
        How much of the way is found.

    Returns
    -------
    Trace
        Returned by the generator.

    Raises
    ------
    InputError
        If one of them lies outside the image, or is the same as the next.
    """
    for place in places:
        tracing.check_inside(place, "A place", "give one inside, counted from 0")
    ends = [tracing.position(place).double().numpy() for place in places]
    lengths = [float(np.linalg.norm(b - a)) for a, b in pairwise(ends)]
    if not min(lengths) > 0:
        raise InputError("Two of the places that follow each other are the same; give two.")
    points, unsure = [], []
    for k, (one, other) in enumerate(pairwise(ends)):
        told = partial(_leg, sum(lengths[:k]), lengths[k], max(sum(lengths), 1e-6))
        route = yield from mapped(routes.between(tracing.pixels, one, other), partial(told, 0.0))
        if tracing.settings.method == "learnt":
            drawn = _centred(tracing, route, places[k], places[k + 1])
            route, doubt = yield from mapped(drawn, partial(told, _FOUND))
        else:
            doubt = yield from mapped(_doubts(tracing, route), partial(told, _FOUND))
        points.append(route[min(k, 1) :])
        unsure.append(doubt[min(k, 1) :])
    line = tracing.voxels(np.concatenate(points))
    return Trace(path, line, np.concatenate(unsure), why="both ends")


def _leg(before: float, length: float, whole: float, from_: float, step: Progress) -> Progress:
    """A step between two places as a step of the whole way; drawing comes after finding."""
    share = 1 - _FOUND if from_ else _FOUND
    done = before + length * (from_ + share * step.done / max(step.total, 1))
    return replace(step, done=done / whole, total=1)


def _centred(
    tracing: Tracing, route: NDArray[np.float64], start: Sequence[float], end: Sequence[float]
) -> Job[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """A path drawn to the middle of its fibre, and its uncertainty."""
    first, last = tracing.position(start)[None], tracing.position(end)[None]
    line = torch.cat([first, torch.from_numpy(route[SPACING::SPACING]).float(), last])
    width = tracing.width(line[len(line) // 2])
    points, unsure = yield from centred(tracing.tracker, line, width)
    return points.double().numpy(), unsure.double().numpy()


def _doubts(tracing: Tracing, route: NDArray[np.float64]) -> Job[NDArray[np.float64]]:
    """What the agent thinks of a path that it has not found itself."""
    points = torch.from_numpy(route).float()
    width = tracing.width(points[len(points) // 2])
    _, unsure = yield from look_along(tracing.tracker, points, width)
    return unsure.double().numpy()


def _classical(tracing: Tracing, seeds: Sequence[Seed]) -> Job[list[Trace]]:
    """Minimal paths from seeds, both ways where a seed has no direction."""
    traces: list[Trace] = []
    for seed in seeds:
        parts = []
        place = tracing.position(seed.position).numpy()
        for way in tracing.ways(seed, tracing.width(tracing.position(seed.position))):
            job = routes.ahead(tracing.pixels, place, way.numpy(), tracing.settings.longest)
            parts.append((yield from job))
        points = np.concatenate([parts[1][:0:-1], parts[0]]) if len(parts) > 1 else parts[0]
        unsure = yield from _doubts(tracing, points)
        traces.append(Trace(seed.path, tracing.voxels(points), unsure, why="border"))
        yield Progress(len(traces), len(seeds), f"path from seed {seed.path}", preview=traces)
    return traces

"""Tracing from many seeds so that each fibre becomes one trace, whichever seeds lie on it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Job, Progress, mapped
from napari_midl.methods.axons.apply import in_order, nothing, together
from napari_midl.methods.axons.evidence import supported
from napari_midl.methods.axons.nearby import brought_near
from napari_midl.methods.axons.overlaps import ON_IT, Traced
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.radii import measure_radii
from napari_midl.methods.axons.words import FAINT, MET, ON
from napari_midl.volumes.counting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.traces import Seed, Trace

# So few at once, since what they find spares others.
ROUND = 32


def trace_each_fibre(
    tracing: Tracing,
    seeds: Sequence[Seed],
    known: Iterable[Trace] = (),
    *,
    most: int = ROUND,
    first: int = ROUND,
    faint: bool = False,
) -> Job[list[Trace]]:
    """Follow each fibre once, from the first seed on it.

    A seed on a fibre that is traced already is passed over. Where a trace runs along another
    one, only what is new of it is kept, and a trace that the image does not support is left out.
    That of a seed with a direction goes on from something: it ends where it comes upon another,
    and is kept however faint it is.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for an image.
    seeds : sequence of Seed
        Where to begin, the most promising first.
    known : iterable of Trace
        What is traced already, in voxels of the image.
    most : int
        Most seeds that are followed at once.
    first : int
        At most so many at first, then twice as many each time: who watches sees the first soon.
    faint : bool
        Keep traces that hardly stand out from the noise, too.

    Yields
    ------
    Progress
        Its preview is a `Grown`.

    Returns
    -------
    list of Trace
        One for each seed, in their order, with its radii, empty where there is none or it is
        traced already, as ``why`` says; then further pieces of traces that were parted by others.

    Raises
    ------
    InputError
        If a seed lies outside the image.
    """
    rounds = _Rounds(tracing, known, faint)
    most = max(1, min(most, tracing.pixels.most_agents // 2))
    done: list[Trace] = []
    room = max(1, min(first, most))
    while len(done) < len(seeds):
        fates: list[Trace | None] = []
        while len(done) + len(fates) < len(seeds) and fates.count(None) < room:
            yield rounds.step(done, fates, len(seeds))
            fates.append(rounds.passed_over(seeds[len(done) + len(fates)]))
        begun = seeds[len(done) : len(done) + len(fates)]
        step = rounds.step(done, fates, len(seeds), fates.count(None))
        told = partial(_told, step, rounds.grown(done), begun)
        some = [seed for seed, fate in zip(begun, fates, strict=True) if fate is None]
        found = yield from mapped(together(tracing, some, True), told)
        if faint:  # a person points at it
            found = yield from mapped(rounds.brought_near(some, found), told)
        kept = iter((yield from mapped(rounds.keep(some, found), told)))
        done += [fate if fate is not None else next(kept) for fate in fates]
        yield replace(rounds.step(done, [], len(seeds)), preview=rounds.grown(done))
        room = min(2 * room, most)
    return [*done, *rounds.more]


class _Rounds:
    """What is traced so far, and what is new to it of the next round.

    Attributes
    ----------
    more : list of Trace
        Pieces of traces that were parted, after the first of each.
    count : int
        Traces that were kept.
    """

    def __init__(self, tracing: Tracing, known: Iterable[Trace], faint: bool) -> None:
        self._tracing, self._faint = tracing, faint
        z, y, x = tracing.volume.voxel_size
        self._spacing = np.array([z / x, y / x, 1.0])
        self._traced = Traced(self._spacing.tolist(), known)
        self._widths: dict[str, float] = {}
        self.more: list[Trace] = []
        self.count = 0

    def grown(self, done: Sequence[Trace]) -> Grown:
        """What there is, for a person who watches."""
        return Grown(tuple(done), (), tuple(self.more))

    def step(
        self, done: Sequence[Trace], fates: Sequence[Trace | None], seeds: int, now: int = 0
    ) -> Progress:
        """How far it is with so many seeds, of which some are followed now."""
        count = len(done) + len(fates) - fates.count(None)
        traces = counted(self.count, "trace")
        if seeds <= 1:
            words = "following"
        else:
            # What matters most comes first: a narrow dock cuts the rest.
            under_way = f", {now} under way" if now else ""
            words = f"{count} of {seeds} seeds: {traces}{under_way}"
        return Progress(count, seeds, words)

    def passed_over(self, seed: Seed) -> Trace | None:
        """The empty trace of a seed on a fibre that is traced already; None of another."""
        self._tracing.check(seed)
        width = self._tracing.width(self._tracing.position(seed.position))
        self._widths[seed.path] = width
        return None if seed.direction is not None else self._on_another(seed)

    def _on_another(self, seed: Seed) -> Trace | None:
        reach = ON_IT * self._widths[seed.path]
        (found,) = self._traced.at(np.array([seed.position]), reach)
        return None if found is None else nothing(seed, f"{ON}{found.path}")

    def brought_near(self, seeds: Sequence[Seed], found: Sequence[Trace]) -> Job[tuple[Trace, ...]]:
        """Traces of which nothing is sure, followed anew from the fibre beside their seed."""
        return brought_near(self._tracing, seeds, found, self._widths)

    def keep(self, seeds: Sequence[Seed], found: Sequence[Trace]) -> Job[list[Trace]]:
        """What is kept of the traces of a round: one for each seed, maybe empty.

        Those with a direction go first, then the longest that are sure, which the others join.
        """
        step = Progress(0, 0, "comparing")
        believed, kept = [], {}
        for seed, trace in zip(seeds, found, strict=True):
            believed.append(self._believed(seed, trace))
            yield step
        order = sorted(range(len(seeds)), key=lambda k: -self._sure_length(seeds[k], believed[k]))
        for k in order:
            kept[k] = self._measured(self._new(seeds[k], believed[k]))
            yield step
        self.count += sum(len(trace.points) > 0 for trace in kept.values())
        return [kept[k] for k in range(len(seeds))]

    def _measured(self, trace: Trace) -> Trace:
        """With its radii, which whoever stops here has then, too."""
        return measure_radii(self._tracing.volume, trace)

    def _believed(self, seed: Seed, trace: Trace) -> Trace:
        if self._faint or seed.direction is not None or not len(trace.points):
            return trace
        points = (trace.points * self._spacing)[:, int(self._tracing.flat) :]
        stands_out = supported(self._tracing.pixels, trace, points, self._widths[seed.path])
        return stands_out if len(stands_out.points) else nothing(seed, FAINT)

    def _sure_length(self, seed: Seed, trace: Trace) -> float:
        if seed.direction is not None:
            return np.inf
        doubt = float(trace.uncertainty.mean()) if len(trace.points) else 1.0
        return trace.length(self._spacing.tolist()) * (0.5 - doubt)

    def _new(self, seed: Seed, trace: Trace) -> Trace:
        if not len(trace.points):
            return trace
        reach = ON_IT * self._widths[seed.path]
        if seed.direction is not None:
            return self._onwards(seed, trace, reach)
        met = self._traced.nearest_of(seed.position, trace, reach)
        # What a person clicked is there, whatever else lies on the way.
        new = self._traced.take(trace, reach, seed.position if self._faint else None)
        if not new:  # a trace that meets no other was too short to be one
            return self._on_another(seed) or nothing(seed, f"{ON}{met.path}" if met else FAINT)
        pieces = [replace(part, path=f"{part.path} {k}") for k, part in enumerate(new[1:], 2)]
        self.more += map(self._measured, pieces)
        self.count += len(pieces)
        return new[0]

    def _onwards(self, seed: Seed, trace: Trace, reach: float) -> Trace:
        """What goes on from something, up to where it comes upon another."""
        count = self._traced.before_shared(trace, reach)
        if count < len(trace.points):
            trace = trace.part(slice(count), why=MET)
        self._traced.add(trace)
        return trace if count else self._on_another(seed) or nothing(seed, f"{ON}another")


def _told(now: Progress, before: Grown, begun: Sequence[Seed], step: Progress) -> Progress:
    """A step of a round as a step of all; many have nothing new to show."""
    shown = replace(before, growing=in_order(step.preview, begun)) if step.preview else None
    return replace(now, preview=shown)

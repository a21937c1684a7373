"""Seeds beside a fibre: followed anew from where they came onto it, or found to be on none.

From beside a fibre an agent comes onto it and goes along, but how it came there makes all of its
trace doubtful, both ways.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.engine.jobs import Progress, mapped
from napari_midl.methods.axons.apply import nothing, together
from napari_midl.methods.axons.doubts import DOUBTFUL
from napari_midl.methods.axons.evidence import NOISE, SHOWN, standing_out
from napari_midl.methods.axons.overlaps import ON_IT
from napari_midl.methods.axons.words import NO_FIBRE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_midl.engine.jobs import Job
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.traces import Seed, Trace

# How far from a click a fibre is that it may mean, in widths of that; chosen with clicks up to 20
# px beside the fibres of real tiles in sight.
_MEANT = 30.0


def brought_near(
    tracing: Tracing, seeds: Sequence[Seed], found: Sequence[Trace], widths: Mapping[str, float]
) -> Job[tuple[Trace, ...]]:
    """Traces in which nothing is sure, followed anew from the fibre beside their seed.

    Parameters
    ----------
    tracing : Tracing
        A model made ready for an image.
    seeds : sequence of Seed
        Where they began; one with a direction was given with care, and its trace is kept.
    found : sequence of Trace
        A trace for each.
    widths : mapping of str to float
        Of the fibre at each seed, by its name.

    Returns
    -------
    tuple of Trace
        In the same order, empty where nothing is sure from there either.
    """
    traces, moved = {trace.path: trace for trace in found}, {}
    for seed, trace in zip(seeds, found, strict=True):
        if (
            seed.direction is not None
            or not len(trace.points)
            or trace.uncertainty.min() <= DOUBTFUL
        ):
            continue
        points, width = tracing.points(trace), widths[seed.path]
        away = np.linalg.norm(points - tracing.position(seed.position).numpy(), axis=1)
        shown = standing_out(tracing.pixels, points, width)
        near = np.flatnonzero(away <= _MEANT * width)
        best = int(near[shown[near].argmax()]) if len(near) else 0
        if shown[best] >= SHOWN and away[best] > ON_IT * width:
            z, y, x = trace.points[best].tolist()
            moved[seed.path] = replace(seed, position=(z, y, x))
        elif shown[away.argmin()] < NOISE:
            traces[seed.path] = nothing(seed, NO_FIBRE)
    if moved:
        others = [trace for trace in found if trace.path not in moved]

        def with_others(step: Progress) -> Progress:
            return replace(step, preview=[*others, *(step.preview or ())])

        follow = together(tracing, list(moved.values()), True)
        for trace in (yield from mapped(follow, with_others)):
            sure = len(trace.points) > 0 and trace.uncertainty.min() <= DOUBTFUL
            traces[trace.path] = trace if sure else nothing(moved[trace.path], NO_FIBRE)
    return tuple(traces[seed.path] for seed in seeds)

"""Pulling a trace to where its fibre is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.volumes.traces import Trace

# A pull takes along what is within so many times its length, and at least so many pixels.
_TIMES, _LEAST = 2.0, 6.0


def bent(
    trace: Trace,
    index: int,
    by: Sequence[float],
    voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
    moves_root: bool = False,
) -> Trace:
    """A trace with one point moved, which takes its neighbours along, the less the further.

    Parameters
    ----------
    trace : Trace
        Its points lie close together.
    index : int
        Which point to move.
    by : sequence of float
        How far, ``(z, y, x)`` in voxels.
    voxel_size : sequence of float
        Size ``(z, y, x)`` of a voxel, in any unit.
    moves_root : bool
        Whether the point at which it grows from another trace may move, too.

    Returns
    -------
    Trace
        By a person: where it was moved it is as sure as it was moved far, unless nobody told how
        sure it was.
    """
    size = np.asarray(voxel_size, float) / voxel_size[-1]
    steps = np.linalg.norm(np.diff(trace.points * size, axis=0), axis=1)
    along = np.r_[0.0, np.cumsum(steps)]
    reach = max(_TIMES * float(np.linalg.norm(np.asarray(by) * size)), _LEAST)
    share = np.clip(1 - np.abs(along - along[index]) / reach, 0, 1)
    weight = np.sin(np.pi / 2 * share) ** 2
    if trace.parent is not None and not moves_root:
        weight[0] = 0.0
    return replace(
        trace,
        points=trace.points + weight[:, None] * np.asarray(by, float),
        uncertainty=trace.uncertainty * (1 - weight),
        placed_by="person",
    )


def bent_tree(
    traces: Sequence[Trace],
    name: str,
    index: int,
    by: Sequence[float],
    voxel_size: Sequence[float] = (1.0, 1.0, 1.0),
) -> dict[str, Trace]:
    """The traces that change where a point of one is moved: what grows from it comes along.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    name : str
        Of the trace that is pulled.
    index, by, voxel_size
        As for `bent`.

    Returns
    -------
    dict of str to Trace
        The changed ones by their names.
    """
    known = {trace.path: trace for trace in traces}
    changed = {name: bent(known[name], index, by, voxel_size)}
    waiting = [name]
    while waiting:
        parent = waiting.pop()
        moved = changed[parent].points - known[parent].points
        for trace in traces:
            link = trace.parent
            if link is None or link.path != parent or trace.path in changed:
                continue
            along = moved[link.index]
            if along.any():
                changed[trace.path] = bent(trace, 0, along.tolist(), voxel_size, True)
                waiting.append(trace.path)
    return changed

"""What grew from a part of a trace that was corrected: it is hung on the part that came instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.axons.edits import is_a_guess, nearest
from napari_midl.methods.axons.overlaps import ON_IT
from napari_midl.methods.axons.trees import point_at, root_of
from napari_midl.methods.axons.words import MET
from napari_midl.volumes.swc_paths import grows_from_its_parent
from napari_midl.volumes.trace import Link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.trace import Trace

# How doubtful a tie is that nobody has seen.
UNSEEN = 0.6


def hung_anew(
    traces: Sequence[Trace], old: Trace, new: Trace, voxel_size: Sequence[float]
) -> list[Trace]:
    """Traces of which one took the place of another, in one tree as far as that can be told.

    What grew from a point that is gone grows from the nearest point of the new one, unless that is
    so far that a line to it would be a guess. A new one that lost what it grew from, and begins
    where it met another trace, grows from that.

    Parameters
    ----------
    traces : sequence of Trace
        All that there were, the old one too, with links to each other.
    old, new : Trace
        Of one name.
    voxel_size : sequence of float
        Size ``(z, y, x)``.

    Returns
    -------
    list of Trace
        In the same order. What is tied anew over more than a fibre is wide begins in doubt.
    """
    by_name = {trace.path: trace for trace in traces}
    now: list[Trace] = []
    for trace in traces:
        link = trace.parent
        if trace is old:
            now.append(new)
        elif link is None or link.path != old.path or _is_there(old, link, new):
            now.append(trace)
        else:
            place, begins_there = old.points[link.index], grows_from_its_parent(trace, by_name)
            rest = trace.part(slice(1, None)) if begins_there and len(trace.points) > 1 else trace
            now.append(_hung(rest, place, [new], voxel_size) or trace)
    if old.parent is None or new.parent is not None or not new.why.startswith(MET):
        return now
    grown = _hung(new, new.points[0], [trace for trace in now if trace is not new], voxel_size)
    by_name = {trace.path: trace for trace in now}
    # What grows from it would close a loop.
    if grown is None or grown.parent is None or root_of(grown.parent.path, by_name) == new.path:
        return now
    return [grown if trace is new else trace for trace in now]


def _is_there(old: Trace, link: Link, new: Trace) -> bool:
    return point_at(old.points[link.index], link.index, [new]) is not None


def _hung(
    trace: Trace, place: NDArray[np.float64], onto: Sequence[Trace], voxel_size: Sequence[float]
) -> Trace | None:
    """A trace that begins with the point of some others that is nearest to a place, if one is."""
    near = [(*nearest(other, place.tolist(), voxel_size), other) for other in onto]
    if not near:
        return None
    index, distance, parent = min(near, key=lambda found: found[1])
    gap = distance / voxel_size[-1]
    if is_a_guess(gap, np.concatenate([trace.radius, parent.radius])):
        return None
    root = parent.part(
        slice(index, index + 1),
        path=trace.path,
        placed_by=trace.placed_by,
        why=trace.why,
        state=trace.state,
        parent=Link(parent.path, index),
        kinds=trace.kinds[:1],
    )
    if gap > ON_IT:
        root = replace(root, uncertainty=np.fmax(root.uncertainty, UNSEEN))
    return root.followed_by(trace)

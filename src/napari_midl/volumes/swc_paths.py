"""Traces as the nodes of an SWC file, and back: a neuron as paths between branch points."""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.volumes.swc import ROOT
from napari_midl.volumes.swc_frame import swc_size, to_swc
from napari_midl.volumes.swc_text import COLUMNS
from napari_midl.volumes.trace import NO_ID, SOMA, Link, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_midl.volumes.space import Space

# Of a voxel: a first point so near to its parent's is that point.
SAME_PLACE = 1e-3


def to_nodes(traces: Sequence[Trace], space: Space) -> pd.DataFrame:
    """Traces as the nodes of `write_swc`, in the lengths and the frame of an SWC of their image.

    A further column ``path`` names the trace of each. A node keeps the number it was read with,
    unless another has it. A radius that was not measured is that between the nearest measured ones
    of the trace, or else one voxel.
    """
    ordered = list(parents_first(traces))
    by_name = {trace.path: trace for trace in traces}
    begins = {trace.path: int(grows_from_its_parent(trace, by_name)) for trace in ordered}
    numbers = _numbers([trace.ids[begins[trace.path] :] for trace in ordered])
    placed: dict[tuple[str, int], int] = {}
    rows: list[tuple[int, int, float, float, float, float, int, str]] = []
    for trace, own in zip(ordered, numbers, strict=True):
        places, radii = to_swc(trace.points, space), known_radius(trace) * swc_size(space)[-1]
        before = placed[trace.parent.path, trace.parent.index] if trace.parent else ROOT
        placed[trace.path, 0] = before
        for i, number in enumerate(own, begins[trace.path]):
            x, y, z = places[i].tolist()
            rows.append((number, int(trace.kinds[i]), x, y, z, float(radii[i]), before, trace.path))
            placed[trace.path, i] = before = number
    nodes = pd.DataFrame(rows, columns=[*COLUMNS, "path"])
    rising = nodes.sort_values("id", ignore_index=True)
    # Numbers that were read may not rise along the trees.
    return rising if (rising["parent"] < rising["id"]).all() else nodes


def from_nodes(nodes: pd.DataFrame, where: NDArray[np.float64], voxel: float) -> list[Trace]:
    """Paths from each root or branch point to the next branch point or tip.

    A soma is a trace of its own, and so is what grows from it.

    Parameters
    ----------
    nodes : pandas.DataFrame
        As `read_swc` gives them.
    where : ndarray, shape (n, 3)
        Their places, as voxels ``(z, y, x)``.
    voxel : float
        Size of a voxel along x in the unit of the radii.
    """
    ids = nodes["id"].to_numpy(int)
    row = {int(number): k for k, number in enumerate(ids)}
    kinds, radii = nodes["type"].to_numpy(int), nodes["radius"].to_numpy(float) / voxel
    children: dict[int, list[int]] = {}
    for k, parent in enumerate(nodes["parent"].tolist()):
        children.setdefault(row.get(parent, ROOT), []).append(k)
    traces: list[Trace] = []
    begin = deque((ROOT, child) for child in children.get(ROOT, []))
    at: dict[int, Link] = {}
    while begin:
        parent, first = begin.popleft()
        chain = [first]
        while True:
            after = children.get(chain[-1], [])
            # A fibre that forks at its root begins with one of its branches.
            forked = len(after) > 1 and (parent != ROOT or len(chain) > 1)
            stays = [k for k in after if (kinds[k] == SOMA) == (kinds[chain[-1]] == SOMA)]
            if not stays or forked or (len(after) > 1 and kinds[chain[-1]] == SOMA):
                begin += [(chain[-1], child) for child in after]
                break
            begin += [(chain[-1], child) for child in after if child != stays[0]]
            chain.append(stays[0])
        path = str(len(traces) + 1)
        ahead = [] if parent == ROOT else [parent]
        at |= {k: Link(path, i + len(ahead)) for i, k in enumerate(chain)}
        whole = [*ahead, *chain]
        traces.append(
            Trace(
                path,
                where[whole],
                placed_by="person",
                radius=radii[whole],
                # The first point is the parent's, but of the kind of what grows from there.
                kinds=kinds[[*(chain[:1] if ahead else []), *chain]],
                parent=at[parent] if ahead else None,
                ids=ids[whole],
            )
        )
    return traces


def parents_first(traces: Sequence[Trace]) -> Iterator[Trace]:
    """Traces in an order in which none comes before its parent, else as given."""
    by_name = {trace.path: trace for trace in traces}
    given: set[str] = set()
    for trace in traces:
        way = [trace]
        while (link := way[-1].parent) is not None and link.path not in given:
            way.append(by_name[link.path])
        for one in reversed(way):
            if one.path not in given:
                given.add(one.path)
                yield one


def grows_from_its_parent(trace: Trace, by_name: Mapping[str, Trace]) -> bool:
    """Whether the first point of a trace is that of its parent, so that they share a node."""
    link = trace.parent
    if link is None:
        return False
    apart = trace.points[0] - by_name[link.path].points[link.index]
    return bool(np.abs(apart).max() < SAME_PLACE)


def known_radius(trace: Trace) -> NDArray[np.float64]:
    """Radius at each point of a trace, also where it was not measured."""
    known = np.isfinite(trace.radius)
    if not known.any():
        return np.ones(len(trace.points))
    index = np.arange(len(trace.points))
    filled = np.interp(index, index[known], trace.radius[known])
    return np.where(known, trace.radius, filled)


def _numbers(ids: Sequence[NDArray[np.int64]]) -> list[list[int]]:
    """Those that the points were read with, where they have one of their own, else free ones."""
    taken: set[int] = set()
    numbers = []
    for own in ids:
        kept = []
        for number in own.tolist():
            kept.append(NO_ID if number in taken else number)
            taken.add(number)
        numbers.append(kept)
    free = count(max(taken, default=0) + 1 if taken != {NO_ID} else 1)
    return [[next(free) if n == NO_ID else n for n in own] for own in numbers]

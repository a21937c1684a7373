"""Somata: a point with a radius, from which the trees of a neuron grow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_midl.methods.axons.edits import LONG, nearest
from napari_midl.methods.axons.trees import root_of, rooted
from napari_midl.volumes.trace import SOMA, Link, Trace

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

# In sizes of a voxel along x: no piece shorter than that is left beside a soma of unknown size, and
# a fibre that ends so near to the surface of one that is known comes out of it.
_TIP = 5.0


def made_soma(path: str, place: Sequence[float], radius: float) -> Trace:
    """A soma: one point at a voxel ``(z, y, x)``, its radius in sizes of a voxel along x."""
    point = np.asarray(place, float)[None]
    size, kind = np.array([radius]), np.array([SOMA])
    return Trace(path, point, np.zeros(1), "person", radius=size, kinds=kind)


def grown_from(
    traces: Sequence[Trace],
    soma: Trace,
    voxel_size: Sequence[float],
    ends_of: Container[str] | None = None,
) -> list[Trace]:
    """Traces whose trees begin at a soma, where they come into it.

    A tree comes into it that has a point within its radius and 5 sizes of a voxel along x, or where
    that is not known within 15. Trees that begin at another soma are left as they are.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    soma : Trace
        None of them.
    voxel_size : sequence of float
        Physical size ``(z, y, x)``.
    ends_of : container of str, optional
        Names of those whose ends alone count.
    """
    radius = float(soma.radius[0])
    reach = (radius + _TIP if radius > 0 else LONG) * voxel_size[-1]
    now = [*traces, soma]
    for root in traces:
        if root.parent is not None or root.is_soma:
            continue
        by_name = {trace.path: trace for trace in now}
        tree = [trace for trace in now if root_of(trace.path, by_name) == root.path]
        near = [(*nearest(t, soma.points[0].tolist(), voxel_size), t.path) for t in tree]
        if ends_of is not None:
            near = [
                found for t in tree if t.path in ends_of for found in _ends(t, soma, voxel_size)
            ]
        index, distance, path = min(near, key=lambda found: found[1], default=(0, np.inf, ""))
        if distance <= reach:
            within = (radius if radius > 0 else _TIP) * voxel_size[-1]
            now = rooted(now, Link(path, _or_end(by_name[path], index, within, voxel_size)))
            first = root_of(path, {trace.path: trace for trace in now})
            now = [replace(t, parent=Link(soma.path, 0)) if t.path == first else t for t in now]
    return now[:-1]


def _ends(trace: Trace, soma: Trace, voxel_size: Sequence[float]) -> list[tuple[int, float, str]]:
    """Index of each end of a trace, its distance from a soma, and the name of the trace."""
    away = (trace.points[[0, -1]] - soma.points[0]) * np.asarray(voxel_size)
    first, last = np.linalg.norm(away, axis=1).tolist()
    return [(0, first, trace.path), (len(trace.points) - 1, last, trace.path)]


def _or_end(trace: Trace, index: int, within: float, voxel_size: Sequence[float]) -> int:
    """A point of a trace, or its end where that is so near that hardly a piece would be left."""
    last = len(trace.points) - 1
    lengths = {
        0: trace.part(slice(index + 1)).length(voxel_size),
        last: trace.part(slice(index, None)).length(voxel_size),
    }
    end = min(lengths, key=lambda k: lengths[k])
    return end if lengths[end] <= within else index

"""A tree of traces as NeuroM has it: sections between branch points, the soma apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import morphio
import numpy as np
from morphio import PointLevel, SectionType
from morphio.mut import Morphology as Building
from neurom import load_morphology

from napari_midl.methods.axons.trees import root_of
from napari_midl.volumes.space import Space
from napari_midl.volumes.swc_paths import known_radius, to_nodes
from napari_midl.volumes.trace import SOMA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurom.core.morphology import Section
    from numpy.typing import NDArray

    from napari_midl.volumes.trace import Trace

# It warns of what a trace may well be, such as one that is not yet joined to a soma.
morphio.set_maximum_warnings(0)


@dataclass(frozen=True)
class Tree:
    """What grows from one root.

    Parameters
    ----------
    name : str
        The trace that it begins with.
    traces : tuple of Trace
        All of it.
    sections : tuple of Section
        Parents first, without the soma. Lengths are in the unit of the voxel size, places count
        from `centre`.
    first : dict
        For each trace that is not all soma, the index of the section that it begins in.
    centre : ndarray, shape (3,)
        ``(x, y, z)`` of the middle of its soma, else of its root.
    """

    name: str
    traces: tuple[Trace, ...]
    sections: tuple[Section, ...]
    first: dict[str, int]
    centre: NDArray[np.float64]


def trees(traces: Sequence[Trace], voxel_size: Sequence[float]) -> list[Tree]:
    """The trees of traces, in the order of the roots.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    voxel_size : sequence of float
        Size ``(z, y, x)``.
    """
    by_name = {trace.path: trace for trace in traces}
    grouped: dict[str, list[Trace]] = {t.path: [] for t in traces if t.parent is None}
    for trace in traces:
        grouped[root_of(trace.path, by_name)].append(trace)
    return [_tree(name, some, voxel_size) for name, some in grouped.items()]


def _tree(name: str, traces: Sequence[Trace], voxel_size: Sequence[float]) -> Tree:
    nodes = to_nodes(traces, Space())
    places = nodes[["x", "y", "z"]].to_numpy() * np.asarray(voxel_size)[::-1]
    widths = 2 * np.maximum(nodes["radius"].to_numpy(), 0) * voxel_size[-1]
    soma = nodes["type"].to_numpy() == SOMA
    root = next(k for k, parent in enumerate(nodes["parent"]) if parent < 0)
    centre = places[soma].mean(axis=0) if soma.any() else places[root]
    places = places - centre  # MorphIO keeps few digits

    row = {number: k for k, number in enumerate(nodes["id"])}
    parents = [row.get(parent, -1) for parent in nodes["parent"]]
    children: dict[int, list[int]] = {}
    for k, parent in enumerate(parents):
        if not soma[k]:
            children.setdefault(-1 if parent < 0 or soma[parent] else parent, []).append(k)
    # Sections are made in the order in which NeuroM gives them: what is below one follows it.
    made = Building()
    owner: dict[int, int] = {}
    begin = [(None, -1, k) for k in reversed(children.get(-1, []))]
    count = 0
    while begin:
        above, before, node = begin.pop()
        chain = [node]
        while len(after := children.get(chain[-1], [])) == 1:
            chain.append(after[0])
        points = [*([before] if above is not None else []), *chain]
        level = PointLevel(places[points].tolist(), widths[points].tolist())
        grow = made.append_root_section if above is None else above.append_section
        section = grow(level, SectionType.axon)
        owner |= dict.fromkeys(chain, count)
        count += 1
        begin += [(section, chain[-1], k) for k in reversed(after)]
    first: dict[str, int] = {}
    for k, path in enumerate(nodes["path"]):
        if k in owner:
            first[path] = min(first.get(path, count), owner[k])
    sections = load_morphology(made.as_immutable()).sections
    return Tree(name, tuple(traces), tuple(sections), first, centre)


def section_of(trace: Trace, voxel_size: Sequence[float], from_soma: bool = False) -> Section:
    """A trace alone as a section, without its points in a soma.

    Parameters
    ----------
    trace : Trace
        With at least one point outside of a soma.
    voxel_size : sequence of float
        Size ``(z, y, x)``.
    from_soma : bool
        Its first point is one of a soma that it grows from.
    """
    own = trace.kinds != SOMA
    own[0] &= not from_soma
    places = (trace.points * np.asarray(voxel_size))[own, ::-1]
    widths = 2 * np.maximum(known_radius(trace)[own], 0) * voxel_size[-1]
    made = Building()
    level = PointLevel((places - places[:1]).tolist(), widths.tolist())
    made.append_root_section(level, SectionType.axon)
    return load_morphology(made.as_immutable()).sections[0]

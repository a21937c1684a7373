"""Measures of traces and of the trees that they are, as NeuroM takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from neurom.features import section as features

from napari_midl.methods.axons.sections import Tree, section_of, trees
from napari_midl.volumes.swc_paths import grows_from_its_parent
from napari_midl.volumes.trace import SOMA, Trace
from napari_midl.volumes.units import symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from neurom.core.morphology import Section
    from numpy.typing import NDArray

    from napari_midl.volumes.space import Space

_SHELLS = 50
KINDS = {0: "undefined", 1: "soma", 2: "axon", 3: "dendrite", 4: "apical dendrite"}


@dataclass(frozen=True)
class Orders:
    """Where a trace stands in its tree.

    Parameters
    ----------
    path : int
        1 for one that grows from no other or from a soma, and one more than its parent for others.
    branch : int
        How many branch points lie between the root and where it begins.
    strahler : int
        1 for a tip, and one more wherever two of the highest order meet.
    """

    path: int
    branch: int
    strahler: int


def orders(traces: Sequence[Trace]) -> dict[str, Orders]:
    """The orders of traces by their names, those of their beginning; a soma has zeros."""
    by_name = {trace.path: trace for trace in traces}
    found = {}
    for tree in trees(traces, (1.0, 1.0, 1.0)):
        branch, strahler = _branch_orders(tree), _strahler_orders(tree)
        for trace in tree.traces:
            at = tree.first.get(trace.path)
            depth = 0 if trace.is_soma else 1
            link = trace.parent
            while link is not None:
                parent = by_name[link.path]
                depth, link = depth + (not parent.is_soma), parent.parent
            known = (branch[at], strahler[at]) if at is not None else (0, 0)
            found[trace.path] = Orders(depth, *known)
    return found


def trace_table(traces: Sequence[Trace], space: Space) -> pd.DataFrame:
    """A row a trace: what it is in its tree, length, tortuosity, width, uncertainty.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    space : Space
        That of their image, which gives the unit of lengths.
    """
    size, unit = space.voxel_size, symbol(space.known_unit)
    traces = _of_known_radii(traces)
    by_name = {trace.path: trace for trace in traces}
    tree_of = {t.path: tree.name for tree in trees(traces, size) for t in tree.traces}
    at, rows = orders(traces), []
    for trace in traces:
        link = trace.parent
        soma = link is not None and by_name[link.path].kinds[link.index] == SOMA
        length, bent, surface, volume = _measured(
            trace, size, soma and grows_from_its_parent(trace, by_name)
        )
        kind = int(np.bincount(np.clip(trace.kinds, 0, None)).argmax())
        rows.append(
            {
                "path": trace.path,
                "state": trace.state,
                "tree": tree_of[trace.path],
                "grows from": link.path if link else "",
                "type": KINDS.get(kind, f"type {kind}"),
                f"length ({unit})": length,
                "tortuosity": bent,
                "path order": at[trace.path].path,
                "branch order": at[trace.path].branch,
                "Strahler order": at[trace.path].strahler,
                f"mean radius ({unit})": _mean_radius([trace]) * size[-1],
                f"surface ({unit}²)": surface,
                f"volume ({unit}³)": volume,
                "mean uncertainty": trace.mean_uncertainty,
                "highest uncertainty": trace.highest_uncertainty,
                "ended": trace.why,
            }
        )
    table = pd.DataFrame(rows)
    return table if any(t.state for t in traces) else table.drop(columns="state")


def tree_table(traces: Sequence[Trace], space: Space) -> pd.DataFrame:
    """A row a tree: its length, also by branch order, branch points, tips, orders and width.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    space : Space
        That of their image, which gives the unit of lengths.

    Returns
    -------
    pandas.DataFrame
        A tree is called by the trace that it begins with. What lies in a soma is left out, and
        so is the way from its middle to where a fibre begins.
    """
    size, unit = space.voxel_size, symbol(space.known_unit)
    rows = []
    for tree in trees(_of_known_radii(traces), size):
        lengths = [features.section_length(section) for section in tree.sections]
        branch, strahler = _branch_orders(tree), _strahler_orders(tree)
        fibres = [trace for trace in tree.traces if not trace.is_soma]
        wide = all(np.isfinite(trace.radius).any() for trace in fibres)
        bent = [b for b in map(features.section_tortuosity, tree.sections) if math.isfinite(b)]
        row = {
            "tree": tree.name,
            "traces": len(tree.traces),
            f"length ({unit})": float(sum(lengths)),
            "branch points": sum(section.is_forking_point() for section in tree.sections),
            "tips": sum(section.is_leaf() for section in tree.sections),
            "highest branch order": max(branch, default=0),
            "Strahler order": max(strahler, default=0),
            "mean tortuosity": float(np.mean(bent)) if bent else float("nan"),
            f"mean radius ({unit})": _mean_radius(fibres) * size[-1],
            f"surface ({unit}²)": _sum(features.section_area, tree.sections, wide),
            f"volume ({unit}³)": _sum(features.section_volume, tree.sections, wide),
        }
        for order in range(max(branch, default=-1) + 1):
            each = (n for n, own in zip(lengths, branch, strict=True) if own == order)
            row[f"length of order {order} ({unit})"] = float(sum(each))
        rows.append(row)
    return pd.DataFrame(rows)


def sholl(
    traces: Sequence[Trace], space: Space, root: str, step: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """How often a tree meets spheres about its soma, or its root where it has none.

    Parameters
    ----------
    traces : sequence of Trace
        With links to each other.
    space : Space
        That of their image, which gives the unit of lengths.
    root : str
        The trace that the tree begins with.
    step : float, optional
        From one sphere to the next; a round number that gives up to 50 of them, if not given.

    Returns
    -------
    radii, counts : ndarray, shape (n,)
        A section that comes back through a sphere counts again.
    """
    (tree,) = (tree for tree in trees(traces, space.voxel_size) if tree.name == root)
    lines = [np.linalg.norm(section.points[:, :3], axis=1) for section in tree.sections]
    furthest = float(max((line.max() for line in lines), default=0.0))
    step = step or _round_step(furthest)
    radii = np.array([step * k for k in range(1, int(furthest / step) + 1)])
    ends = [np.sort(np.stack([line[:-1], line[1:]]), axis=0) for line in lines]
    near, far = np.concatenate([np.zeros((2, 0)), *ends], axis=1)
    # As NeuroM counts, which takes long in a large tree: both ends belong to a segment.
    return radii, np.array([int(((near <= r) & (r <= far)).sum()) for r in radii], int)


def sholl_table(traces: Sequence[Trace], space: Space, step: float | None = None) -> pd.DataFrame:
    """A row a tree and sphere: its radius and how often the tree meets it."""
    column = f"radius ({symbol(space.known_unit)})"
    parts = [pd.DataFrame({"tree": [], column: [], "intersections": []})]
    for root in (trace.path for trace in traces if trace.parent is None):
        radii, counts = sholl(traces, space, root, step)
        parts.append(pd.DataFrame({"tree": root, column: radii, "intersections": counts}))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled) if filled else parts[0]


def _of_known_radii(traces: Sequence[Trace]) -> list[Trace]:
    """Traces without the negative radii that programs write where they know none."""
    return [replace(t, radius=np.where(t.radius >= 0, t.radius, np.nan)) for t in traces]


def _measured(
    trace: Trace, size: Sequence[float], from_soma: bool
) -> tuple[float, float, float, float]:
    """Length, tortuosity, surface and volume; the latter NaN where the width is not known."""
    if (trace.kinds[int(from_soma) :] == SOMA).all():
        return 0.0, float("nan"), float("nan"), float("nan")
    section = section_of(trace, size, from_soma)
    known = bool(np.isfinite(trace.radius).any())
    length = float(features.section_length(section))
    span = float(features.section_end_distance(section))
    bent = length / span if span else float("inf") if length else float("nan")
    return (
        length,
        bent,
        _sum(features.section_area, [section], known),
        _sum(features.section_volume, [section], known),
    )


def _sum(feature: Callable[[Section], float], sections: Iterable[Section], known: bool) -> float:
    return float(sum(feature(section) for section in sections)) if known else float("nan")


def _mean_radius(traces: Sequence[Trace]) -> float:
    """That of the points of traces, in sizes of a voxel along x."""
    radii = np.concatenate([np.zeros(0), *(trace.radius for trace in traces)])
    known = radii[np.isfinite(radii)]
    return float(known.mean()) if len(known) else float("nan")


def _branch_orders(tree: Tree) -> list[int]:
    """Branch order of each section: 0 at the root."""
    found: dict[int, int] = {}
    for section in tree.sections:
        found[section.id] = 0 if section.is_root() else found[section.parent.id] + 1
    return list(found.values())


def _strahler_orders(tree: Tree) -> list[int]:
    """Strahler order of each section; NeuroM goes down to the tips for each one anew."""
    found: dict[int, int] = {}
    for section in reversed(tree.sections):
        below = sorted((found[child.id] for child in section.children), reverse=True)
        meets = len(below) > 1 and below[0] == below[1]
        found[section.id] = below[0] + meets if below else 1
    return [found[section.id] for section in tree.sections]


def _round_step(furthest: float) -> float:
    """The least of 1, 2 and 5 times a power of ten that gives at most 50 spheres."""
    if not furthest:
        return 1.0
    least = furthest / _SHELLS
    power = 10.0 ** math.floor(math.log10(least))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= least)

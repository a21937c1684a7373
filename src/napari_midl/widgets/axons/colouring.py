"""What the colours of traces can mean, and what to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import Colormap

from napari_midl.methods.axons.doubts import untold
from napari_midl.methods.axons.kinds import in_words
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.volumes.traces import Trace

    Colours = NDArray[np.float64]

DOUBT, STATE, PATH, ORDER, RADIUS, TYPE = "doubt", "state", "trace", "order", "radius", "type"
COLOURINGS = {
    DOUBT: "doubt, accepted in green",
    STATE: "state",
    PATH: "trace",
    ORDER: "path order",
    RADIUS: "radius",
    TYPE: "type",
}
ACCEPTED, PROPOSED, UNKNOWN = "#7ce05a", "#4fc3f7", "#9e9e9e"
# On no scale of doubt, and seen over a bright fibre, over which a grey line is not.
UNTOLD = "#a97ff0"
# Neighbours in this list differ, also for those who see red and green alike.
_CYCLE = ("#4fc3f7", "#ffb74d", "#ba68c8", "#fff176", "#e57373", "#4db6ac", "#f06292", "#aed581")
_KIND_COLOURS = {1: "#ffffff", 2: "#4fc3f7", 3: "#ffb74d", 4: "#ba68c8"}
_RADII = Colormap(["#4fc3f7", "#fff176", "#f06292"], name="radius")
_LOW, _HIGH = 5.0, 95.0


@dataclass(frozen=True)
class Legend:
    """What the colours mean: words for single colours, or a range of numbers.

    Parameters
    ----------
    words : mapping of str to str
        Colour by what it stands for.
    colormap : Colormap, optional
        Of a range.
    low, high : str
        What its ends stand for.
    """

    words: Mapping[str, str]
    colormap: Colormap | None = None
    low: str = ""
    high: str = ""


class Colouring:
    """Colours of traces by one of their properties.

    Parameters
    ----------
    by : str
        One of `COLOURINGS`.
    entries : sequence of Entry
        All traces, as numbers are shown between the lowest and the highest.
    orders : mapping of str to int
        Order by the name of a trace.
    """

    def __init__(self, by: str, entries: Sequence[Entry], orders: Mapping[str, int]) -> None:
        self._by, self._orders = by, orders
        self._order = sorted({orders.get(entry.name, 0) for entry in entries} - {0})
        self._untold = bool(untold(entries))
        self._kinds: list[int] = []
        self._radii = (0.0, 1.0)
        if by == TYPE and entries:
            self._kinds = np.unique(np.concatenate([e.trace.kinds for e in entries])).tolist()
        if by == RADIUS and entries:
            radii = np.concatenate([entry.trace.radius for entry in entries])
            known = radii[np.isfinite(radii)]
            if len(known):
                low, high = np.percentile(known, (_LOW, _HIGH))
                self._radii = float(low), float(max(high, low + 1e-6))

    @property
    def key(self) -> tuple[object, ...]:
        """Traces that are the same, coloured by the same key, have the same colours."""
        return self._by, self._radii, tuple(self._orders.items()) if self._by == ORDER else ()

    def of(self, entry: Entry) -> Colours:
        """Colours ``(n, 4)`` of the points of a trace."""
        trace = entry.trace
        if self._by == STATE:
            return _same(ACCEPTED if entry.accepted else PROPOSED, trace)
        if self._by == PATH:
            return _same(_CYCLE[sum(entry.name.encode()) % len(_CYCLE)], trace)
        if self._by == ORDER:
            return _same(_order_colour(self._orders.get(entry.name, 0)), trace)
        if self._by == TYPE:
            return np.array([_rgba(_kind_colour(int(kind))) for kind in trace.kinds])
        if self._by == RADIUS:
            return self._by_radius(trace)
        return _same(ACCEPTED, trace) if entry.accepted else by_doubt(trace)

    def legend(self, size: float, unit: str) -> Legend:
        """What the colours mean; radii in a unit of which a voxel along x has so many."""
        accepted, no_doubt = {ACCEPTED: "accepted"}, {UNTOLD: "no doubt told"}
        if self._by == STATE:
            return Legend({**accepted, PROPOSED: "proposed"})
        if self._by == PATH:
            return Legend({}, None, "each trace a colour of its own")
        if self._by == ORDER:
            return Legend({_order_colour(n): str(n) for n in self._order[: len(_CYCLE)]})
        if self._by == TYPE:
            return Legend({_kind_colour(k): in_words(k) for k in self._kinds})
        if self._by == RADIUS:
            low, high = (f"{value * size:.2g} {unit}" for value in self._radii)
            return Legend({UNKNOWN: "not measured"}, _RADII, low, high)
        words = accepted | (no_doubt if self._untold else {})
        return Legend(words, UNCERTAINTY_COLOURS, "on the fibre", "off it")

    def _by_radius(self, trace: Trace) -> Colours:
        low, high = self._radii
        known = np.isfinite(trace.radius)
        share = np.clip((np.where(known, trace.radius, low) - low) / (high - low), 0, 1)
        return np.where(known[:, None], _RADII.map(share), _rgba(UNKNOWN))


def by_doubt(trace: Trace) -> Colours:
    """Colours ``(n, 4)`` of how unsure a trace is; violet where nobody told."""
    known = UNCERTAINTY_COLOURS.map(np.clip(np.nan_to_num(trace.uncertainty), 0, 1))
    return np.where(trace.untold[:, None], _rgba(UNTOLD), known)


def _order_colour(order: int) -> str:
    return _CYCLE[(order - 1) % len(_CYCLE)] if order else UNKNOWN


def _kind_colour(kind: int) -> str:
    return _KIND_COLOURS.get(kind, UNKNOWN)


def _rgba(colour: str) -> Colours:
    return np.array([*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), 1.0])


def _same(colour: str, trace: Trace) -> Colours:
    return np.broadcast_to(_rgba(colour), (len(trace.points), 4))


def path_orders(traces: Sequence[Trace]) -> dict[str, int]:
    """Order by name: 1 for what grows from no other trace or from a soma, else its parent's + 1."""
    known = {trace.path: trace for trace in traces}
    found: dict[str, int] = {}
    for trace in traces:
        way = [trace]
        while (link := way[-1].parent) is not None and link.path not in found:
            way.append(known[link.path])
        for one in reversed(way):
            parent = known[one.parent.path] if one.parent else None
            begins = parent is None or parent.is_soma
            found[one.path] = 1 if parent is None or begins else found[parent.path] + 1
    return found

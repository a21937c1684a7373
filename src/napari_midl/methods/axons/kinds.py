"""Types of traces, as SWC counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_midl.methods.axons.trace_list import TraceList
    from napari_midl.volumes.traces import Trace

KINDS = {1: "soma", 2: "axon", 3: "dendrite", 4: "apical dendrite"}


def kind_of(trace: Trace) -> str:
    """The type that most points of a trace have, in words."""
    kinds, counts = np.unique(trace.kinds, return_counts=True)
    return in_words(int(kinds[counts.argmax()]) if len(kinds) else 0)


def in_words(kind: int) -> str:
    """A type in words."""
    return KINDS.get(kind, f"type {kind}")


def set_kind(traces: TraceList, kind: int) -> None:
    """Give the selected traces a type, as one decision."""
    chosen = set(traces.selected)
    new = [
        replace(e, trace=replace(e.trace, kinds=np.full(len(e.trace.points), kind)))
        if e in chosen
        else e
        for e in traces.entries
    ]
    traces.write(new, [one for one, e in zip(new, traces.entries, strict=True) if e in chosen])

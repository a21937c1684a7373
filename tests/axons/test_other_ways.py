"""Other ways on from where a trace changed over to another fibre."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.doubts import doubts_of
from napari_midl.methods.axons.entries import Entry
from napari_midl.methods.axons.other_ways import find_other_ways
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.volumes.traces import Link, Trace, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

SIZE, MEET = 220, 90
LEVEL = resample(np.array([(110.0, 20.0), (110.0, 200.0)]), 1.0)
STEEP = resample(np.array([(30.0, 60.0), (190.0, 160.0)]), 1.0)
CHANGED = np.concatenate([LEVEL[:MEET], STEEP[len(STEEP) // 2 :]])


def deep(line: np.ndarray) -> np.ndarray:
    return np.pad(line, ((0, 0), (1, 0)))


@pytest.fixture
def tracing(base: Model) -> Tracing:
    """Two fibres that cross."""
    lines = [LEVEL, STEEP]
    fibres = profile(lines, [np.ones(len(line)) for line in lines], 1.5, SIZE)
    noise = np.random.default_rng(1).normal(0, 0.04, (SIZE, SIZE))
    image = (0.2 + 0.5 * fibres.clip(0, 1) + noise).astype(np.float32)
    return Tracing(Volume.from_array(image[None], name="cross"), base, TraceSettings(width=1.0))


@pytest.mark.parametrize("way", [1, -1])
def test_the_fibre_that_was_left_is_the_first(tracing: Tracing, way: int) -> None:
    points = deep(CHANGED[::3])[::way]
    trace = Trace("a", points, np.zeros(len(points)), parent=Link("b", 0))
    trace = tracing.doubted(trace, 1.0, 0 if way > 0 else len(points) - 1)
    (place,) = doubts_of(Entry(trace))
    first, *_ = run(find_other_ways(tracing, trace, place.index))
    new = first.trace.points[first.begin :]
    away, nearest = cKDTree(deep(LEVEL)).query(new)
    assert away.max() < 4
    assert nearest[-1] > len(LEVEL) - 15, "to its end"
    assert first.trace.path == "a"
    assert np.isfinite(first.trace.radius[first.begin :]).mean() > 0.8
    assert first.trace.points[0].tolist() == deep(CHANGED)[0].tolist()
    assert (first.trace.parent is None) == (way < 0), "what it grew from is cut off, or stays"
    assert doubts_of(Entry(first.trace))[0].uncertainty < 0.5, "the place was decided"


@pytest.mark.parametrize("way", [1, -1])
def test_a_way_is_found_beside_what_nobody_told(tracing: Tracing, way: int) -> None:
    points = deep(CHANGED[::3])[::way]
    trace = Trace("a", points, np.zeros(len(points)))
    trace = tracing.doubted(trace, 1.0, 0 if way > 0 else len(points) - 1)
    (place,) = doubts_of(Entry(trace))
    unsure = trace.uncertainty.copy()
    # All that it comes from, or the other end of what is doubtful.
    unsure[: place.index if way > 0 else 9] = np.nan
    first, *_ = run(find_other_ways(tracing, replace(trace, uncertainty=unsure), place.index))
    assert cKDTree(deep(LEVEL)).query(first.trace.points[first.begin :])[0].max() < 4
    assert first.trace.is_told == (way < 0), "what it comes from stays as it was told"
    assert all(doubt.uncertainty < 0.5 for doubt in doubts_of(Entry(first.trace)))


def test_a_way_that_is_traced_already_is_none(tracing: Tracing) -> None:
    points = deep(CHANGED[::3])
    trace = tracing.doubted(Trace("a", points, np.zeros(len(points))), 1.0, 0)
    (place,) = doubts_of(Entry(trace))
    rest = deep(LEVEL[MEET - 10 :])
    known = [Trace("b", rest, np.zeros(len(rest)))]
    for found in run(find_other_ways(tracing, trace, place.index, known)):
        away = cKDTree(rest).query(found.trace.points[found.begin :])[0]
        assert np.mean(away < 3) < 0.5


def test_there_is_none_where_a_trace_begins(tracing: Tracing) -> None:
    points = deep(LEVEL[::3])
    trace = Trace("a", points, np.linspace(0.6, 0.7, len(points)))
    assert run(find_other_ways(tracing, trace, 1)) == []


def test_a_way_begins_where_it_leaves_the_trace(tracing: Tracing) -> None:
    points = deep(CHANGED[::3])
    trace = tracing.doubted(Trace("a", points, np.zeros(len(points))), 1.0, 0)
    (place,) = doubts_of(Entry(trace))
    for found in run(find_other_ways(tracing, trace, place.index)):
        new = found.trace.points[found.begin :]
        assert cKDTree(deep(CHANGED)).query(new)[0][2:].min() > 0.5, "none of it is the old one"
        step = np.linalg.norm(np.diff(found.trace.points, axis=0), axis=1)
        assert step[found.begin - 1] < 8

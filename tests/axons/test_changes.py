"""Doubt where a trace may have changed over to another fibre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import run
from napari_midl.methods.axons import tracing as tracing_module
from napari_midl.methods.axons.changes import Parting, changed_over
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.volumes.traces import Seed, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    import pytest

    from napari_midl.engine.models import Model

SIZE = 220
LEVEL = resample(np.array([(110.0, 20.0), (110.0, 200.0)]), 1.0)
STEEP = resample(np.array([(30.0, 60.0), (190.0, 160.0)]), 1.0)
MEET = 90  # of both: (110, 110)
CHANGED = np.concatenate([LEVEL[:MEET], STEEP[len(STEEP) // 2 :]])


def drawn(*lines: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    fibres = profile(list(lines), [np.ones(len(line)) for line in lines], 1.5, SIZE)
    image = 0.2 + 0.5 * fibres.clip(0, 1) + rng.normal(0, 0.04, (SIZE, SIZE))
    return np.asarray(image.astype(np.float32))


def pixels(image: np.ndarray) -> Pixels:
    return Pixels(image, np.asarray, (1.0,) * image.ndim, (1.0, 2.0))


def test_a_fibre_alone_is_not_doubted() -> None:
    doubt, partings = changed_over(pixels(drawn(LEVEL)), LEVEL, 1.0, 0)
    assert doubt.max() < 0.1
    assert not partings


def test_straight_over_a_crossing_is_hardly_doubted() -> None:
    doubt, _ = changed_over(pixels(drawn(LEVEL, STEEP)), LEVEL, 1.0, 0)
    assert doubt.max() < 0.2


def test_a_trace_that_turns_onto_another_fibre_is_doubtful_from_there() -> None:
    doubt, partings = changed_over(pixels(drawn(LEVEL, STEEP)), CHANGED, 1.0, 0)
    assert doubt[: MEET - 25].max() < 0.1
    assert doubt[MEET + 25 :].min() > 0.2
    assert abs(partings[0].index - MEET) < 15


def test_the_other_way_that_is_offered_is_the_fibre_that_was_left() -> None:
    _, partings = changed_over(pixels(drawn(LEVEL, STEEP)), CHANGED, 1.0, 0)
    away, nearest = cKDTree(LEVEL).query(partings[0].way)
    assert away.max() < 6
    assert nearest[-1] > MEET


def test_doubt_begins_at_the_seed() -> None:
    doubt, _ = changed_over(pixels(drawn(LEVEL, STEEP)), CHANGED, 1.0, len(CHANGED) - 1)
    assert doubt[-(len(CHANGED) - MEET - 25) :].max() < 0.1
    assert doubt[: MEET - 25].min() > 0.2


def test_in_a_stack_a_fibre_that_is_left_is_seen_too() -> None:
    flat = drawn(LEVEL, STEEP)
    stack = np.random.default_rng(2).normal(0.2, 0.04, (21, SIZE, SIZE)).astype(np.float32)
    stack[9:12] = flat
    deep = np.pad(CHANGED, ((0, 0), (1, 0)), constant_values=10.0)
    doubt, _ = changed_over(pixels(stack), deep, 1.0, 0)
    assert doubt[: MEET - 25].max() < 0.1
    assert doubt[MEET + 25 :].min() > 0.2


def test_a_trace_of_a_point_or_two_has_no_doubt() -> None:
    assert changed_over(pixels(drawn(LEVEL)), LEVEL[:2], 1.0, 0)[0].tolist() == [0.0, 0.0]
    assert changed_over(pixels(drawn(LEVEL)), LEVEL[:1], 1.0, 0)[0].tolist() == [0.0]


def test_the_doubt_is_the_trace_s(base: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def changed(_: object, points: np.ndarray, width: float, seed: int) -> object:
        seeds.append(points[seed])
        return np.full(len(points), 0.6), [Parting(2, points[:5] + 9)]

    monkeypatch.setattr(tracing_module, "changed_over", changed)
    volume = Volume.from_array(drawn(LEVEL)[None], name="image")
    tracing = Tracing(volume, base, TraceSettings(width=1.0))
    found = run(tracing.follow([Seed("a", (0.0, 110.0, 90.0))]))[0]
    assert found.uncertainty.min() >= 0.6
    assert np.linalg.norm(seeds[0] - (110, 90)) < 15

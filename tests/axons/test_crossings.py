"""Ways on from where an agent is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import Job, Progress, run
from napari_midl.methods.axons import tracing as tracing_module
from napari_midl.methods.axons.crossings import Way, other_ways, ways_on
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.methods.axons.tracker import LOST, Steps
from napari_midl.volumes.traces import Seed, resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

SIZE = 240


def opened(lines: list[np.ndarray], base: Model) -> Tracing:
    rng = np.random.default_rng(1)
    drawn = profile(lines, [np.ones(len(line)) for line in lines], 1.5, SIZE)
    image = 0.2 + 0.5 * drawn.clip(0, 1) + rng.normal(0, 0.05, (SIZE, SIZE))
    volume = Volume.from_array(image[None].astype(np.float32), name="image")
    return Tracing(volume, base, TraceSettings(width=1.0))


def line(*corners: tuple[float, float]) -> np.ndarray:
    return resample(np.array(corners, float), 0.5)


def along(path: np.ndarray, begin: int, end: int) -> torch.Tensor:
    return torch.from_numpy(path[begin:end:6]).float()


def test_the_way_on_follows_the_fibre_over_a_gap(base: Model) -> None:
    before, behind = line((120, 20), (120, 100)), line((120, 112), (120, 220))
    tracing = opened([before, behind], base)
    ways = run(ways_on(tracing.tracker, along(before, 20, len(before)), 1.0))
    assert ways
    ends = cKDTree(behind).query(ways[0].steps.points[-1])[0]
    assert ends < 3


def test_there_is_no_way_on_where_nothing_is(base: Model) -> None:
    before = line((120, 20), (120, 100))
    tracing = opened([before], base)
    assert run(ways_on(tracing.tracker, along(before, 20, len(before)), 1.0)) == []


def test_ways_that_lead_to_the_same_place_are_one() -> None:
    ends = [(0.0, 30.0), (2.0, 30.0), (20.0, 25.0)]
    ways = [Way(3, Steps([np.array(end, np.float32)], [0.1]), 1.0, k) for k, end in enumerate(ends)]
    assert [way.cost for way in other_ways(ways, 1.0)] == [0, 2]


def test_a_lost_agent_goes_on_and_its_choice_is_doubtful(
    base: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = line((120, 20), (120, 239))
    tracing = opened([whole], base)
    monkeypatch.setattr(tracing_module, "ATTEMPTS", ((1.0, True),))
    follow = tracing.tracker.follow
    first = [True]

    def lost_once(*args: object, **kwargs: object) -> object:
        for taken in follow(*args, **kwargs):  # type: ignore[arg-type]
            if first[0]:
                for steps in taken:
                    del steps.points[16:], steps.uncertainty[16:]
                    steps.why = LOST
                first[0] = False
                yield taken
                return
            yield taken

    monkeypatch.setattr(tracing.tracker, "follow", lost_once)
    found = run(tracing.follow([Seed("a", (0.0, 120.0, 30.0), (0.0, 0.0, 1.0))]))[0]
    assert found.points[-1, 2] > 210
    assert (found.uncertainty[5:20] > 0.5).any()


@pytest.mark.parametrize(("seeds", "asked"), [(1, True), (5, False)])
def test_of_many_seeds_in_a_stack_none_is_helped_on(
    seeds: int, asked: bool, base: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = profile([line((60, 20), (60, 70))], [np.ones(101)], 1.5, 120)
    stack = np.random.default_rng(1).normal(0.2, 0.05, (9, 120, 120))
    stack[4] += 0.5 * drawn
    calls: list[int] = []

    def nothing_found(*_: object) -> Job[list[Way]]:
        calls.append(1)
        yield Progress(0, 0)
        return []

    monkeypatch.setattr(tracing_module, "ATTEMPTS", ((1.0, True),))
    for name in ("ways_on", "ways_home"):
        monkeypatch.setattr(tracing_module, name, nothing_found)
    volume = Volume.from_array(stack.astype(np.float32), name="stack")
    tracing = Tracing(volume, base, TraceSettings(width=1.0))
    found = run(tracing.follow([Seed(str(k), (4.0, 60.0, 40.0)) for k in range(seeds)]))
    assert all(LOST in trace.why for trace in found)
    assert bool(calls) == asked

"""Ways on that agents from ahead find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.homeward import ways_home
from napari_midl.methods.axons.painting import profile
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.volumes.traces import resample
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.tracker import Tracker

SIZE = 240
CORNER = (120.0, 100.0)


def line(*corners: tuple[float, float]) -> np.ndarray:
    return resample(np.array(corners, float), 0.5)


def tracker_over(lines: list[np.ndarray], base: Model) -> Tracker:
    rng = np.random.default_rng(1)
    drawn = profile(lines, [np.ones(len(line)) for line in lines], 1.5, SIZE)
    image = 0.2 + 0.5 * drawn.clip(0, 1) + rng.normal(0, 0.05, (SIZE, SIZE))
    volume = Volume.from_array(image[None].astype(np.float32), name="image")
    return Tracing(volume, base, TraceSettings(width=1.0)).tracker


def test_an_agent_from_ahead_finds_the_way_round_a_corner_with_a_gap(base: Model) -> None:
    before, behind = line((120, 20), CORNER), line((112, 108), (40, 180))
    tracker = tracker_over([before, behind], base)
    trail = torch.from_numpy(before[20::6]).float()
    best = run(ways_home(tracker, trail, 1.0))[0]
    way = np.stack(best.steps.points)
    np.testing.assert_allclose(way[0], trail[best.begin])
    assert cKDTree(np.concatenate([before, line(CORNER, (40, 180))])).query(way)[0].max() < 3
    assert np.linalg.norm(way[-1] - CORNER) > 12


def test_nobody_comes_where_no_fibre_leads_to_the_trail(base: Model) -> None:
    before, aside = line((120, 20), CORNER), line((60, 130), (200, 130))
    trail = torch.from_numpy(before[20::6]).float()
    assert run(ways_home(tracker_over([before], base), trail, 1.0)) == []
    assert run(ways_home(tracker_over([before, aside], base), trail, 1.0)) == []


def test_nobody_sets_out_from_beyond_the_image(base: Model) -> None:
    along = line((120, 20), (120, SIZE - 1))
    trail = torch.from_numpy(along[20::6]).float()
    trail = torch.cat([trail, trail.new_tensor([[120.0, SIZE + 20.0]])])
    assert run(ways_home(tracker_over([along], base), trail, 1.0)) == []

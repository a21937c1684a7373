"""A trace that ends in a cell body, or just behind it, is doubtful there."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing, trace
from napari_midl.methods.axons.bodies import body_at_end
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.traces import Seed
from napari_midl.volumes.volume import Volume


def begin(*parts):
    """Where a body begins on a trace of parts of these radii and lengths."""
    radius = np.concatenate([np.full(length, float(r)) for r, length in parts])
    body = body_at_end(radius, np.arange(len(radius), dtype=float))
    return body and body.begin


def test_a_body_at_the_end_or_just_before_it_is_told():
    assert begin((2, 100), (9, 20)) == 100
    assert begin((2, 100), (9, 20), (5, 10), (7, 15)) == 100
    assert begin((2, 100), (np.nan, 3), (9, 20)) == 103


def test_fibres_that_are_wide_somewhere_are_no_bodies():
    assert begin((2, 100), (4, 8)) is None  # a bead
    assert begin((2, 100), (9, 20), (2, 100)) is None  # it goes on
    assert begin((2, 100), (9, 60)) is None  # a thin one that joins a thick one
    assert begin((2, 100), *((r, 4) for r in (2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6))) is None
    assert begin((np.nan, 50)) is None


def neuron(sign, goes_on):
    """A plane with a fibre along y = 60 into a body, from which another one goes on or none."""
    rng = np.random.default_rng(2)
    yy, xx = np.indices((120, 300))
    fibre = np.exp(-((yy - 60.0) ** 2) / (2 * 1.5**2)) * ((xx < 200) | goes_on)
    body = 1 / (1 + np.exp(np.hypot(yy - 60, xx - 200) - 11))
    image = 120 + sign * 90 * np.maximum(fibre, body) + rng.normal(0, 6, yy.shape)
    return Volume.from_array(image.astype(np.uint8)[None], name="neuron")


@pytest.mark.parametrize("sign", [1, -1], ids=["bright", "dark"])
def test_a_trace_that_ends_in_a_body_is_doubtful_there(base, sign):
    settings = TraceSettings().seen_as(sign < 0)
    for goes_on in (False, True):
        tracing = Tracing(neuron(sign, goes_on), base, settings)
        (found,) = run(trace(tracing, [Seed("a", (0.0, 60.0, 100.0))]))
        x, unsure = found.points[:, 2], found.uncertainty
        assert unsure[(x > 20) & (x < 180)].max() < 0.5
        inside = (x > 193) & (x < 207)
        assert inside.any()
        assert (unsure[inside] > 0.75).all() != goes_on

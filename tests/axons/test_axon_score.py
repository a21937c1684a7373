"""Coverage, error and what lies off the fibre, against values known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.axons.score import score

LINE = np.stack([np.full(101, 5.0), np.arange(101.0)], 1)


def test_a_parallel_trace_is_as_far_as_it_is() -> None:
    found = score(LINE + np.array([2.0, 0.0]), LINE)
    assert (found.coverage, found.error, found.off) == pytest.approx((1.0, 2.0, 0.0))


def test_half_a_trace_covers_half() -> None:
    found = score(LINE[:48], LINE)
    assert found.coverage == pytest.approx(51 / 101)
    assert found.off == 0.0


def test_what_strays_between_the_ends_is_off() -> None:
    away = np.stack([np.arange(5.0, 55.0), np.full(50, 50.0)], 1)
    found = score(np.concatenate([LINE[:51], away]), LINE)
    assert found.off == pytest.approx(46 / 100, abs=0.02)


def test_going_on_beyond_the_end_is_no_fault() -> None:
    beyond = np.stack([np.full(150, 5.0), np.arange(150.0)], 1)
    assert score(beyond, LINE).off == 0.0

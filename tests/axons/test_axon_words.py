"""What the axons dock says about results."""

from __future__ import annotations

import pytest

from napari_midl.methods.axons.words import gain, what_is_learnt


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ((0.5, 1.0), (0.8, 1.2), ": better"),
        ((0.8, 1.0), (0.5, 0.5), ": worse; Roll back"),
        ((0.8, 1.0), (0.801, 1.001), ": no better"),
        ((0.8, 1.0), (0.8, 0.7), ": better"),
    ],
)
def test_the_verdict_on_learning_follows_what_is_shown(before, after, word):
    names = ("coverage", "error")
    scores = [dict(zip(names, values, strict=True)) for values in (before, after)]
    said = gain(dict(zip(("before", "after"), scores, strict=True)) | {"steps": 3})
    assert word in said and f"<b>{after[0]:.0%}</b>" in said and f"{after[1]:.2f} px" in said


def test_without_a_trace_kept_aside_there_is_no_verdict():
    said = gain({"before": {}, "after": {}, "steps": 3})
    assert "accept three or more" in said and "better" not in said


def test_traces_that_are_too_short_are_counted():
    assert what_is_learnt(1, 1).startswith("1 accepted trace;")
    assert what_is_learnt(3, 1).startswith("3 accepted traces (2 too short to learn from);")

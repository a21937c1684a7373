from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.holding_out import hold_out
from napari_midl.engine.verdict import Basis


def painted(*counts: tuple[int, int]) -> dict:
    """For each patch so many blocks of background and of vessel, beginning at the same one."""
    return {
        (patch, value): {(0, patch, i) for i in range(count)}
        for patch, of in enumerate(counts)
        for value, count in zip((1, 2), of, strict=True)
    }


@pytest.mark.parametrize("seed", range(10))
def test_no_patch_loses_its_only_strokes_of_a_class(seed):
    blocks = painted((9, 9), (8, 1), (2, 2))
    held = hold_out(blocks, 0.5, np.random.default_rng(seed)).hidden
    assert held
    for of in blocks.values():
        assert len(of - set(held)) >= len(of) / 2


def test_much_paint_is_split_and_what_scores_did_not_choose():
    held = hold_out(painted((16, 16), (16, 16)), 0.3, np.random.default_rng(0))
    assert held.basis is Basis.UNSEEN
    assert len(held.choosing) >= 3 and len(held.scoring) >= 3
    assert not set(held.choosing) & set(held.scoring)
    assert sorted(held.hidden) == sorted(held.choosing + held.scoring)


def test_little_paint_scores_with_what_chose():
    held = hold_out(painted((4, 4)), 0.3, np.random.default_rng(0))
    assert held.basis is Basis.CHOSE
    assert held.choosing == held.scoring == held.hidden


@pytest.mark.parametrize(("share", "counts"), [(0.3, [(1, 1)]), (0.0, [(9, 9)])])
def test_where_nothing_is_held_out_a_few_of_each_class_stand_in(share, counts):
    blocks = painted(*counts)
    held = hold_out(blocks, share, np.random.default_rng(0))
    assert held.basis is Basis.LEARNT and not held.hidden
    assert 0 < len(held.scoring) <= 6
    for of in blocks.values():
        assert of & set(held.scoring)


def test_what_is_scored_is_bounded_however_much_is_painted():
    held = hold_out(painted((500, 500)), 0.5, np.random.default_rng(0))
    assert len(held.choosing) <= 6 and len(held.scoring) <= 6

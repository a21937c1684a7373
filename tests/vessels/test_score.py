from __future__ import annotations

import numpy as np
import pytest

from napari_midl.methods.vessels.score import (
    boundary_distance,
    cl_dice,
    dice,
    precision_recall,
    score,
)


def box(lo: int, hi: int) -> np.ndarray:
    mask = np.zeros((9, 20, 20), bool)
    mask[2:7, 5:15, lo:hi] = True
    return mask


def test_dice_precision_and_recall_of_shifted_boxes():
    assert dice(box(2, 10), box(4, 12)) == pytest.approx(2 * 6 / 16)
    assert precision_recall(box(2, 10), box(4, 8)) == (pytest.approx(0.5), 1.0)
    assert dice(box(0, 0), box(0, 0)) == 1


def test_boundary_distance_is_physical():
    mean, p95 = boundary_distance(box(2, 10), box(2, 10), (5.0, 1.0, 1.0))
    assert (mean, p95) == (0, 0)
    thin = np.zeros((9, 20, 20), bool)
    thin[2] = True
    other = np.zeros_like(thin)
    other[5] = True
    assert boundary_distance(thin, other, (5.0, 1.0, 1.0)) == (15.0, 15.0)
    assert boundary_distance(thin, np.zeros_like(thin))[0] == float("inf")


def test_cl_dice_of_a_line_with_a_gap():
    line = np.zeros((5, 5, 40), bool)
    line[2, 2, 2:38] = True
    broken = line.copy()
    broken[..., 15:24] = False
    assert cl_dice(line, line) == 1
    assert cl_dice(broken, line) == pytest.approx(2 * 0.75 / 1.75, abs=0.03)


def test_all_scores_of_a_perfect_map():
    true = box(4, 12)
    scores = score(np.where(true, 0.9, 0.1).astype(np.float32), true)
    assert {
        k: scores[k] for k in ("dice", "cldice", "auroc", "average_precision")
    } == dict.fromkeys(("dice", "cldice", "auroc", "average_precision"), 1.0)
    assert scores["boundary_p95"] == 0

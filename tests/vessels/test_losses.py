"""Against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from napari_midl.methods.vessels.losses import (
    LOSSES,
    cl_dice,
    dice_bce,
    focal,
    soft_skeleton,
    weighted_cross_entropy,
)


def tensors(probabilities: list[float], labels: list[int]):
    p = torch.tensor(probabilities)
    shape = (1, 1, 1, 1, -1)
    return torch.logit(p).view(shape), torch.tensor(labels, dtype=torch.uint8).view(shape)


def test_dice_bce():
    logits, labels = tensors([0.8, 0.4, 0.9], [2, 1, 0])
    dice = 1 - (2 * 0.8 + 1) / (0.8 + 0.4 + 1 + 1)
    bce = -(math.log(0.8) + math.log(0.6)) / 2
    assert float(dice_bce(logits, labels)) == pytest.approx(dice + bce, rel=1e-5)


def test_weighted_cross_entropy_gives_both_classes_the_same_weight():
    logits, labels = tensors([0.8, 0.4, 0.4, 0.4], [2, 1, 1, 1])
    expected = 0.5 * (-math.log(0.8) - math.log(0.6))
    assert float(weighted_cross_entropy(logits, labels)) == pytest.approx(expected, rel=1e-5)


def test_focal_scales_down_what_is_easy():
    logits, labels = tensors([0.9, 0.3], [2, 1])
    expected = -(0.1**2 * math.log(0.9) + 0.3**2 * math.log(0.7)) / 2
    assert float(focal(logits, labels)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_unlabelled_voxels_neither_count_nor_pull(name):
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 4, 6, 6, requires_grad=True)
    labels = torch.randint(0, 3, (1, 1, 4, 6, 6), dtype=torch.uint8)
    loss = LOSSES[name](logits, labels)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[labels == 0] == 0).all()
    assert (logits.grad[labels > 0] != 0).any()
    changed = logits.detach().clone()
    changed[labels == 0] += 5
    torch.testing.assert_close(LOSSES[name](changed, labels), loss.detach())


@pytest.mark.parametrize("name", LOSSES)
def test_where_nothing_is_labelled_there_is_no_pull(name):
    logits = torch.randn(1, 1, 2, 4, 4, requires_grad=True)
    LOSSES[name](logits, torch.zeros(1, 1, 2, 4, 4, dtype=torch.uint8)).backward()
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_the_soft_skeleton_of_a_bar_is_its_axis():
    bar = torch.zeros(1, 1, 7, 7, 15)
    bar[..., 2:5, 2:5, 1:14] = 1
    skeleton = soft_skeleton(bar)[0, 0]
    assert skeleton[3, 3, 3:12].min() == 1
    assert skeleton[2, 2:5].max() == 0


def test_cl_dice_punishes_a_gap_more_than_dice_does():
    labels = torch.ones(1, 1, 7, 7, 24, dtype=torch.uint8)
    labels[..., 2:5, 2:5, 1:23] = 2
    whole = torch.where(labels == 2, 6.0, -6.0)
    broken = whole.clone()
    broken[..., 8:14] = -6
    thin = torch.full_like(whole, -6)
    thin[..., 3:4, 2:5, 1:23] = 6
    assert float(cl_dice(whole, labels)) < 0.05
    assert float(cl_dice(broken, labels)) > float(cl_dice(thin, labels))

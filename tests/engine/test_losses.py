"""Against values worked out by hand, and gradients against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from napari_midl.engine.annotation import Classes
from napari_midl.engine.losses import (
    DecayingCrossEntropy,
    JointLoss,
    balanced_cross_entropy,
    corrected_cross_entropy,
    partial_cross_entropy,
)
from napari_midl.errors import InputError

CLASSES = Classes("background", "a", "b", sets={"a or b": ("a", "b"), "not a": ("background", "b")})
TABLE = CLASSES.table
TWO = Classes("background", "vessel").table
# The second decoder knows "a" and whether it is anything else.
PARTIAL = np.stack([TABLE[:, 0] | TABLE[:, 2], TABLE[:, 1]], axis=1)
LOSSES = {
    "partial": partial_cross_entropy,
    "balanced": balanced_cross_entropy,
    "corrected": corrected_cross_entropy,
    "decaying": DecayingCrossEntropy({1: 60, 2: 30, 3: 10}),
    "joint": JointLoss(balanced_cross_entropy, PARTIAL),
}
each_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def tensors(rows: list[tuple[float, ...]], labels: list[int]):
    logits = torch.tensor(rows, dtype=torch.float64).log().T[None, :, :, None].contiguous()
    return logits.requires_grad_(), torch.tensor(labels, dtype=torch.uint8)[None, None, :, None]


def value(loss, rows, labels, table=TABLE, **how):
    return float(loss(*tensors(rows, labels), table, **how).detach())


def test_a_set_costs_what_its_classes_leave_over():
    rows = [(0.5, 0.3, 0.2), (0.1, 0.2, 0.7), (0.6, 0.3, 0.1)]
    expected = -(math.log(0.3 + 0.2) + math.log(0.1 + 0.7)) / 2
    assert value(partial_cross_entropy, rows, [255, 254, 0]) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_of_single_classes_it_is_the_cross_entropy(shape):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, *shape, generator=generator)
    labels = torch.randint(1, 4, (2, 1, *shape), generator=generator)
    expected = F.cross_entropy(logits, labels[:, 0] - 1)
    torch.testing.assert_close(partial_cross_entropy(logits, labels, TABLE), expected)


def test_a_rare_class_counts_as_much_as_a_common_one():
    rows = [(0.5, 0.3, 0.2)] * 3 + [(0.1, 0.2, 0.7), (0.6, 0.3, 0.1)]
    groups = [-math.log(0.5), -math.log(0.2), -math.log(0.3 + 0.1)]
    expected = sum(groups) / 3
    assert value(balanced_cross_entropy, rows, [1, 1, 1, 2, 255]) == pytest.approx(expected)


def test_false_positives_cost_more_the_surer_they_are():
    # Two voxels of background, one of them called vessel at 0.9; one vessel, missed at 0.2.
    rows = [(0.7, 0.3), (0.1, 0.9), (0.8, 0.2)]
    balanced = -(math.log(0.7) + math.log(0.1)) / 2 - math.log(0.2)
    false_positive = (0.5 + abs(0.1 - 0.5)) * -math.log(0.1) / 1  # one voxel of vessel
    false_negative = (0.5 + abs(0.2 - 0.5)) * -math.log(0.2) / 2  # two of background
    expected = balanced + false_positive + false_negative
    assert value(corrected_cross_entropy, rows, [1, 1, 2], TWO) == pytest.approx(expected)


def test_where_nothing_is_wrong_there_is_nothing_to_correct():
    rows = [(0.7, 0.3), (0.4, 0.6)]
    expected = -math.log(0.7) - math.log(0.6)
    assert value(corrected_cross_entropy, rows, [1, 2], TWO) == pytest.approx(expected)


def test_class_weights_decay_to_one():
    loss = DecayingCrossEntropy({1: 90, 2: 10}, rate=0.5, epoch=10)
    assert loss.weights(0) == pytest.approx({1: 10 / 9, 2: 10})
    assert loss.weights(9) == loss.weights(0)
    assert loss.weights(20) == pytest.approx({1: 1 + (1 / 9) / 4, 2: 1 + 9 / 4})
    assert loss.weights(10_000) == pytest.approx({1: 1, 2: 1})
    rows, labels = [(0.7, 0.3), (0.4, 0.6)], [1, 2]
    first = (10 / 9 * -math.log(0.7) + 10 * -math.log(0.6)) / (10 / 9 + 10)
    assert value(loss, rows, labels, TWO) == pytest.approx(first)
    last = -(math.log(0.7) + math.log(0.6)) / 2
    assert value(loss, rows, labels, TWO, step=10_000) == pytest.approx(last)


def test_two_decoders_share_the_loss():
    # Three classes of the first decoder, then "not a" and "a" of the second.
    full, part = [(0.5, 0.3, 0.2), (0.1, 0.2, 0.7)], [(0.6, 0.4), (0.9, 0.1)]
    logits = torch.cat([tensors(full, [2, 254])[0], tensors(part, [2, 254])[0]], dim=1)
    labels = tensors(full, [2, 254])[1]
    of_full = -(math.log(0.3) + math.log(0.1 + 0.7)) / 2
    of_part = -(math.log(0.4) + math.log(0.9)) / 2
    loss = JointLoss(partial_cross_entropy, PARTIAL)(logits, labels, TABLE)
    assert float(loss.detach()) == pytest.approx(0.5 * of_full + 0.5 * of_part)


@each_loss
def test_its_gradient_is_that_of_finite_differences(loss):
    generator = torch.Generator().manual_seed(1)
    channels = 5 if isinstance(loss, JointLoss) else 3
    logits = 2 * torch.randn(2, channels, 2, 3, dtype=torch.float64, generator=generator)
    labels = torch.tensor([1, 1, 2, 3, 254, 0, 1, 2, 255, 0, 3, 1]).reshape(2, 1, 2, 3)
    torch.autograd.gradcheck(lambda x: loss(x, labels, TABLE, 7), logits.requires_grad_())


@each_loss
def test_unlabelled_voxels_neither_count_nor_pull(loss):
    generator = torch.Generator().manual_seed(2)
    channels = 5 if isinstance(loss, JointLoss) else 3
    logits = torch.randn(1, channels, 4, generator=generator).requires_grad_()
    labels = torch.tensor([[[2, 0, 1, 0]]])
    whole = loss(logits, labels, TABLE)
    alone = loss(logits[..., ::2], labels[..., ::2], TABLE)
    torch.testing.assert_close(whole, alone)
    whole.backward()
    assert (logits.grad[..., 1::2] == 0).all()
    assert (logits.grad[..., ::2] != 0).all()


@each_loss
def test_where_nothing_is_labelled_it_is_nought(loss):
    logits = torch.randn(1, 5 if isinstance(loss, JointLoss) else 3, 4).requires_grad_()
    found = loss(logits, torch.zeros(1, 1, 4, dtype=torch.uint8), TABLE)
    found.backward()
    assert float(found.detach()) == 0
    assert (logits.grad == 0).all()


def test_certain_mistakes_stay_finite():
    logits = torch.tensor([[-200.0], [200.0], [-200.0]])[None].requires_grad_()
    loss = partial_cross_entropy(logits, torch.tensor([[[254]]]), TABLE)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(400 - math.log(2), rel=1e-6)
    torch.testing.assert_close(logits.grad[0, :, 0], torch.tensor([-0.5, 1.0, -0.5]))


@each_loss
def test_an_unknown_label_is_refused(loss):
    channels = 5 if isinstance(loss, JointLoss) else 3
    with pytest.raises(InputError, match="stands for no class"):
        loss(torch.zeros(1, channels, 1), torch.tensor([[[4]]]), TABLE)

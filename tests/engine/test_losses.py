"""Against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from napari_midl.engine.annotation import Classes
from napari_midl.engine.losses import partial_cross_entropy
from napari_midl.errors import InputError

CLASSES = Classes("background", "a", "b", sets={"a or b": ("a", "b"), "not a": ("background", "b")})


def tensors(rows: list[tuple[float, float, float]], labels: list[int]):
    logits = torch.tensor(rows).log().T[None, :, :, None].contiguous()
    return logits.requires_grad_(), torch.tensor(labels, dtype=torch.uint8)[None, None, :, None]


def test_a_set_costs_what_its_classes_leave_over():
    logits, labels = tensors([(0.5, 0.3, 0.2), (0.1, 0.2, 0.7), (0.6, 0.3, 0.1)], [255, 254, 0])
    expected = -(math.log(0.3 + 0.2) + math.log(0.1 + 0.7)) / 2
    loss = partial_cross_entropy(logits, labels, CLASSES).detach()
    assert float(loss) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_of_single_classes_it_is_the_cross_entropy(shape):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, *shape, generator=generator)
    labels = torch.randint(1, 4, (2, 1, *shape), generator=generator)
    expected = F.cross_entropy(logits, labels[:, 0] - 1)
    torch.testing.assert_close(partial_cross_entropy(logits, labels, CLASSES), expected)


def test_unlabelled_voxels_neither_count_nor_pull():
    logits, labels = tensors([(0.5, 0.3, 0.2), (0.1, 0.2, 0.7)], [2, 0])
    loss = partial_cross_entropy(logits, labels, CLASSES)
    assert float(loss.detach()) == pytest.approx(-math.log(0.3), rel=1e-6)
    loss.backward()
    assert (logits.grad[:, :, 1] == 0).all()
    # The gradient of a softmax: probability less truth.
    torch.testing.assert_close(logits.grad[0, :, 0, 0], torch.tensor([0.5, -0.7, 0.2]))


def test_where_nothing_is_labelled_it_is_nought():
    logits, labels = tensors([(0.5, 0.3, 0.2)], [0])
    loss = partial_cross_entropy(logits, labels, CLASSES)
    loss.backward()
    assert float(loss.detach()) == 0
    assert (logits.grad == 0).all()


def test_certain_mistakes_stay_finite():
    logits = torch.tensor([[-200.0], [200.0], [-200.0]])[None].requires_grad_()
    loss = partial_cross_entropy(logits, torch.tensor([[[254]]]), CLASSES)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(400 - math.log(2), rel=1e-6)
    torch.testing.assert_close(logits.grad[0, :, 0], torch.tensor([-0.5, 1.0, -0.5]))


def test_an_unknown_label_is_refused():
    logits, labels = tensors([(0.5, 0.3, 0.2)], [4])
    with pytest.raises(InputError, match="unknown value; use 0 unlabelled, 1 background, 2 a"):
        partial_cross_entropy(logits, labels, CLASSES)

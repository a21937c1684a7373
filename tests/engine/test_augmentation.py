from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from napari_midl.engine.augmentation import Augmentation

STILL = Augmentation(rotation=0, zoom=(1, 1), gamma=(1, 1), contrast=(1, 1), offset=0, noise=0)


def batch():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 1, 4, 12, 16, generator=generator)
    labels = (image > 0.5).to(torch.uint8) + 1
    return image, labels


def test_without_any_change_only_reflections_are_left():
    image, labels = batch()
    moved, names = STILL(image, labels, torch.Generator().manual_seed(1))
    for before, after in zip(image, moved, strict=True):
        flips = [
            torch.flip(before, [d for d, f in zip((1, 2, 3), (a, b, c), strict=True) if f])
            for a in (0, 1)
            for b in (0, 1)
            for c in (0, 1)
        ]
        assert any(torch.allclose(after, flipped, atol=1e-5) for flipped in flips)
    assert torch.equal(names, (moved > 0.5).to(torch.uint8) + 1)


def test_labels_turn_with_the_image_and_nothing_is_invented():
    image = torch.zeros(8, 1, 2, 32, 32)
    image[..., 12:20, 8:24] = 1
    labels = image.to(torch.uint8) + 1
    turned = Augmentation(gamma=(1, 1), contrast=(1, 1), offset=0, noise=0)
    moved, names = turned(image, labels, torch.Generator().manual_seed(2))
    assert set(names.unique().tolist()) <= {0, 1, 2}
    agree = ((moved > 0.5) == (names == 2))[names > 0].float().mean()
    assert agree > 0.98


def test_vessels_fade_towards_the_background_that_stays():
    image = torch.full((1, 1, 2, 4, 4), 0.2)
    image[..., 0] = 0.8
    half = replace(STILL, fade=(0.5, 0.5))
    faded, _ = half(image, torch.zeros_like(image), torch.Generator().manual_seed(0))
    values, counts = faded.unique(return_counts=True)
    torch.testing.assert_close(values, torch.tensor([0.2, 0.5]))
    assert counts.tolist() == [24, 8]


def test_intensities_stay_between_0_and_1():
    image, labels = batch()
    moved, _ = Augmentation()(image, labels, torch.Generator().manual_seed(3))
    assert moved.min() >= 0
    assert moved.max() <= 1


def test_the_same_generator_gives_the_same_batch():
    image, labels = batch()
    once = Augmentation()(image, labels, torch.Generator().manual_seed(4))
    twice = Augmentation()(image, labels, torch.Generator().manual_seed(4))
    assert torch.equal(once[0], twice[0])
    assert torch.equal(once[1], twice[1])


def test_2d_images_of_several_channels_turn_together():
    image = torch.zeros(8, 3, 32, 48)
    image[..., 12:20, 8:30] = torch.tensor([0.3, 0.6, 1.0]).view(3, 1, 1)
    labels = (image[:, :1] > 0).to(torch.uint8) + 1
    turned = Augmentation(gamma=(1, 1), contrast=(1, 1), offset=0, noise=0)
    moved, names = turned(image, labels, torch.Generator().manual_seed(2))
    assert moved.shape == image.shape
    assert names.shape == labels.shape
    torch.testing.assert_close(moved[:, 0] / 0.3, moved[:, 2], atol=1e-5, rtol=1e-4)
    agree = ((moved[:, 2:] > 0.5) == (names == 2))[names > 0].float().mean()
    assert agree > 0.98


def test_without_any_change_a_2d_image_is_reflected_only():
    image = torch.rand(1, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    moved, _ = STILL(image, torch.ones_like(image), torch.Generator().manual_seed(1))
    flips = [torch.flip(image, dims) for dims in ((), (2,), (3,), (2, 3))]
    assert any(torch.allclose(moved, flipped, atol=1e-5) for flipped in flips)


def test_each_channel_fades_towards_its_own_background():
    image = torch.full((1, 2, 4, 4), 0.2)
    image[:, 1] = 0.4
    image[..., 0] = 0.8
    half = replace(STILL, fade=(0.5, 0.5))
    faded, _ = half(image, torch.zeros(1, 1, 4, 4), torch.Generator().manual_seed(0))
    assert faded[0, 0].unique().tolist() == pytest.approx([0.2, 0.5])
    assert faded[0, 1].unique().tolist() == pytest.approx([0.4, 0.6])

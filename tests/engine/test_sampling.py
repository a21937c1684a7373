from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from napari_midl.engine.annotation import Classes, PaintedVolume
from napari_midl.engine.augmentation import Augmentation
from napari_midl.engine.sampling import draw, draw_batch
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling

SHAPE = (20, 96, 96)
UNIT = Scaling(0.0, 1.0)
TWO = Classes("background", "vessel")
FIVE = Classes("background", "a", "b", "c", "d", sets={"a or b": ("a", "b")})


def painted() -> PaintedVolume:
    labels = np.ones((1, 96, 96), np.uint8)
    labels[0, 40:44] = 2
    labels[0, :, 50:54] = 2
    image = np.random.default_rng(0).random(SHAPE, np.float32)
    return PaintedVolume(image, UNIT, [Patch((8, 0, 0), labels)], TWO)


def test_most_sub_volumes_hold_vessel():
    volume = painted()
    rng = np.random.default_rng(0)
    shares = [(draw(volume, (8, 32, 32), rng)[1] == 2).mean() for _ in range(60)]
    assert np.mean(np.array(shares) >= 0.001) > 0.7


def test_image_and_labels_are_of_the_same_place():
    volume = painted()
    volume.image[8] = np.where(volume.patches[0].labels[0] == 2, 1.0, 0.25)
    image, labels = draw(volume, (6, 48, 48), np.random.default_rng(1))
    assert image.shape == labels.shape == (6, 48, 48)
    assert (image[labels == 2] == 1).all()
    assert (image[labels == 1] == 0.25).all()


def test_rare_labels_are_drawn_as_often_as_common_ones():
    labels = np.zeros((64, 64), np.uint8)
    labels[:, :20], labels[:, 20:40] = 1, 2
    labels[::2, 60], labels[1, 62] = 5, 255
    volume = PaintedVolume(labels, UNIT, [Patch((0, 0), labels)], FIVE)
    rng = np.random.default_rng(0)
    drawn = [draw(volume, (1, 1), rng)[1].item() for _ in range(2000)]
    shares = {value: drawn.count(value) / len(drawn) for value in (1, 2, 5, 255)}
    assert shares == pytest.approx({1: 0.25, 2: 0.25, 5: 0.25, 255: 0.25}, abs=0.04)


def test_without_background_all_labels_share_the_chances():
    labels = np.array([[2] * 30 + [3] * 2], np.uint8)
    volume = PaintedVolume(labels, UNIT, [Patch((0, 0), labels)], FIVE)
    rng = np.random.default_rng(0)
    drawn = [draw(volume, (1, 1), rng)[1].item() for _ in range(1000)]
    assert drawn.count(2) / 1000 == pytest.approx(0.5, abs=0.05)


def test_a_batch_has_the_channels_of_the_image():
    image = np.random.default_rng(0).random((3, 64, 64), np.float32)
    labels = np.tile(np.array([1, 2], np.uint8), (64, 32))
    volume = PaintedVolume(image, UNIT, [Patch((0, 0), labels)], FIVE, channels=True)
    images, names = draw_batch(volume, (16, 24), 4, Augmentation(), np.random.default_rng(0))
    assert (images.shape, images.dtype) == ((4, 3, 16, 24), torch.float32)
    assert (names.shape, names.dtype) == ((4, 1, 16, 24), torch.uint8)


def test_vessels_are_drawn_as_before_there_were_other_classes():
    """Hashes of version 498e827, whose sampling knew two classes only."""
    rng = np.random.default_rng(5)
    image = rng.random((20, 230, 210), np.float32)
    big = np.ones((2, 220, 200), np.uint8)
    big[:, 40:90], big[:, :, 50:54] = 2, 2
    big[:, 100:120] = 0
    small = rng.integers(0, 3, (3, 40, 48)).astype(np.uint8)
    patches = [Patch((8, 5, 3), big), Patch((2, 100, 120), small)]
    volume = PaintedVolume(image, Scaling(0.1, 0.8), patches, TWO, 0.25, 3)
    assert volume.held_out[:4] == [(0, 1, 4), (0, 4, 5), (0, 2, 3), (0, 3, 4)]
    assert len(volume.held_out) == 12
    rng = np.random.default_rng(11)
    drawn = [draw(volume, (6, 48, 64), rng) for _ in range(40)]
    assert digest(image for image, _ in drawn) == "f2b3403e2e28d615"
    assert digest(labels for _, labels in drawn) == "63264249405aef0d"
    rng = np.random.default_rng(12)
    batches = [draw_batch(volume, (8, 32, 64), 3, Augmentation(), rng) for _ in range(6)]
    assert rng.random() == 0.7432499753364007
    # Interpolation may round otherwise on another processor.
    assert float(batches[0][0].double().mean()) == pytest.approx(0.46458326857650434, abs=1e-6)
    assert digest(labels.numpy() for _, labels in batches) == "3471a9cce9da8c37"


def digest(arrays) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]

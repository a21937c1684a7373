"""Putting what learners say into one network."""

from __future__ import annotations

import numpy as np
import torch

from napari_midl.engine.initialisation import WeightsFrom
from napari_midl.engine.pixels.joining import distil
from napari_midl.engine.pixels.perceptron import Perceptron

RNG = np.random.default_rng(0)


def teacher(features: np.ndarray) -> np.ndarray:
    """Three classes by the first feature alone."""
    classes = np.digitize(features[:, 0], (-0.5, 0.5))
    return np.eye(3, dtype=np.float32)[classes]


def called(network: Perceptron, features: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(features)).argmax(1).numpy()


def test_a_network_says_what_its_teacher_says_where_no_voxel_was():
    """In the image that it is taught on, all features are one."""
    with WeightsFrom(0):
        start = Perceptron(4, 3)
    alike = np.repeat(RNG.normal(size=(2_000, 1)), 4, axis=1).astype(np.float32)
    student = distil(start, alike, teacher, torch.zeros(4), seed=0, steps=400)
    others = RNG.normal(size=(2_000, 4)).astype(np.float32) * 0.5 + alike
    agreed = (called(student, others) == teacher(others).argmax(1)).mean()
    assert agreed > 0.85
    again = distil(start, alike, teacher, torch.zeros(4), seed=0, steps=400)
    np.testing.assert_array_equal(called(again, others), called(student, others))

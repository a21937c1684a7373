"""Learners of strokes."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

import pytest
import torch

from napari_midl.engine.interrupt import Interrupted, stopping_at
from napari_midl.engine.pixels.experts import descend
from napari_midl.engine.pixels.perceptron import Perceptron

FIRST_LEARNING = """
import sys
import numpy as np, torch
from napari_midl.engine.importing_torch import warm_up
from napari_midl.engine.pixels import experts

warm_up()
there = set(sys.modules)
rng = np.random.default_rng(0)
features, vessel = rng.random((60, 5), np.float32), np.arange(60) % 2 > 0
none = torch.zeros(0, 5), torch.zeros(0)
tuned, _ = experts.tuned(None, features, vessel, none, torch.zeros(5), seed=0, steps=2)
for expert in (tuned, experts.trees(None, features, vessel, seed=0)):
    expert(features)
print(*sorted(set(sys.modules) - there))
"""


def test_who_was_warmed_up_imports_little_while_a_stroke_waits():
    new = subprocess.run(
        [sys.executable, "-c", FIRST_LEARNING], capture_output=True, text=True, check=True
    )
    # Hundreds without it.
    assert len(new.stdout.split()) < 10


def test_learning_that_nobody_waits_for_ends_before_its_next_step():
    network, batches = Perceptron(3), []
    generator = torch.Generator().manual_seed(0)
    unwanted = Event()

    def batch():
        batches.append(1)
        unwanted.set()
        return torch.zeros(4, 3), torch.zeros(4)

    with stopping_at(unwanted), pytest.raises(Interrupted):
        descend(network, batch, generator, steps=1000, rate=0.1)
    assert len(batches) == 1

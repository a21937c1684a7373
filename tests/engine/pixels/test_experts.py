"""Learners of strokes."""

from __future__ import annotations

import subprocess
import sys

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

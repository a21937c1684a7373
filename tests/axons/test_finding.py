"""Seeds that are found lie on fibres, also where there is more in a picture than the image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.apply import Tracing
from napari_midl.methods.axons.finding import find_seeds
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.volume import Volume

SHAPE = (24, 96, 112)


def stack(shown):
    """A noisy stack with one fibre, black where it is not to be shown, and where the fibre is."""
    z, y, x = np.indices(SHAPE)
    apart = (y - 48 - 8 * np.sin(x / 20)) ** 2 + (z - 12) ** 2
    noise = np.random.default_rng(0).normal(30, 6, SHAPE)
    voxels = (noise + 120 * np.exp(-apart / 6)).clip(1, 255)
    return np.where(shown(x, y, apart), voxels, 0).astype(np.uint8), apart < 20


@pytest.mark.parametrize(
    "shown",
    [
        lambda x, y, apart: x >= 0,
        lambda x, y, apart: x >= 50,  # a part of a mosaic that was not scanned
        lambda x, y, apart: x + y >= 90,  # what is beside a stack that was turned
        lambda x, y, apart: apart <= 16,  # all but a neuron was taken out
    ],
    ids=["whole", "padded", "turned", "taken out"],
)
def test_seeds_lie_on_the_fibre(shown, base):
    voxels, fibre = stack(shown)
    tracing = Tracing(Volume.from_array(voxels), base, TraceSettings(width=1.0))
    found = run(find_seeds(tracing, tuple(slice(0, n) for n in SHAPE)))
    on = [bool(fibre[tuple(np.rint(seed.position).astype(int))]) for seed in found]
    assert len(on) > 1 and np.mean(on) > 0.7

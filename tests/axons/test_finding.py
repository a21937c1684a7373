"""Seeds that are found lie on fibres, also where there is more in a picture than the image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.filters import sato

from napari_midl.engine.jobs import run
from napari_midl.methods.axons import finding
from napari_midl.methods.axons.apply import Tracing
from napari_midl.methods.axons.finding import find_seeds
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.volumes.volume import Volume

SHAPE = (24, 96, 112)
SHOWN = {
    "whole": lambda x, y, apart: x >= 0,
    "padded": lambda x, y, apart: x >= 50,  # a part of a mosaic that was not scanned
    "turned": lambda x, y, apart: x + y >= 90,  # what is beside a stack that was turned
    "taken out": lambda x, y, apart: apart <= 16,  # all but a neuron was taken out
}


def stack(shown, empty=0.0, dark=False):
    """A noisy stack with one fibre, of one value where it is not shown, and where the fibre is."""
    z, y, x = np.indices(SHAPE)
    apart = (y - 48 - 8 * np.sin(x / 20)) ** 2 + (z - 12) ** 2
    noise = np.random.default_rng(0).normal(30, 6, SHAPE)
    voxels = np.rint((noise + 120 * np.exp(-apart / 6)).clip(1, 254))
    seen = SHOWN[shown](x, y, apart)
    return np.where(seen, 255 - voxels if dark else voxels, empty), seen & (apart < 20)


def found_in(voxels, base, dark=False):
    """Voxels of seeds."""
    settings = TraceSettings(width=1.0, fibres="dark" if dark else "bright")
    tracing = Tracing(Volume.from_array(voxels), base, settings)
    found = run(find_seeds(tracing, tuple(slice(0, n) for n in voxels.shape)))
    return np.rint([seed.position for seed in found]).astype(int).reshape(-1, 3)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("empty", [0, 255, 90, np.nan])
@pytest.mark.parametrize("shown", ["padded", "turned"])
def test_what_was_not_imaged_has_no_fibre_at_its_rim(shown, empty, dark, base):
    voxels, fibre = stack(shown, empty, dark)
    on = fibre[tuple(found_in(voxels.astype(np.float32), base, dark).T)]
    assert len(on) > 1 and np.mean(on) > 0.7


@pytest.mark.parametrize("shown", ["whole", "taken out"])
def test_seeds_lie_on_the_fibre(shown, base):
    voxels, fibre = stack(shown)
    on = fibre[tuple(found_in(voxels.astype(np.uint8), base).T)]
    assert len(on) > 1 and np.mean(on) > 0.7


@pytest.mark.parametrize("width", [2, 6])
def test_what_is_black_or_white_in_a_thresholded_image_is_image(width, base):
    y, x = np.indices((300, 300))
    away = np.minimum(abs(y - 90 - 20 * np.sin(x / 40)), abs(x - 200 - 20 * np.sin(y / 50)))
    seeds = found_in(255 * (away <= width)[None].astype(np.uint8), base)
    on = (away <= width)[tuple(seeds.T[1:])]
    assert len(on) > 10 and on.all()


def test_a_strip_beside_padding_is_no_fibre(base):
    # Of the second block of 128 pixels hardly anything was imaged.
    image = np.random.default_rng(0).normal(30, 6, (1, 128, 256))
    for width in (120, 126, 132, 140):
        for empty in (0, 255, 90):
            padded = np.where(np.arange(256) < width, image, empty).astype(np.float32)
            assert not np.count_nonzero(found_in(padded, base)[:, 2] > width - 8)


def test_ridges_of_a_stack_are_those_of_scikit_image():
    block = stack("taken out")[0].astype(np.float32) / 255
    wanted = sato(block, sigmas=finding.WIDTHS, black_ridges=False, mode="reflect")
    np.testing.assert_allclose(finding.ridges(block), wanted, atol=1e-6)
    assert wanted.max() > 0.1

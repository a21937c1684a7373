"""How wide the fibre under a click is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_midl.engine.jobs import run
from napari_midl.methods.axons.pixels import Pixels
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.tracing import Tracing
from napari_midl.methods.axons.widths import shrunk, width_at
from napari_midl.volumes.traces import Seed
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model

TYPICAL = 1.79  # px of a width of 1


def ridge(sigma: float, shape: tuple[int, int] = (320, 400)) -> np.ndarray:
    y = np.arange(shape[0])[:, None] - shape[0] / 2
    noise = np.random.default_rng(0).normal(0, 0.03, shape)
    return np.asarray((0.1 + 0.6 * np.exp(-(y**2) / (2 * sigma**2)) + noise).astype(np.float32))


def measured(image: np.ndarray, *place: float) -> float:
    pixels = Pixels(image, np.asarray, (1.0,) * image.ndim, (1.0, 2.0))
    return width_at(pixels, torch.tensor(place))


@pytest.mark.parametrize("sigma", [3.0, 10.0, 16.0, 24.0])
def test_ridges_from_thin_to_thick(sigma: float) -> None:
    assert measured(ridge(sigma), 162.0, 200.0) * TYPICAL == pytest.approx(sigma, rel=0.2)


def test_a_thick_fibre_of_a_stack() -> None:
    stack = np.repeat(ridge(12.0)[None], 31, axis=0)
    assert measured(stack, 15.0, 160.0, 200.0) * TYPICAL == pytest.approx(12.0, rel=0.25)


def test_a_thin_fibre_on_a_thick_one_is_thin() -> None:
    image = ridge(16.0)
    image[159:162] += 0.4
    assert measured(image, 160.0, 200.0) < 4


def test_a_thick_fibre_is_followed_whole_and_surely(base: Model) -> None:
    line = np.stack([150 + 25 * np.sin(np.arange(20, 480) / 90), np.arange(20, 480)], 1)
    away, _ = cKDTree(line).query(np.argwhere(np.ones((300, 500))))
    tube = ndimage.gaussian_filter(np.clip(20.5 - away.reshape(300, 500), 0, 1), 1.5)
    noise = np.random.default_rng(0).normal(0, 0.06, tube.shape)
    volume = Volume.from_array((0.2 + 0.4 * tube + noise)[None].astype(np.float32), name="thick")
    tracing = Tracing(volume, base, TraceSettings())
    found = run(tracing.follow([Seed("a", (0.0, *line[230].tolist()))]))[0]
    distance, _ = cKDTree(found.points[:, 1:]).query(line[60:-60])
    assert distance.max() < 16
    assert found.uncertainty.mean() < 0.2


@pytest.mark.parametrize(("beside", "bright"), [(4, 0.5), (14, 0.2)])
def test_a_thin_branch_is_followed_from_where_it_leaves_a_thick_trunk(
    beside: int, bright: float, base: Model
) -> None:
    image = ridge(8.0)
    height, across = image.shape
    branch = bright * np.exp(-((np.arange(across) - across / 2) ** 2) / (2 * 1.2**2))
    lower = image[height // 2 :]
    noise = np.random.default_rng(1).normal(0, 0.03, lower.shape)
    np.maximum(lower, 0.1 + branch + noise, out=lower, casting="same_kind")
    seed = Seed("branch", (0.0, height / 2 + beside, across / 2), (0.0, 1.0, 0.0))
    (found,) = run(Tracing(Volume.from_array(image[None]), base, TraceSettings()).follow([seed]))
    y, x = found.points[:, 1:].T
    assert y.max() > height - 10
    assert np.abs(x - across / 2).max() < 4


def test_larger_voxels_are_means_of_whole_ones() -> None:
    block = np.arange(15, dtype=np.float32).reshape(3, 5)
    assert shrunk(block, (1, 2)).tolist() == [[0.5, 2.5], [5.5, 7.5], [10.5, 12.5]]
    assert shrunk(block, (4, 1)).tolist() == [[5.0, 6.0, 7.0, 8.0, 9.0]]

"""A small mosaic, in memory and as files, and a small slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile
from imageio import v3 as imageio

from napari_midl.methods.staining.mosaic import Mosaic
from napari_midl.methods.staining.synthetic import SyntheticMosaic, synthetic_mosaic
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def drawn() -> SyntheticMosaic:
    return synthetic_mosaic((200, 230), np.random.default_rng(4))


@pytest.fixture
def mosaic(drawn: SyntheticMosaic) -> Mosaic:
    """Fluorescence and reflectance, as the methods take them."""
    channels = [drawn.fluorescence, drawn.reflectance]
    return Mosaic([Volume.from_array((c * 4000).astype(np.uint16)[None]) for c in channels])


@pytest.fixture
def slide() -> np.ndarray:
    """Pink stroma with blue nuclei, made by Beer-Lambert from known vectors."""
    rng = np.random.default_rng(0)
    densities = np.zeros((2, 96, 96), np.float32)
    densities[1] = rng.uniform(0.2, 0.9, (96, 96))
    densities[0, 20:40, 20:60] = 1.2
    densities[1, 20:40, 20:60] = 0.05
    densities[:, :, 80:] = 0
    vectors = np.array([[0.65, 0.70, 0.29], [0.10, 0.95, 0.30]])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    colours = np.exp(-np.einsum("syx,sc->yxc", densities, vectors))
    return np.rint(colours * 255).astype(np.uint8)


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: SyntheticMosaic, slide: np.ndarray
) -> Path:
    """A working folder with both channels and a slide."""
    monkeypatch.chdir(tmp_path)
    for name, channel in (("f", drawn.fluorescence), ("r", drawn.reflectance)):
        tifffile.imwrite(f"{name}.tif", (channel * 4000).astype(np.uint16))
    imageio.imwrite("slide.png", slide)
    return tmp_path

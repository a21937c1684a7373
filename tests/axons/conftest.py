"""Images with fibres whose centrelines are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.methods.axons.models import named_model
from napari_midl.volumes.traces import Trace
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.engine.models import Model


@pytest.fixture(scope="session")
def base() -> Model:
    """The shipped tracker."""
    return named_model("base")


@pytest.fixture
def wave(drawn_wave: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A plane (uint8) with one wavy fibre, and its centreline ``(y, x)``."""
    image, line = drawn_wave
    return image.copy(), line.copy()


@pytest.fixture(scope="session")
def drawn_wave() -> tuple[np.ndarray, np.ndarray]:
    """What `wave` gives each test a copy of."""
    rng = np.random.default_rng(0)
    x = np.linspace(5, 194, 800)
    line = np.stack([60 + 14 * np.sin(x / 22), x], 1)
    yy, xx = np.indices((120, 200))
    pixels = np.stack([yy.ravel(), xx.ravel()], 1)
    distance = np.linalg.norm(pixels[:, None] - line[None, ::4], axis=-1).min(1).reshape(120, 200)
    image = 25 + 120 * np.exp(-(distance**2) / (2 * 1.5**2)) + rng.normal(0, 10, (120, 200))
    return np.clip(image, 0, 255).astype(np.uint8), line


@pytest.fixture
def plane(wave: tuple[np.ndarray, np.ndarray]) -> Volume:
    """The plane as a volume of one slice, with pixels of half a micrometre."""
    return Volume.from_array(
        wave[0][None], scale=(1.0, 0.5, 0.5), units=("micrometer",) * 3, name="wave"
    )


@pytest.fixture
def line():
    """Makes a trace with points at these x, in row 0 of plane 0."""

    def made(xs, name="a", unsure=None, why=""):
        points = np.stack([np.zeros(len(xs)), np.zeros(len(xs)), np.asarray(xs, float)], 1)
        doubt = np.zeros(len(xs)) if unsure is None else np.asarray(unsure, float)
        return Trace(name, points, doubt, why=why)

    return made

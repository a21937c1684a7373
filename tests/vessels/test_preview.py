from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.annotation import PaintedVolume
from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.methods.vessels.models import scratch
from napari_midl.methods.vessels.network import VesselNet
from napari_midl.methods.vessels.preview import Preview
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.scaling import Scaling

SHAPE = (4, 200, 240)
VIEW = (slice(1, 2), slice(0, 200), slice(20, 240))


@pytest.fixture(scope="module")
def painted() -> PaintedVolume:
    patch = Patch((0, 0, 0), np.array([[[1, 2]]], np.uint8), "patch")
    return PaintedVolume(np.zeros(SHAPE, np.float32), Scaling(0.0, 1.0), [patch], CLASSES)


def looked(painted: PaintedVolume, seconds: float, view=VIEW):
    network = scratch().network
    assert isinstance(network, VesselNet)
    return Preview(painted, network, lambda: view)(network, seconds)


def test_the_whole_view_is_shown_where_there_is_time(painted):
    region, found = looked(painted, 1e6)
    assert region == VIEW and found.shape == (1, 200, 220)


def test_little_time_shows_the_middle_of_the_view(painted):
    (_, rows, columns), found = looked(painted, 1e-3)
    assert 32 <= rows.stop - rows.start <= 64 and 32 <= columns.stop - columns.start <= 64
    assert abs((rows.start + rows.stop) / 2 - 100) <= 1
    assert abs((columns.start + columns.stop) / 2 - 130) <= 1
    assert found.shape == (1, rows.stop - rows.start, columns.stop - columns.start)


def test_nobody_looks(painted):
    assert looked(painted, 1.0, None) is None

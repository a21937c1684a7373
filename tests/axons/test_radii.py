"""Radii of drawn tubes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_midl.methods.axons.radii import measure_radii
from napari_midl.volumes.traces import Trace
from napari_midl.volumes.volume import Volume


def _tube(shape, spacing, line, radius, rng, dark=False, noise=6.0):
    """A tube of that radius about a line, all in isotropic px, blurred by half a pixel."""
    grid = np.stack(np.indices(shape), -1) * spacing
    distance, _ = cKDTree(line).query(grid.reshape(-1, 3))
    inside = np.clip(radius + 0.5 - distance, 0, 1).reshape(shape)
    image = 40 + 120 * ndimage.gaussian_filter(inside, 0.5 / np.asarray(spacing))
    image = image + rng.normal(0, noise, shape)
    return (220 - image if dark else image).astype(np.float32)


def _line(length, middle, bend, depth=0.0):
    x = np.linspace(12, length - 12, 400)
    y = middle + bend * np.sin(x / 18)
    return np.stack([depth + 0 * x, y, x], 1)


def _measured(image, line, spacing, off=0.0, **how):
    scale = tuple(0.2 * s for s in spacing)
    volume = Volume.from_array(image, scale=scale, units="micrometer")
    points = np.add(line[::8], (0, off, 0)) / spacing
    trace = Trace("a", points, np.zeros(len(points)))
    return measure_radii(volume, trace, **how).radius


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("radius", [1.5, 3.0, 6.0, 10.0])
def test_in_a_plane(radius, dark):
    rng = np.random.default_rng(0)
    line = _line(140, 45, 6)
    image = _tube((1, 90, 140), (1, 1, 1), line, radius, rng, dark)
    found = _measured(image, line, (1, 1, 1))
    np.testing.assert_allclose(found, radius, rtol=0.15)


@pytest.mark.parametrize("radius", [18.0, 22.0, 30.0])
def test_of_thick_fibres(radius):
    rng = np.random.default_rng(0)
    line = _line(240, 90, 6)
    image = _tube((1, 180, 240), (1, 1, 1), line, radius, rng)
    found = _measured(image, line, (1, 1, 1))
    # Where it bends as sharply as it is thick it has no one radius.
    np.testing.assert_allclose(np.median(found), radius, rtol=0.1)
    np.testing.assert_allclose(found, radius, rtol=0.25)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("spacing", "radius"), [((1, 1, 1), 2.5), ((1, 1, 1), 6), ((2.5, 1, 1), 4), ((3, 1.5, 1), 7)]
)
def test_in_a_stack(spacing, radius, dark):
    rng = np.random.default_rng(0)
    line = _line(90, 30, 4, depth=27)
    line[:, 0] += 3 * np.cos(line[:, 2] / 15)
    shape = tuple(int(n / s) for n, s in zip((54, 60, 90), spacing, strict=True))
    image = _tube(shape, spacing, line, radius, rng, dark)
    found = _measured(image, line, spacing)
    np.testing.assert_allclose(found, radius, rtol=0.15)


def test_a_trace_beside_the_middle_has_the_same_radius():
    rng = np.random.default_rng(0)
    for shape, depth in (((1, 80, 120), 0), ((40, 60, 90), 20)):
        line = _line(shape[2], shape[1] / 2, 3, depth)
        image = _tube(shape, (1, 1, 1), line, 4.0, rng)
        found = _measured(image, line, (1, 1, 1), off=1.5)
        np.testing.assert_allclose(found, 4.0, rtol=0.15)


def test_a_neighbour_does_not_count():
    rng = np.random.default_rng(0)
    line = _line(120, 40, 0)
    image = _tube((1, 80, 120), (1, 1, 1), line, 3.0, rng)
    other = _tube((1, 80, 120), (1, 1, 1), np.add(line, (0, 9, 0)), 3.0, rng)
    found = _measured(np.maximum(image, other), line, (1, 1, 1))
    np.testing.assert_allclose(found, 3.0, rtol=0.15)


def test_a_width_that_changes_is_followed():
    rng = np.random.default_rng(0)
    line = _line(160, 40, 0)
    wide = _tube((1, 80, 160), (1, 1, 1), line[200:], 6.0, rng)
    thin = _tube((1, 80, 160), (1, 1, 1), line, 2.0, rng)
    found = _measured(np.maximum(wide, thin), line, (1, 1, 1))
    assert found[5:15] == pytest.approx(2.0, rel=0.15)
    assert found[35:45] == pytest.approx(6.0, rel=0.15)


def test_only_boxes_about_the_trace_are_read():
    read = []

    class Noted:
        shape, dtype, ndim = (400, 4000, 4000), np.dtype(np.float32), 3

        def __getitem__(self, region):
            size = [part.stop - part.start for part in region]
            read.append(int(np.prod(size)))
            return np.zeros(size, np.float32)

    points = np.stack(
        [np.full(200, 200.0), np.linspace(9, 3990, 200), np.linspace(9, 3990, 200)], 1
    )
    measure_radii(Volume.from_array(Noted()), Trace("a", points, np.zeros(200)))
    assert sum(read) < 0.025 * np.prod(Noted.shape)


@pytest.mark.filterwarnings("error")
def test_where_nothing_is_seen_there_is_no_radius():
    flat = Volume.from_array(np.full((1, 60, 60), 7, np.uint8))
    line = _line(60, 30, 0)[::20]
    assert np.isnan(measure_radii(flat, Trace("a", line, np.zeros(len(line)))).radius).all()
    soma = Trace("s", line[:1], np.zeros(1), radius=np.array([5.0]))
    assert measure_radii(flat, soma) is soma

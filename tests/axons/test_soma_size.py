"""Radii of drawn cell bodies: filled, hollow and with a nucleus, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_midl.methods.axons.soma_size import soma_radius
from napari_midl.volumes.volume import Volume

PLANE = (1.0, 1.0, 1.0)
KINDS = ("filled", "hollow", "nucleus", "large nucleus")


def body(radius, kind, spacing=PLANE, flat=False, dark=False, seed=0, deep=None):
    """A cell body that two fibres leave, and its middle, in voxels."""
    rng, room = np.random.default_rng(seed), int(1.5 * radius + 14)
    depth = 1 if flat else int((2 * (deep or room) + 1) / spacing[0])
    shape = (depth, *(int((2 * room + 1) / side) for side in spacing[1:]))
    middle = (np.array(shape) - 1) / 2 * spacing
    middle += rng.uniform(-0.5, 0.5, 3) * (not flat, 1, 1)
    away = np.stack(np.indices(shape), -1) * spacing - middle
    distance = np.linalg.norm(away, axis=-1)
    drawn = np.clip(radius - distance + 0.5, 0, 1)
    if kind != "filled":
        inner = {"hollow": min(0.85 * radius, radius - 1.5), "nucleus": 0.5 * radius}
        aside = {"hollow": 0.0, "nucleus": 0.2 * radius}.get(kind, 0.05 * radius)
        nucleus = np.linalg.norm(away - (0, aside, 0), axis=-1)
        drawn -= 0.9 * np.clip(inner.get(kind, 0.7 * radius) - nucleus + 0.5, 0, 1)
    for _ in range(2):
        way = rng.normal(size=3) * (not flat, 1, 1)
        way /= np.linalg.norm(way)
        along = away @ way
        beside = np.linalg.norm(away - along[..., None] * way, axis=-1)
        fibre = np.clip(min(2.0, radius / 3) - beside + 0.5, 0, 1)
        drawn = np.maximum(drawn, np.where(along > 0.9 * radius, fibre, 0))
    image = 40 + 120 * ndimage.gaussian_filter(drawn, 0.7 / np.array(spacing))
    return volume_of(image, rng, spacing, dark), middle / spacing


def volume_of(image, rng, spacing=PLANE, dark=False):
    noisy = image + rng.normal(0, 8, image.shape)
    scale = tuple(0.2 * side for side in spacing)
    return Volume.from_array(240 - noisy if dark else noisy, scale=scale, units="micrometer")


def measured(volume, middle, radius, spacing, ways):
    """From the middle, and from a third of the radius off it."""
    places = [middle] + [np.add(middle, radius / 3 * np.array(way) / spacing) for way in ways]
    return [soma_radius(volume, place.tolist()) for place in places]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [4.0, 6.0, 10.0, 18.0, 28.0, 40.0])
def test_in_a_plane(radius, kind, dark):
    if radius < 5 and kind == "large nucleus":
        return  # a shell as thin as a pixel
    volume, middle = body(radius, kind, flat=True, dark=dark, seed=round(radius) + dark)
    middle[0] = 0
    ways = [(0, 1, 0), (0, 0, -1), (0, 0.7, 0.7)]
    assert measured(volume, middle, radius, PLANE, ways) == pytest.approx([radius] * 4, rel=0.15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spacing", [(1, 1, 1), (2.5, 1, 1), (4, 1, 1)])
@pytest.mark.parametrize("radius", [5.0, 8.0, 14.0])
def test_in_a_stack(radius, spacing, kind):
    if radius < 2.5 * spacing[0]:
        return  # seen in hardly four slices
    for seed, dark in ((0, False), (1, True)):
        volume, middle = body(radius, kind, spacing, dark=dark, seed=seed)
        ways = [(1, 0, 0), (-0.7, 0, 0.7)]  # in other slices than the middle one
        found = measured(volume, middle, radius, spacing, ways)
        assert found == pytest.approx([radius] * 3, rel=0.15)


@pytest.mark.parametrize("kind", ["filled", "hollow"])
def test_of_a_large_one_in_a_stack(kind):
    spacing = (4.0, 1.0, 1.0)
    volume, middle = body(40.0, kind, spacing)
    found = measured(volume, middle, 40.0, spacing, [(-1, 0, 0)])
    assert found == pytest.approx([40.0] * 2, rel=0.15)


def test_of_one_that_is_deeper_than_its_stack():
    volume, middle = body(16.0, "hollow", (2.5, 1, 1), deep=6)
    assert volume.shape[0] == 5
    assert soma_radius(volume, middle.tolist()) == pytest.approx(16.0, rel=0.15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [9.0, 16.0])
def test_of_one_whose_slices_lie_farther_apart_than_is_known(radius, kind):
    drawn, middle = body(radius, kind, (2.5, 1, 1))
    flattened = Volume.from_array(drawn.data)
    assert soma_radius(flattened, middle.tolist()) == pytest.approx(radius, rel=0.15)


@pytest.mark.parametrize("width", [1.0, 2.0, 6.0, 9.0])
@pytest.mark.parametrize("depth", [1, 40])
def test_a_fibre_is_none(width, depth):
    z, y, x = np.indices((depth, 120, 120))
    away = np.hypot(z - depth // 2, y - 60 - 6 * np.sin(x / 18))
    image = 40 + 120 * np.clip(width + 0.5 - away, 0, 1)
    volume = volume_of(image, np.random.default_rng(0))
    for at in (40, 60, 75):
        place = (depth // 2, 60 + 6 * np.sin(at / 18), at)
        assert np.isnan(soma_radius(volume, place))


def test_noise_and_nets_and_rims_are_none():
    rng = np.random.default_rng(0)
    y, x = np.indices((160, 160))
    net = np.zeros((160, 160))
    for angle, a, b in rng.uniform((0, 0, 0), (np.pi, 160, 160), (20, 3)):
        away = abs((y - a) * np.cos(angle) - (x - b) * np.sin(angle))
        net = np.maximum(net, np.clip(2.5 - away, 0, 1))
    for image in (0 * net, 120 * net, np.where(x > 60, 120, 0), x * 1.0):
        volume = volume_of(image[None], rng)
        places = rng.uniform((0, 30, 30), (0, 130, 130), (20, 3))
        assert np.isnan([soma_radius(volume, place.tolist()) for place in places]).all()
    stack = volume_of(np.zeros((60, 100, 100)), rng)
    assert np.isnan(soma_radius(stack, (30.0, 50.0, 50.0)))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_in_an_empty_image_there_is_none(value):
    empty = Volume.from_array(np.full((1, 60, 60), value, np.float32), name="empty")
    assert np.isnan(soma_radius(empty, (0.0, 30.0, 30.0)))

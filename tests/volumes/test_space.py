"""Where voxels lie in the world, against values computed by hand."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.space import Space, sizes_in_words, typed_space

# X of the image runs along (0.6, 0.8, 0), Y along (-0.8, 0.6, 0), Z to the feet.
OBLIQUE = ((0.6, -0.8, 0.0), (0.8, 0.6, 0.0), (0.0, 0.0, -1.0))
TURNED = Space.of((3.0, 2.0, 0.5), "mm", (10.0, 20.0, 30.0), OBLIQUE)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("voxel", "world"),
    [
        ((0, 0, 0), (10, 20, 30)),
        ((0, 0, 10), (10 + 0.6 * 5, 20 + 0.8 * 5, 30)),
        ((0, 10, 0), (10 - 0.8 * 20, 20 + 0.6 * 20, 30)),
        ((10, 0, 0), (10, 20, 30 - 30)),
        ((1, 2, 3), (10 + 0.9 - 3.2, 20 + 1.2 + 2.4, 27)),
        ((-0.5, -0.5, -0.5), (10 - 0.15 + 0.8, 20 - 0.2 - 0.6, 31.5)),
    ],
)
def test_voxels_in_a_turned_world(voxel, world):
    np.testing.assert_allclose(TURNED.to_world(voxel), world)
    np.testing.assert_allclose(TURNED.to_voxel(world), voxel, atol=1e-12)
    np.testing.assert_allclose(TURNED.to_world(voxel, "micrometer"), np.multiply(world, 1000))
    np.testing.assert_allclose(
        TURNED.to_voxel(np.divide(world, 10), "centimeter"), voxel, atol=1e-9
    )


def test_many_points_at_once_and_as_a_matrix():
    voxels = np.random.default_rng(0).random((4, 5, 3)) * 100
    world = TURNED.to_world(voxels)
    assert world.shape == voxels.shape
    np.testing.assert_allclose(TURNED.to_voxel(world), voxels)
    homogeneous = np.concatenate([voxels, np.ones((4, 5, 1))], -1)
    for unit, times in ((None, 1.0), ("millimeter", 1.0), ("meter", 1e-3)):
        found = homogeneous @ TURNED.matrix(unit).T
        np.testing.assert_allclose(found[..., :3], world * times)


def test_sizes_in_several_units_are_in_that_of_x():
    mixed = Space.of((2000.0, 0.5, 0.25), ("nm", "um", "Micron"))
    assert mixed.scale == pytest.approx((2.0, 0.5, 0.25))
    assert mixed.unit == mixed.known_unit == "micrometer" and mixed.known
    assert mixed.sizes_in("millimeter") == pytest.approx((2e-3, 5e-4, 2.5e-4))
    assert Space.of((1.0, 1.0, 1.0), ("nm", None, None)).unit == "nanometer"


@pytest.mark.parametrize(
    ("scale", "unit", "left", "said"),
    [
        ((None, 0.5, 0.5), "um", (None, 0.5, 0.5), "the image does not say it along z"),
        ((0.0, 0.5, -1.0), "um", (None, 0.5, None), "the image does not say it along z and x"),
        ((NAN, INF, 0), "um", (None, None, None), "the image does not say it"),
        ((1e30, 0.5, 0.5), "um", (None, 0.5, 0.5), "the image does not say it along z"),
        ((2.0, 1.0, 1.0), None, (2.0, 1.0, 1.0), "the image does not say its unit"),
        ((2.0, 1.0, 1.0), "pixel", (2.0, 1.0, 1.0), "the image does not say its unit"),
        ((2.0, 1.0, 1.0), ("s", "um", "um"), (None, 1.0, 1.0), "it along z"),
        ((None, None, None), None, (None, None, None), "the image does not say it"),
    ],
)
def test_what_is_not_known_is_said_and_no_length_is_told(scale, unit, left, said):
    space = Space.of(scale, unit)
    assert space.scale == left and not space.known and space.known_unit is None
    assert space.voxel_size == (left if None not in left else (1.0, 1.0, 1.0))
    assert space.unknown.endswith(said)
    for ask in (space.sizes_in, space.matrix, lambda u: space.to_world((0, 0, 0), u)):
        with pytest.raises(InputError, match="the voxel size is not known"):
            ask("micrometer")
    # In voxels, or what the axes compare to, points can be told.
    np.testing.assert_allclose(
        space.to_world((1, 2, 3)), np.multiply((3, 2, 1), space.voxel_size[::-1])
    )


def test_an_origin_that_is_no_place_is_not_known():
    assert Space.of((1, 1, 1), "mm", (0, NAN, 0)).origin is None
    assert Space.of((1, 1, 1), "mm", (0, 1, 2)).origin == (0.0, 1.0, 2.0)


def test_a_part_keeps_its_place():
    part = TURNED.cut((1, 2, 3))
    for voxel in ((0, 0, 0), (4, 5, 6)):
        np.testing.assert_allclose(part.to_world(voxel), TURNED.to_world(np.add(voxel, (1, 2, 3))))
    assert (part.scale, part.unit, part.direction) == (TURNED.scale, "millimeter", OBLIQUE)
    bare = Space.of((1, 2, 4), "um")
    assert bare.cut((0, 0, 0)) == bare and bare.cut((0, 0, 0)).origin is None
    assert bare.cut((1, 1, 1)).origin == (4.0, 2.0, 1.0)


@pytest.mark.parametrize("factors", [(1, 2, 2), (2, 2, 2), (3, 3, 3), (1, 1, 1), (1, 4, 3)])
def test_a_coarser_voxel_lies_in_the_middle_of_those_it_merges(factors):
    coarse = TURNED.coarser(factors)
    for voxel in ((0, 0, 0), (2, 3, 4)):
        merged = [range(v * f, (v + 1) * f) for v, f in zip(voxel, factors, strict=True)]
        middle = np.mean([TURNED.to_world(v) for v in itertools.product(*merged)], 0)
        np.testing.assert_allclose(coarse.to_world(voxel), middle)
    assert coarse.scale == tuple(s * f for s, f in zip(TURNED.scale, factors, strict=True))
    assert Space.of((None, 1, 1), "um").coarser((1, 2, 2)).scale == (None, 2.0, 2.0)


def test_the_same_place_with_voxels_of_another_size():
    other = Space.of((300.0, 200.0, 100.0), "um")
    resized = TURNED.resized(other)
    assert (resized.scale, resized.unit) == (other.scale, "micrometer")
    assert resized.origin == pytest.approx((1e4, 2e4, 3e4))
    assert resized.direction == OBLIQUE
    np.testing.assert_allclose(resized.to_world((0, 0, 0), "millimeter"), (10, 20, 30))


def test_straight_or_not():
    assert Space.of((3, 2, 1), "mm", (1, 2, 3)).is_straight
    assert not TURNED.is_straight
    assert TURNED.without_place().is_straight and TURNED.without_place().origin is None
    assert TURNED.without_place().scale == TURNED.scale


@pytest.mark.parametrize(
    "space",
    [TURNED, Space(), Space.of((None, 0.1, 0.3), "um"), Space.of((2, 1, 1), None, (1, 2, 3))],
)
def test_there_and_back_by_json(space):
    assert Space.from_dict(json.loads(json.dumps(space.to_dict()))) == space


@pytest.mark.parametrize(
    "kept", [None, {}, [], {"scale": [1, 2]}, {**Space().to_dict(), "scale": [1]}]
)
def test_what_was_no_space_is_an_error(kept):
    with pytest.raises(ValueError, match="no space"):
        Space.from_dict(kept)


@pytest.mark.parametrize(
    ("text", "scale", "unit"),
    [
        ("0.5 um", (0.5, 0.5, 0.5), "micrometer"),
        ("2,0.5,0.25 um", (2.0, 0.5, 0.25), "micrometer"),
        ("2 x 0.5 x 0.25 µm", (2.0, 0.5, 0.25), "micrometer"),
        ("2x0.5x0.25µm", (2.0, 0.5, 0.25), "micrometer"),
        ("2 × 0.5 × 0.25 Microns", (2.0, 0.5, 0.25), "micrometer"),
        ("2; 0.5; 0.25 mm", (2.0, 0.5, 0.25), "millimeter"),
        (" 1e-3 0.5e-3 .25e-3 m ", (1e-3, 5e-4, 2.5e-4), "meter"),
        ("5 Å", (5.0, 5.0, 5.0), "angstrom"),
        ("1 in", (1.0, 1.0, 1.0), "inch"),
    ],
)
def test_sizes_as_people_type_them(text, scale, unit):
    space = typed_space(text)
    assert (space.scale, space.unit, space.origin) == (scale, unit, None)
    assert space.known


@pytest.mark.parametrize(
    "text",
    [
        *("", "um", "0.5", "a um", "1 2 3", "1 second"),
        *("1,2 um", "1,2,3,4 um"),
        *("0 um", "-1 um", "1,2,0 um", "nan um", "inf um", "1e40 um"),
    ],
)
def test_what_is_no_size_is_a_sentence(text):
    with pytest.raises(InputError, match=r"is no voxel size; write .* such as 2,0\.5,0\.5 um.*\.$"):
        typed_space(text)


def test_sizes_in_words():
    assert sizes_in_words((2.0, 0.5, 0.5), "micrometer") == "2 x 0.5 x 0.5 µm"
    assert sizes_in_words((0.5, 0.5), "micrometer") == "0.5 µm"
    assert sizes_in_words((2.0, 1.0, 1.0), None) == "2 x 1 x 1 (no unit)"

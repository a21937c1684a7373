from __future__ import annotations

import numpy as np
import pytest

from napari_midl.engine.annotation import Classes
from napari_midl.engine.jobs import run
from napari_midl.engine.proposals import least_sure, propose
from napari_midl.engine.uncertainty import binary_entropy, entropy
from napari_midl.volumes.annotations import Patch

THREE = Classes("background", "a", "b")


def two_halves(box):
    """Left of pixel 50 sure of the background, right of it torn between the last two of three."""
    shape = tuple(s.stop - s.start for s in box)
    x = np.broadcast_to(np.arange(box[-1].start, box[-1].stop), shape)
    sides = [np.where(x < 50, left, right) for left, right in ((1, 0), (0, 0.45), (0, 0.55))]
    return np.stack(sides).astype(np.float32)


@pytest.mark.parametrize(("shape", "size"), [((80, 100), (8, 8)), ((6, 80, 100), (1, 8, 8))])
def test_the_least_sure_places_come_first_and_say_why(shape, size):
    found = run(propose(shape, two_halves, THREE, [], size, count=3, candidates=40))
    assert len(found) == 3
    first = found[0]
    assert first.origin[-1] >= 50
    assert first.shape == size
    bits = -0.45 * np.log2(0.45) - 0.55 * np.log2(0.55)
    assert first.uncertainty == pytest.approx(bits / np.log2(3), abs=1e-3)
    assert first.reason == "very unsure whether this is b"
    unsure = [place.uncertainty for place in found]
    assert unsure == sorted(unsure, reverse=True)


def test_places_that_are_painted_or_overlap_are_left_out():
    painted = Patch((0, 40), np.ones((80, 60), np.uint8))
    found = run(propose((80, 100), two_halves, THREE, [painted], (30, 10), candidates=60, count=9))
    assert len(found) > 1
    assert all(place.origin[1] + 10 <= 40 for place in found)
    corners = [place.origin for place in found]
    assert all(
        abs(a[0] - b[0]) >= 30 or abs(a[1] - b[1]) >= 10
        for index, a in enumerate(corners)
        for b in corners[:index]
    )


def test_other_vessels_come_before_the_same_ones_a_slice_on():
    def here(box):
        """Most in doubt in one corner, whichever slice."""
        doubt = np.full([s.stop - s.start for s in box], 0.5 if box[1].start < 8 else 0.1)
        return np.stack([1 - doubt, doubt]).astype(np.float32)

    places = [
        (slice(z, z + 1), slice(y, y + 8), slice(y, y + 8)) for z in (4, 5, 6) for y in (0, 20)
    ]
    two = Classes("background", "a")
    found = run(least_sure(places, here, two, [], 2))
    assert [place.origin[1] for place in found] == [0, 20]
    # Where there is nothing else, the next slice will do.
    assert len(run(least_sure(places[::2], here, two, [], 2))) == 2


def test_a_patch_larger_than_the_image_is_cut():
    (only,) = run(propose((20, 30), two_halves, THREE, [], (64, 64), candidates=3))
    assert (only.origin, only.shape) == ((0, 0), (20, 30))


def test_entropy_of_alike_classes_is_log2_of_their_number():
    alike = np.full((4, 2), 0.25, np.float32)
    np.testing.assert_allclose(entropy(alike), 2.0, rtol=1e-6)
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(entropy(sure), 0.0, atol=1e-4)


def test_entropy_of_two_classes_is_the_binary_one_to_the_bit():
    p = np.array([*np.random.default_rng(0).random(500), 0, 1], np.float32)
    np.testing.assert_array_equal(entropy(np.stack([1 - p, p])), binary_entropy(p))

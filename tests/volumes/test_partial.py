from __future__ import annotations

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import Patch
from napari_midl.volumes.classes import Classes
from napari_midl.volumes.partial import joined, opened_up, with_rests

CLASSES = Classes("background", "a", "b", "c")


def patch(values, origin=(0, 0, 0)):
    return Patch(origin, np.array(values, np.uint8)[None, None], "labels.tif")


def meaning(classes, values):
    return [set(np.array(classes.names)[row]) for row in classes.table[np.ravel(values)]]


def test_what_labels_leave_open_is_a_set():
    classes = with_rests(CLASSES, [("a",)])
    (found,) = opened_up([patch([0, 1, 2])], CLASSES, ("a",), classes)
    everything, rest = set(CLASSES.names), {"background", "b", "c"}
    assert meaning(classes, found.labels) == [everything, rest, {"a"}]


def test_values_that_are_painted_keep_their_meaning():
    own = Classes("background", "a", "b", "c", sets={"a or b": ("a", "b")})
    assert with_rests(own, [("a",), ("b", "c")]).extends(own)


def test_labels_that_know_all_but_the_background_need_no_set():
    classes = with_rests(CLASSES, [("a", "b", "c")])
    assert classes == CLASSES
    (found,) = opened_up([patch([1, 2])], CLASSES, ("a", "b", "c"), classes)
    np.testing.assert_array_equal(found.labels[0, 0], [1, 2])


def test_two_labels_of_one_image_say_more_than_each():
    classes = with_rests(CLASSES, [("a",), ("b",)])
    (first,) = opened_up([patch([1, 2, 1, 0, 2])], CLASSES, ("a",), classes)
    (second,) = opened_up([patch([1, 1, 3, 3, 3])], CLASSES, ("b",), classes)
    found = joined([[first], [second]], classes, "image")
    expected = [{"background", "c"}, {"a"}, {"b"}, {"b"}, {"b"}]  # the last two disagree
    assert meaning(classes, found.labels) == expected


def test_they_may_cover_different_parts():
    classes = with_rests(CLASSES, [])
    found = joined([[patch([2, 2], (0, 0, 1))], [patch([3], (0, 0, 4))]], classes, "image")
    assert found.origin == (0, 0, 1)
    np.testing.assert_array_equal(found.labels[0, 0], [2, 2, 0, 3])


def test_a_class_that_they_do_not_know_is_refused():
    classes = with_rests(CLASSES, [("a",)])
    with pytest.raises(InputError, match=r"labels.tif holds c \(4\), which it is said not to know"):
        opened_up([patch([1, 4])], CLASSES, ("a",), classes)


def test_an_unknown_name_is_refused():
    with pytest.raises(InputError, match="d is no class"):
        with_rests(CLASSES, [("d",)])


def test_the_background_is_nothing_to_know():
    with pytest.raises(InputError, match="leave it out of what they know"):
        with_rests(CLASSES, [("background", "a")])

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.volumes.classes import Classes

TWO = Classes("background", "vessel")
THREE = Classes(
    "background",
    "vein",
    "artery",
    colours={"artery": "#ff0000", "vessel": "#880088"},
    sets={"vessel": ("vein", "artery")},
)


def test_values_count_up_from_the_background_and_sets_down_from_255():
    assert TWO.legend == "0 unlabelled, 1 background, 2 vessel"
    assert THREE.legend == "0 unlabelled, 1 background, 2 vein, 3 artery, 255 vessel"
    assert [THREE.value(name) for name in ("background", "artery", "vessel")] == [1, 3, 255]
    assert (len(TWO), len(THREE)) == (2, 3)
    with pytest.raises(InputError, match="soma is no class; choose one of 0 unlabelled"):
        TWO.value("soma")


def test_allowed_classes_of_each_value():
    labels = np.array([[0, 1], [3, 255]], np.uint8)
    allowed = THREE.allowed(labels)
    assert allowed.shape == (2, 2, 3)
    assert allowed.astype(int).tolist() == [[[1, 1, 1], [1, 0, 0]], [[0, 0, 1], [0, 1, 1]]]


@pytest.mark.parametrize("labels", [[1, 4], [-1], [256], [254]])
def test_an_unknown_value_is_named(labels):
    wrong = labels[-1]
    with pytest.raises(InputError, match=f"The array holds the label {wrong}; use 0 unlabelled"):
        THREE.allowed(np.array(labels))


def test_unknown_values_become_the_last_class():
    labels = np.array([0, 1, 2, 3, 7, 255], np.uint8)
    assert not THREE.knows(labels)
    nearest = THREE.nearest(labels)
    assert nearest.tolist() == [0, 1, 2, 3, 3, 255]
    assert nearest.dtype == np.uint8
    assert THREE.knows(nearest)


def test_counts_and_their_words():
    counts = THREE.counts(np.array([0, 1, 1, 2, 255] + [3] * 1200, np.uint8))
    assert counts == {"background": 2, "vein": 1, "artery": 1200, "vessel": 1}
    said = "1 voxels of vein, 1,200 of artery, 1 of vessel and 2 of background"
    assert THREE.describe(counts) == said
    assert TWO.describe({"vessel": 3, "background": 4}) == "3 voxels of vessel and 4 of background"


def test_keys_and_colours_are_one_to_a_label():
    many = Classes(*(f"class {n}" for n in range(40)), sets={"odd": ("class 1", "class 3")})
    assert [label.key for label in many.labels[:11]] == [*"123456789", "", ""]
    assert len({label.colour for label in many.labels}) == 41
    assert [label.key for label in THREE.labels] == ["1", "2", "3", "4"]
    assert {label.name: label.colour for label in THREE.labels}["artery"] == "#ff0000"


def test_a_mask_becomes_labels_and_stays_lazy():
    mask = np.array([False, True])
    assert TWO.from_indices(mask).tolist() == [1, 2]
    lazy = TWO.from_indices(da.from_array(mask))
    assert lazy.dtype == np.uint8
    assert lazy.compute().tolist() == [1, 2]


def test_json_there_and_back():
    again = Classes.from_dict(json.loads(json.dumps(THREE.to_dict())))
    assert again == THREE
    assert hash(again) == hash(THREE)
    assert again != TWO
    np.testing.assert_array_equal(again.table, THREE.table)


def test_more_classes_extend_fewer_and_other_names_do_not():
    more = Classes(*THREE.names, "lymph", sets={"vessel": ("vein", "artery")})
    assert more.extends(THREE)
    assert not THREE.extends(more)
    assert not Classes("background", "axon").extends(TWO)
    wider = Classes(*THREE.names, "lymph", sets={"vessel": ("vein", "artery", "lymph")})
    assert not wider.extends(THREE)


@pytest.mark.parametrize(
    ("names", "more", "said"),
    [
        (("only",), {}, "at least two classes"),
        (("a", "a"), {}, "'a' is empty or taken"),
        (("a", " "), {}, "' ' is empty or taken"),
        (("a", "b"), {"colours": {"b": "red"}}, "colour of b is 'red'; write it as #rrggbb"),
        (("a", "b"), {"colours": {"c": "#ffffff"}}, "c has a colour but is no class"),
        (("a", "b", "c"), {"sets": {"s": ("a", "d")}}, "s may be d, which is no class"),
        (("a", "b", "c"), {"sets": {"s": ("a",)}}, "s may be 1 of 3 classes"),
        (("a", "b"), {"sets": {"s": ("a", "b")}}, "s may be 2 of 2 classes"),
        (tuple(map(str, range(256))), {}, "255 at most"),
    ],
)
def test_classes_of_no_use_are_explained(names, more, said):
    with pytest.raises(InputError, match=said):
        Classes(*names, **more)


@pytest.mark.parametrize("values", [{}, [], {"version": 1, "classes": ["a", "b"]}, None])
def test_json_of_something_else_is_explained(values):
    with pytest.raises(InputError, match="describes no classes"):
        Classes.from_dict(values)


def test_a_later_version_is_refused():
    with pytest.raises(InputError, match="another version"):
        Classes.from_dict({**TWO.to_dict(), "version": 2})

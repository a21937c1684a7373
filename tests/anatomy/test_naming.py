"""Which landmarks the names in a file mean."""

from __future__ import annotations

import pytest

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.naming import suggested
from napari_midl.methods.anatomy.template import load_template

MANDIBLE = load_template("mandible")


@pytest.mark.parametrize(
    "name",
    ["condyle_anterior_left", "Condyle-Anterior Left", " CONDYLE  ANTERIOR__LEFT", "1"],
)
def test_a_name_may_be_written_in_several_ways(name: str) -> None:
    assert MANDIBLE.names[MANDIBLE.index(name)] == "condyle anterior left"


def test_a_name_of_another_landmark_is_refused() -> None:
    with pytest.raises(InputError, match="no landmark of the mandible"):
        MANDIBLE.index("condyle anterior")


def test_words_in_any_order_and_short_ones_are_suggested() -> None:
    names = ["LeftCondyleAnterior", "R condyle post", "coronoid peek right", "GenialTubercle"]
    assert [MANDIBLE.names[i] for i in suggested(names, MANDIBLE) if i is not None] == [
        "condyle anterior left",
        "condyle posterior right",
        "coronoid peak right",
        "genial tubercle",
    ]


def test_a_word_more_or_fewer_is_suggested_alike_on_both_sides() -> None:
    names = ["gonial_angle_left", "gonial_angle_right", "notch_left", "notch_right"]
    assert [MANDIBLE.names[i] for i in suggested(names, MANDIBLE) if i is not None] == [
        "angle left",
        "angle right",
        "mandibular notch left",
        "mandibular notch right",
    ]
    assert suggested(["condyle left"], MANDIBLE) == [None]


def test_nothing_is_guessed_where_several_may_be_meant() -> None:
    # No side; what is no landmark; and twice the same.
    assert suggested(["angle", "nose", "angle left", "ANGLE LEFT"], MANDIBLE) == [None] * 4


def test_the_numbers_of_slicer_are_suggested_by_their_order() -> None:
    assert suggested([f"F-{k}" for k in range(1, 29)], MANDIBLE) == list(range(28))
    assert suggested([f"point {k}" for k in range(28)], MANDIBLE) == list(range(28))
    assert suggested(["F-2", "F-40"], MANDIBLE) == [1, None]
    assert suggested(["F-1", "G-2"], MANDIBLE) == [None, None]

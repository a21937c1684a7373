"""Placing landmarks one after the other; the template is an egg with eight."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_midl.methods.anatomy.asking import asking_order, order_of
from napari_midl.methods.anatomy.editing import (
    LandmarkEditor,
    changed_points,
    landmark_points,
)
from napari_midl.methods.anatomy.models import named_model
from napari_midl.methods.anatomy.template import Template, load_template
from napari_midl.volumes.landmarks import Landmarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@pytest.fixture
def editor(egg: Template) -> LandmarkEditor:
    return LandmarkEditor(egg)


def placed(editor: LandmarkEditor) -> list[str]:
    marks = editor.landmarks
    return [name for name, there in zip(marks.names, marks.placed, strict=True) if there]


def test_each_landmark_is_placed_in_turn(editor: LandmarkEditor) -> None:
    assert placed(editor) == [] and editor.name == "left"
    editor.place((1, 2, 3))
    assert placed(editor) == ["left"] and editor.name == "right"
    assert editor.landmarks.points[0].tolist() == [1, 2, 3]


def test_after_the_last_comes_the_first_that_is_missing(editor: LandmarkEditor) -> None:
    editor.place((1, 2, 3))
    editor.current = 7
    editor.place((4, 5, 6))
    assert placed(editor) == ["left", "cheek right"] and editor.name == "right"


def test_once_all_are_placed_the_same_one_moves(editor: LandmarkEditor) -> None:
    editor.replace(Landmarks(editor.template.names, np.ones((8, 3))))
    editor.current = 3
    editor.place((4, 5, 6))
    assert editor.current == 3
    assert editor.landmarks.points[3].tolist() == [4, 5, 6]


def test_what_was_taken_back_is_placed_anew(editor: LandmarkEditor) -> None:
    for x in range(3):
        editor.place((x, 0, 0))
    editor.undo()
    assert placed(editor) == ["left", "right"] and editor.name == "front"
    editor.redo()
    assert placed(editor) == ["left", "right", "front"] and editor.name == "back"
    editor.current = 0
    editor.clear()
    assert placed(editor) == ["right", "front"] and editor.name == "left"
    editor.undo()
    assert placed(editor) == ["left", "right", "front"] and editor.name == "back"
    assert editor.can_redo


def test_another_template_keeps_the_names_that_both_have(editor: LandmarkEditor) -> None:
    editor.place((1, 2, 3))
    editor.place((4, 5, 6))
    left, right, *others = editor.template.landmarks
    other = Template("other", "", (right, *others[:2]))
    editor.change_template(other)
    assert editor.landmarks.names == ("right", "front", "back")
    assert placed(editor) == ["right"] and editor.name == "front"
    assert not editor.can_undo
    editor.change_template(Template("third", "", (left,)))
    assert placed(editor) == []


def test_landmarks_are_drawn_where_they_are_or_are_expected(editor: LandmarkEditor) -> None:
    editor.place((1, 2, 3))
    assert [p.name for p in landmark_points(editor, None)] == ["left"]
    expected = np.full((8, 3), np.nan)
    expected[:2] = [[9, 9, 9], [4, 5, 6]]
    made: Any = SimpleNamespace(
        landmarks=Landmarks(editor.template.names, expected), misplaced=("left",)
    )
    left, right = landmark_points(editor, made)
    assert (left.name, left.number, left.point) == ("left", 1, (1, 2, 3))
    assert (left.placed, left.doubted, left.chosen) == (True, True, False)
    assert (right.name, right.number, right.point) == ("right", 2, (4, 5, 6))
    assert (right.placed, right.doubted, right.chosen) == (False, False, True)


DRAWN = {"left": np.array([1.0, 2.0, 3.0]), "right": np.array([4.0, 5.0, 6.0])}


def told(names: list[str], points: list[list[float]], new_name: str = "top") -> dict[str, Any]:
    changes = changed_points(DRAWN, names, points, new_name)

    def plain(point: NDArray[np.float64] | None) -> list[float] | None:
        return None if point is None else point.tolist()

    return {name: plain(point) for name, point in changes.items()}


def test_a_point_that_was_moved_deleted_or_added_is_told() -> None:
    assert told(["left", "right"], [[1, 2, 3], [4, 5, 6]]) == {}
    assert told(["left", "right"], [[1, 2, 3], [4, 5, 7]]) == {"right": [4, 5, 7]}
    assert told(["right"], [[4, 5, 6]]) == {"left": None}
    # napari gives a point that is added the features of another.
    assert told(["left", "right", "right"], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]) == {"top": [7, 8, 9]}
    assert told(["left", "right", "x"], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], "") == {}


def test_landmarks_are_asked_for_in_another_order(egg: Template) -> None:
    editor = LandmarkEditor(egg, (7, 2, 0, 1, 3, 4, 5, 6))
    assert editor.name == "cheek right"
    editor.place((1, 2, 3))
    assert editor.name == "front"
    editor.current = 5
    editor.place((4, 5, 6))
    assert editor.name == "front"
    editor.replace(editor.landmarks.moved({"front": (7, 8, 9)}))
    assert editor.name == "left"


def test_the_first_landmarks_that_are_asked_for_are_well_spread() -> None:
    order = order_of("base")
    assert sorted(order) == list(range(28))
    mean = named_model("base").network.get_buffer("mean_landmarks").double().numpy()

    def farthest(asked: Sequence[int]) -> float:
        """How far the landmark that lies farthest from all that were asked for is."""
        return float(np.linalg.norm(mean[:, None] - mean[list(asked)], axis=2).min(1).max())

    for count in (4, 8):
        assert farthest(order[:count]) < 0.6 * farthest(range(count))
    # Not in a plane, and on both sides.
    four = mean[list(order[:4])]
    extent = np.linalg.svd(four - four.mean(0), compute_uv=False)
    assert extent[2] > 0.2 * extent[0]
    names = " ".join(load_template("mandible").names[i] for i in order[:3])
    assert "left" in names and "right" in names


def test_the_farthest_point_is_asked_for_next() -> None:
    line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [9, 0, 0], [10, 0, 0]])
    assert asking_order(line)[:2] == (4, 0)
    corners = np.array([[0.0, 0, 0], [9, 0, 0], [9, 0, 1], [0, 8, 0], [1, 8, 0], [4, 4, 3]])
    assert asking_order(corners) == (1, 3, 0, 5, 2, 4)

"""What is said of a shape, from numbers made by hand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.methods.anatomy import summary
from napari_midl.methods.anatomy.apply import Generated
from napari_midl.methods.anatomy.words import crossed_in_words
from napari_midl.volumes.landmarks import Landmarks
from napari_midl.volumes.meshes import Mesh
from napari_midl.volumes.volume import Volume

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.template import Template

NAN = np.nan


@pytest.fixture
def marks(egg: Template) -> Landmarks:
    """Only left and right are placed."""
    return Landmarks.missing(egg.names).moved({"left": (1, 2, 3), "right": (-1.04, 0.26, 0)})


@pytest.fixture
def generated(marks: Landmarks) -> Generated:
    complete = np.where(marks.placed[:, None], marks.points, 7.0)
    return Generated(
        mesh=Mesh(np.zeros((3, 3)), np.zeros((0, 3), np.int32)),
        uncertainty=np.zeros(3),
        landmarks=Landmarks(marks.names, complete),
        spread=np.array([0, 0, 3.1, 2.9, 9.0, 4.0, 5.0, 6.0]),
        doubt=np.array([1.25, 12.34, *[NAN] * 6]),
        misplaced=("right",),
        to_surface=np.array([0.1, 0.3, *[NAN] * 6]),
    )


def test_a_row_for_each_landmark(egg: Template, marks: Landmarks, generated: Generated) -> None:
    table = summary.landmark_overview(egg, marks, generated)
    assert list(table) == ["#", "landmark", "", "L2S (mm)", "doubt", "x (mm)", "y (mm)", "z (mm)"]
    assert table.iloc[1].tolist() == [2, "right", "●", 0.3, 12.3, -1.0, 0.3, 0.0]
    assert table.iloc[2].tolist() == [3, "front", "○", "", "", 7.0, 7.0, 7.0]


def test_without_a_shape_the_others_are_empty(egg: Template, marks: Landmarks) -> None:
    table = summary.landmark_overview(egg, marks, None)
    assert table.iloc[0].tolist() == [1, "left", "●", "", "", 1.0, 2.0, 3.0]
    assert table.iloc[2].tolist() == [3, "front", "", "", "", "", "", ""]


def test_how_many_are_still_to_be_placed(marks: Landmarks) -> None:
    assert summary.still_to_place(marks) == "Place 2 more landmarks to see a mesh."
    third = marks.moved({"top": (0, 0, 0)})
    assert summary.still_to_place(third) == "Place 1 more landmark to see a mesh."
    assert summary.still_to_place(third.moved({"back": (0, 0, 0)})) == ""


def _plain(rich: str) -> str:
    return re.sub("<[^>]*>", "", rich)


def test_the_misplaced_and_the_least_sure_are_named(generated: Generated) -> None:
    assert _plain(summary.misplaced_landmarks(generated)) == "right (12.3 s.d.)"
    assert "<a href='right'" in summary.misplaced_landmarks(generated)
    # The four with the largest spread; "back" is surer than 3 mm.
    assert _plain(summary.unsure_landmarks(generated)) == (
        "top (±9.0 mm), cheek right (±6.0 mm), cheek left (±5.0 mm), bottom (±4.0 mm)"
    )
    assert summary.sizes_in_words(generated, 67_520) == (
        "Volume 67.5 cm³; landmarks 0.2 mm from the surface on average."
    )


def test_faces_that_cross_are_said_and_none_are_not() -> None:
    assert crossed_in_words({"faces that cross": 0}) == []
    (said,) = crossed_in_words({"faces that cross": 12})
    assert said.startswith("12 triangles of the surface cross others")


def test_a_distance_is_said_in_numbers() -> None:
    values = np.array([*np.zeros(90), *np.full(10, 2.0), NAN])
    assert summary.distance_in_words(values, "Distance to truth") == (
        "Distance to truth: 0.20 mm on average, 95 % within 2.00 mm."
    )


def test_landmarks_beside_the_scan_are_counted(marks: Landmarks) -> None:
    voxels = np.zeros((9, 9, 9), np.uint8)
    scan = Volume.from_array(voxels, "ZYX", (1, 1, 1), "mm", "scan", origin=(0, 0, 0))
    # "right" has x = -1.04, outside the first voxel.
    assert summary.outside_in_words(marks, scan) == (
        "1 of 2 landmarks lie outside scan; give those that were placed on it, in mm of the world "
        "(LPS)."
    )
    assert summary.outside_in_words(marks.moved({"right": None}), scan) == ""
    nowhere = Volume.from_array(voxels, "ZYX", (1, 1, 1), "mm", "scan")
    assert summary.outside_in_words(marks, nowhere) == (
        "1 of 2 landmarks lie outside scan; scan does not say where it lies, so that they count "
        "from the middle of its first voxel."
    )


def test_a_small_volume_is_not_rounded_to_nothing(generated: Generated) -> None:
    assert summary.sizes_in_words(generated, 0.0123).startswith("Volume 0.0123 mm³;")


def test_the_share_in_the_scan_is_said_where_it_is_not_all(generated: Generated) -> None:
    said = [summary.mesh_in_words(generated, 5000.0, share) for share in (1.0, 0.996, 0.4, 0.0)]
    assert "in the scan" not in said[0]
    assert "99 % of it lies in the scan" in said[1]
    assert "40 % of it lies in the scan" in said[2]
    assert "None of it lies in the scan" in said[3]

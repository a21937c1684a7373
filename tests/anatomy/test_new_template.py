"""A template of another bone, from the names of its landmarks."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.new_template import new_template, partners, write_template
from napari_midl.methods.anatomy.template import load_template

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["process left", "process right", "Facet_L", "Facet_R", "spine", "body front"]


def test_partners_are_found_by_their_sides() -> None:
    assert partners(NAMES) == ["process right", "process left", "Facet_R", "Facet_L", "", ""]
    assert partners(["tip", "leftover"]) == ["", ""]


def test_a_template_is_read_again_with_its_picture(tmp_path: Path) -> None:
    view = np.zeros((600, 900, 4), np.uint8)
    made = new_template("vertebra", "a bone", NAMES, partners(NAMES), ["there"] * 6, view)
    write_template(tmp_path / "vertebra.json", made)
    again = load_template(tmp_path / "vertebra.json")
    assert again == made
    assert again.paired
    assert again.landmarks[2].mirror == "Facet_R"
    assert base64.b64decode(again.view).startswith(b"\x89PNG")
    assert len(again.view) < 50_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "needs a name"),
        ({"name": "Mandible"}, "needs a name"),
        ({"names": ["a", "b", "c"], "mirrors": [""] * 3, "descriptions": [""] * 3}, "too few"),
        ({"names": ["a", "A", "c", "d", "e", "f"], "mirrors": [""] * 6}, "Two landmarks"),
        ({"names": ["a", "", "c", "d", "e", "f"], "mirrors": [""] * 6}, "no name"),
        ({"mirrors": ["process right", "", "", "", "", ""]}, "partners of each other"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, object], said: str) -> None:
    right = {
        "name": "vertebra",
        "description": "",
        "names": NAMES,
        "mirrors": partners(NAMES),
        "descriptions": [""] * 6,
    }
    with pytest.raises(InputError, match=said):
        new_template(**{**right, **change})  # type: ignore[arg-type]

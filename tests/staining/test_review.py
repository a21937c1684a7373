from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_midl.engine.jobs import run
from napari_midl.errors import InputError
from napari_midl.methods.staining.review import (
    Field,
    find_fields,
    read_review,
    review_path,
    write_review,
)
from napari_midl.volumes.ome_zarr import OmeZarrImage

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stain(tmp_path: Path) -> Path:
    """Four fields of 512: glass, and tissue of doubt 0.2, 0.8 and 0."""
    path = tmp_path / "s.ome.zarr"
    image = OmeZarrImage.create(
        path,
        shape=(4, 1024, 1000),
        dtype="uint8",
        axes="CYX",
        chunks=(4, 512, 512),
        channels=("red", "green", "blue", "doubt"),
    )
    pixels = np.full((4, 1024, 1000), 120, np.uint8)
    pixels[:3, :512, :512] = 250
    pixels[3] = 0
    pixels[3, :512, 512:], pixels[3, 512:, :512] = 51, 204
    image.write((slice(None),) * 3, pixels)
    return path


def test_fields_with_tissue_come_most_doubtful_first(stain):
    found = run(find_fields(stain))
    assert [(f.y, f.x, f.doubt) for f, _ in found] == [(512, 0, 0.8), (0, 512, 0.2), (512, 512, 0)]
    assert (found[1][0].height, found[1][0].width) == (512, 488)
    assert all(thumbnail.shape[-1] == 3 and max(thumbnail.shape) <= 260 for _, thumbnail in found)


def test_a_pale_slide_has_fields_too(stain):
    image = OmeZarrImage.open(stain)
    pixels = np.full((3, 1024, 1000), 240, np.uint8)
    pixels[:, :512, :512] = 254
    image.write((slice(0, 3), slice(None), slice(None)), pixels)
    assert [(f.y, f.x) for f, _ in run(find_fields(stain))] == [(512, 0), (0, 512), (512, 512)]


def test_what_was_decided_is_found_again(stain):
    (first, _), *_ = run(find_fields(stain))
    decided = Field(first.y, first.x, first.height, first.width, first.doubt, "rejected", 'a, "b"')
    write_review([decided], review_path(stain))
    assert read_review(review_path(stain)) == [decided]
    again = [f for f, _ in run(find_fields(stain))]
    assert again[0] == decided and again[1].verdict == ""


def test_the_doubt_of_a_field_is_that_of_what_is_stained(stain):
    image = OmeZarrImage.open(stain)
    pixels = np.asarray(image.levels[0])
    pixels[:, 512:, 256:512] = 0
    image.write((slice(None),) * 3, pixels)
    (field, thumbnail), *_ = run(find_fields(stain))
    assert (field.y, field.x, field.doubt) == (512, 0, 0.8)
    assert (thumbnail[:, 64:] == 255).all() and (thumbnail[:, :64] == 120).all()


def test_a_damaged_review_is_a_sentence(stain):
    review_path(stain).write_text("y,x\n1,b\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"review\.csv is no review"):
        run(find_fields(stain))
    with pytest.raises(InputError, match="does not exist"):
        run(find_fields(stain.with_name("none.ome.zarr")))


FIELD = Field(0, 512, 512, 488, 0.25, "rejected")
COMMENTS = [
    "=1+1",
    '=HYPERLINK("http://x")',
    "+3 nuclei",
    "-",
    "@all",
    "\t=1",
    "'=1",
    "''=1",
    "'tis pale",
    "",
    "NA",
    ' α → β, "pale" ',
    "two\nlines",
    "x" * 200_000,
]


@pytest.mark.parametrize("comment", COMMENTS, ids=range(len(COMMENTS)))
def test_a_comment_comes_back_unchanged_and_is_no_formula(tmp_path, comment):
    path = tmp_path / "r.csv"
    said = [replace(FIELD, comment=comment), replace(FIELD, y=512)]
    write_review(said, path)
    assert read_review(path) == said
    cell = path.read_text(encoding="utf-8").splitlines()[1].split(",", 6)[6]
    assert cell.lstrip('"')[:1] not in ("=", "+", "-", "@", "\t")


def test_a_short_row_says_nothing(tmp_path):
    path = tmp_path / "r.csv"
    head = "y,x,height,width,doubt,verdict,comment"
    path.write_text(f"{head}\n0,512,512,488,0.25,rejected\n", encoding="utf-8")
    assert read_review(path) == [FIELD]


def test_a_review_written_before_formulas_were_kept_from_running_is_read_as_it_is(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(
        "y,x,height,width,doubt,verdict,comment\n0,0,9,9,0.5,accepted,=2 nuclei\n",
        encoding="utf-8",
    )
    assert read_review(path)[0].comment == "=2 nuclei"


@pytest.mark.parametrize(
    "rows",
    [
        "0,0,9,9,0.5,accepted",
        "0,0,9,9,0.5,accepted,pa",
        "0,0,9,9\n",
        "0,0,9,9,0.5,accepted,a,b\n",
        "0,0,9,9,0.5,fine,a\n",
    ],
)
def test_a_review_that_is_cut_or_does_not_fit_is_a_sentence(tmp_path, rows):
    path = tmp_path / "r.csv"
    path.write_text(f"y,x,height,width,doubt,verdict,comment\n{rows}", encoding="utf-8")
    with pytest.raises(InputError, match=r"r\.csv is (no review|cut short)") as caught:
        read_review(path)
    # Nothing of what the reader of tables says.
    assert "tokeniz" not in str(caught.value) and "literal" not in str(caught.value)

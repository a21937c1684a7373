from __future__ import annotations

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
        scale=(1, 1, 1),
        units=(None,) * 3,
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


def test_a_damaged_review_is_a_sentence(stain):
    review_path(stain).write_text("y,x\n1,b\n")
    with pytest.raises(InputError, match=r"review\.csv is no review"):
        run(find_fields(stain))
    with pytest.raises(InputError, match="does not exist"):
        run(find_fields(stain.with_name("none.ome.zarr")))

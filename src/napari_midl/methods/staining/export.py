"""A stain for other programs: the slide, a picture of a field, or the review of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_midl.engine.jobs import Job, elsewhere
from napari_midl.engine.pieces import Pieces
from napari_midl.errors import InputError
from napari_midl.methods.staining.field_picture import field_of, read_field, write_field
from napari_midl.methods.staining.geojson import write_geojson
from napari_midl.methods.staining.review import read_review, review_path
from napari_midl.volumes.slide import count_tiles, write_slide

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.methods.staining.review import Field
    from napari_midl.methods.staining.settings import Compression
    from napari_midl.methods.staining.stained import Stained


def export_slide(stained: Stained, path: Path, compression: Compression) -> Job[None]:
    """Write the whole slide as OME-TIFF with its pyramid, tile by tile.

    Raises
    ------
    InputError
        If a pixel cannot be read, or the file cannot be written.
    """
    levels = stained.levels()
    pieces = Pieces(count_tiles(levels))
    yield from pieces.written_by(
        lambda: write_slide(
            levels,
            stained.volume.space,
            path,
            name=stained.path.name.split(".")[0],
            about=stained.about,
            compression=compression,
            counted=pieces.counted,
        ),
        "writing the slide",
    )


def export_field(stained: Stained, path: Path, box: str) -> Job[None]:
    """Write a field as PNG with a scale bar.

    Raises
    ------
    InputError
        If the box is none of one slice, or the file cannot be written.
    """
    field = field_of(stained, box)

    def write() -> None:
        picture = read_field(stained, field)
        write_field(picture, stained.volume.space, stained.about, path)

    yield from elsewhere(write, "writing the picture")


def reviewed(stain: Path) -> list[Field]:
    """The fields of the review of a stain.

    Raises
    ------
    InputError
        If nothing is reviewed yet, or the review is damaged.
    """
    fields = read_review(review_path(stain))
    if not fields:
        raise InputError(
            f"{stain} has no review yet; press Review in the staining dock and decide about a "
            "field first."
        )
    return fields


def export_review(stained: Stained, path: Path) -> Job[None]:
    """Write the fields of a review as GeoJSON.

    Raises
    ------
    InputError
        If nothing is reviewed yet, the review is damaged or of another stain, or the file cannot
        be written.
    """

    def write() -> None:
        fields, (_, height, width) = reviewed(stained.path), stained.shape
        if any(f.y + f.height > height or f.x + f.width > width for f in fields):
            raise InputError(
                f"{review_path(stained.path)} has fields beyond {stained.path} of {height} x "
                f"{width} pixels, as a review of another stain has; move it away to begin a new "
                "one."
            )
        write_geojson(fields, path)

    yield from elsewhere(write, "writing the review")

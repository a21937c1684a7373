"""Fields of a stain to look at, most doubtful first, and what a reviewer says of each."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.engine.jobs import Job, Progress
from napari_midl.errors import InputError
from napari_midl.methods.staining.stained import GLASS, is_stained
from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.atomic import not_written, whole_file
from napari_midl.volumes.open import open_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VERDICTS = ("", "accepted", "rejected")
COLUMNS = ("y", "x", "height", "width", "doubt", "verdict", "comment")
EDGE = 512
THUMBNAIL = 128
SHOWS = 0.1  # share of the darkest field's mean darkness, up to which a field shows nothing
# With apostrophes before it already it gets one more, so that taking one away is always right.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
figure { display: inline-block; width: 12rem; margin: .5rem; padding: .4rem; vertical-align: top;
         border: 3px solid #ccc } img { width: 100%; image-rendering: auto }
figure.accepted { border-color: #2a8f4f } figure.rejected { border-color: #c0392b }
"""


@dataclass(frozen=True)
class Field:
    """A square of the mosaic.

    Parameters
    ----------
    y, x, height, width : int
        Where it lies, in pixels.
    doubt : float
        Mean of the *do not trust* map in it, 0 to 1; 0 where there is no map.
    verdict : {"", "accepted", "rejected"}
        What the reviewer decided.
    comment : str
        What the reviewer said.
    """

    y: int
    x: int
    height: int
    width: int
    doubt: float
    verdict: str = ""
    comment: str = ""


def review_path(stain: Path) -> Path:
    """Where the review of a stain lies: beside it."""
    return stain.with_name(f"{stain.name}.review.csv")


def find_fields(stain: Path) -> Job[list[tuple[Field, NDArray[np.uint8]]]]:
    """Fields that show tissue, most doubtful first, each with a thumbnail (y, x, 3).

    What was decided before is read from beside the stain. Only a coarse level is read, and of a
    field only what is stained.

    Parameters
    ----------
    stain : Path
        An OME-Zarr that `apply.stain` wrote.

    Raises
    ------
    InputError
        If it is no stain, or its review is damaged.
    """
    volume = open_volume(stain)
    if volume.axes[:1] != ("C",) or volume.shape[0] < 3 or len(volume.shape) != 3:
        raise InputError(f"{stain} is no stained plane; give one that staining has written.")
    known = {(f.y, f.x): f for f in read_review(review_path(stain))}
    _, height, width = volume.shape
    factors = [height / level.shape[1] for level in volume.levels]
    coarse = max(i for i, f in enumerate(factors) if EDGE / f >= THUMBNAIL / 2)
    level, factor = volume.levels[coarse], factors[coarse]
    corners = [(y, x) for y in range(0, height, EDGE) for x in range(0, width, EDGE)]
    found = []
    for done, (y, x) in enumerate(corners):
        yield Progress(done, len(corners), "looking at the fields")
        size = min(EDGE, height - y), min(EDGE, width - x)
        box = [
            slice(int(start / factor), max(int(start / factor) + 1, int((start + n) / factor)))
            for start, n in zip((y, x), size, strict=True)
        ]
        block = np.asarray(level[(slice(None), *box)])
        colours = np.moveaxis(block[:3], 0, -1)
        seen = is_stained(colours)
        doubtful = len(block) > 3 and seen.any()
        doubt = round(float(block[3][seen].mean()) / 255, 4) if doubtful else 0.0
        old = known.get((y, x))
        field = Field(y, x, *size, doubt)
        if old is not None:
            field = replace(field, verdict=old.verdict, comment=old.comment)
        found.append((field, np.where(seen[..., None], colours, np.uint8(GLASS))))
    # Against the slide itself, since all of a pale one is brighter than the glass of another.
    darkness = [255 - float(thumbnail.mean()) for _, thumbnail in found]
    dark = SHOWS * max(darkness, default=0)
    shown = [pair for pair, d in zip(found, darkness, strict=True) if d > dark]
    return sorted(shown, key=lambda pair: -pair[0].doubt)


def read_review(path: Path) -> list[Field]:
    """The fields of a review, or none where there is none yet.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    if not path.exists():
        return []
    try:
        held = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror or error}); check that it may be read."
        ) from error
    if held and not held.endswith(b"\n"):
        raise InputError(f"{path} is cut short; move it away to begin a new review.")
    try:
        # Not csv, which takes no cell of more than 128 KiB.
        table = pd.read_csv(io.BytesIO(held), dtype=str, keep_default_na=False)
        fields = [
            Field(
                y=int(row["y"]),
                x=int(row["x"]),
                height=int(row["height"]),
                width=int(row["width"]),
                doubt=float(row["doubt"]),
                verdict=VERDICTS[VERDICTS.index(row["verdict"])],
                comment=_as_said(row["comment"]),
            )
            for row in table.to_dict("records")
        ]
        if not all(map(_can_be, fields)):
            raise ValueError("a field that cannot be")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is no review: it needs the columns {', '.join(COLUMNS)}, with whole pixels, a "
            "number from 0 to 1 as doubt, and accepted, rejected or nothing as verdict; move it "
            "away to begin a new one."
        ) from error
    return fields


def _can_be(field: Field) -> bool:
    return min(field.y, field.x) >= 0 < min(field.height, field.width) and 0 <= field.doubt <= 1


def write_review(fields: Sequence[Field], path: Path) -> None:
    """Write the review as a table, whole or not at all.

    A comment that a spreadsheet would run as a formula begins with an apostrophe there.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    for field in fields:
        table.writerow({**asdict(field), "comment": _as_text(field.comment)})
    with whole_file(path) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def _as_text(comment: str) -> str:
    return f"'{comment}" if _FORMULA.match(comment) else comment


def _as_said(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def export_page(
    fields: Sequence[tuple[Field, NDArray[np.uint8]]], title: str, folder: Path
) -> Job[Path]:
    """Write ``review.csv``, the thumbnails and a page that shows them.

    Returns
    -------
    Path
        The page, returned by the generator.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from imageio import v3 as imageio

    try:
        (folder / "thumbnails").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from error
    write_review([field for field, _ in fields], folder / "review.csv")
    cells = []
    for done, (field, thumbnail) in enumerate(fields):
        yield Progress(done, len(fields), "writing the thumbnails")
        name = f"thumbnails/y{field.y}-x{field.x}.png"
        try:
            imageio.imwrite(folder / name, thumbnail)
        except OSError as error:
            raise not_written(folder / name, error) from error
        words = f"y {field.y}, x {field.x}; doubt {field.doubt:.2f}"
        cells.append(
            f"<figure class='{field.verdict}'><img src='{name}' alt='{words}'><figcaption>"
            f"{words}<br><b>{field.verdict or 'not reviewed'}</b> {escape(field.comment)}"
            "</figcaption></figure>"
        )
    page = folder / "index.html"
    with whole_file(page) as beside:
        beside.write_text(
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p>{NOTICE}</p>" + "".join(cells),
            encoding="utf-8",
        )
    return page

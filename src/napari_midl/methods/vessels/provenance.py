"""What a mask or a prediction says of itself, in the viewer, in tables and in files.

The prediction's own OME-Zarr and its journal are the one source; nothing is remembered elsewhere.
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_midl.engine.journal import BEGUN, TILES, begun_with, finished_tiles
from napari_midl.engine.runs import read_run, record_path
from napari_midl.engine.tiles import Tiling
from napari_midl.errors import InputError
from napari_midl.volumes.boxes import Box, hull, size_of
from napari_midl.volumes.boxes import written as as_text
from napari_midl.volumes.multiscales import ABOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.volumes.annotations import Patch

_MODEL = "model"


def facts(called: str, sha256: str, threshold: float) -> dict[str, Any]:
    """What a prediction keeps in its metadata.

    Parameters
    ----------
    called, sha256 : str
        The model's name and the hash of its weights.
    threshold : float
        At which its labels were cut.
    """
    return {_MODEL: {"name": called, "sha256": sha256}, "threshold": threshold}


def made_of(prediction: Path) -> str:
    """The fingerprint of the image that a prediction was made of; empty where nothing tells."""
    with suppress(InputError):
        noted = read_run(record_path(prediction)).inputs.get("image", {})
        return str(noted.get("fingerprint", ""))
    with suppress(InputError):
        return str(begun_with(prediction).get("input", ""))  # it is not finished
    return ""


@dataclass(frozen=True)
class Provenance:
    """What a mask is of.

    Parameters
    ----------
    mask : str
        Name of the file or the layer.
    model, sha256 : str
        Of a prediction its model's name and the hash of that one's weights; empty where they are
        not known.
    threshold : float, optional
        Probability at which a prediction was cut; None for a mask.
    done, tiles : int, optional
        How many tiles of a prediction are there, and of how many; None for a mask.
    begun : str
        When the prediction was begun (ISO 8601, universal time); empty where it is not known.
    corrected : int
        Voxels that a person corrected.
    note : str
        What else is to be said of it.
    where : str
        Of a prediction in part the box that is there, as ``boxes.box_in`` takes it, which may be
        larger than the one that was asked for, since whole tiles are computed; empty where what is
        there is no box.
    """

    mask: str
    model: str = ""
    sha256: str = ""
    threshold: float | None = None
    done: int | None = None
    tiles: int | None = None
    begun: str = ""
    corrected: int = 0
    note: str = ""
    where: str = ""

    def with_(self, patches: Sequence[Patch], note: str) -> Provenance:
        """The same with corrections, and what else is to be said."""
        corrected = sum(int(np.count_nonzero(patch.labels)) for patch in patches)
        return replace(self, corrected=corrected, note=note)

    @property
    def partial(self) -> bool:
        """Whether some of a prediction is missing."""
        return self.done != self.tiles

    @property
    def extent(self) -> str:
        """How much of a prediction is there; empty for a mask."""
        if self.tiles is None or self.done is None:
            return ""
        return f"{self.done:,} of {self.tiles:,} tiles" if self.partial else "all of the image"

    def columns(self) -> dict[str, Any]:
        """What is said in every row of a table, by the names of the columns."""
        said = {
            "mask": self.mask,
            "model": self.model,
            "model sha256": self.sha256[:12],
            "threshold": self.threshold,
            "predicted": self.extent,
            "predicted box": self.where,
            "corrected voxels": self.corrected or None,
            "note": self.note,
        }
        return {name: value for name, value in said.items() if value not in ("", None)}

    def lines(self) -> list[str]:
        """The same as lines of a header."""
        return [f"{name}: {' '.join(str(value).split())}" for name, value in self.columns().items()]

    def words(self) -> str:
        """The same in a line: ``fine-tuned-2, threshold 0.50, 5 of 16 tiles``."""
        parts = [self.model or self.mask]
        if self.threshold is not None:
            parts.append(f"threshold {self.threshold:.2f}")
        if self.partial:
            parts.append(f"only {self.extent}")
        if self.corrected:
            parts.append(f"{self.corrected:,} voxels corrected by hand")
        return ", ".join(parts)


def of_prediction(path: Path, threshold: float | None = None) -> Provenance:
    """What a prediction says of itself, also while it grows.

    Parameters
    ----------
    path : Path
        The OME-Zarr.
    threshold : float, optional
        At which it is cut.

    Raises
    ------
    InputError
        If it is unfinished and its journal is damaged.
    """
    about = _mapping(_attributes(path).get(ABOUT))
    model = _mapping(about.get(_MODEL)) or _of_record(path)
    tiles = _mapping(about.get(TILES))
    count = tiles.get("count", 0)
    finished = finished_tiles(path)
    done = count if finished is None else len(finished)
    if finished is not None:
        count = count or done + 1  # at least one is missing
    return Provenance(
        path.name.split(".")[0],
        str(model.get("name", "")),
        str(model.get("sha256", "")),
        threshold,
        done,
        count,
        str(about.get(BEGUN, "")),
        where=_as_one_box(written(path)),
    )


def _as_one_box(boxes: Sequence[Box]) -> str:
    """The box that some boxes fill, or nothing where they leave a gap."""
    if not boxes:
        return ""
    whole = hull(boxes)
    filled = sum(math.prod(size_of(box)) for box in boxes) == math.prod(size_of(whole))
    return as_text(whole) if filled else ""


def written(path: Path) -> list[Box]:
    """The boxes of a partial prediction that are there; none of a whole one, or a mask."""
    finished = finished_tiles(path)
    attributes = _attributes(path) if finished is not None else {}
    tiles = _mapping(_mapping(attributes.get(ABOUT)).get(TILES))
    if finished is None or not tiles:
        return []
    z, y, x = _shape(path, attributes)
    tiling = Tiling((z, y, x), tuple(tiles["size"]))
    return [tiling.core(index) for index in sorted(finished) if index < len(tiling)]


def warnings(said: Provenance, model: str, sha256: str, painted: float) -> list[str]:
    """What a prediction is not, in few words each: whole, of the chosen model, of the newest paint.

    Parameters
    ----------
    said : Provenance
        What it is.
    model, sha256 : str
        Name and hash of the model that is chosen now; empty where they are not known.
    painted : float
        When something was painted last, in seconds since 1970; 0 where nothing is.
    """
    found = [f"only {said.extent}"] if said.partial else []
    other = sha256 != said.sha256 if sha256 and said.sha256 else model != said.model
    if said.model and model and other:
        found.append(f"of the model {said.model}, not of {model} that is chosen now")
    if said.begun and painted > datetime.fromisoformat(said.begun).timestamp():
        found.append("older than the newest paint")
    return found


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _attributes(path: Path) -> dict[str, Any]:
    try:
        return dict(zarr.open_group(path, mode="r").attrs)
    except (OSError, ValueError):
        return {}  # said where it is opened


def _shape(path: Path, attributes: dict[str, Any]) -> tuple[int, ...]:
    said: Any = attributes.get("ome", attributes)
    finest = zarr.open_group(path, mode="r")[said["multiscales"][0]["datasets"][0]["path"]]
    return tuple(getattr(finest, "shape", ()))[-3:]


def _of_record(path: Path) -> dict[str, Any]:
    """The model of a prediction that does not name it, by its run record."""
    try:
        run = read_run(record_path(path))
    except InputError:
        return {}
    name = str(run.arguments.get("model", "")).replace("\\", "/").split("/")[-1]
    sha256 = _mapping(run.inputs.get("model")).get("sha256", "")
    return {"name": name.removesuffix(".safetensors"), "sha256": sha256}

"""A review as GeoJSON, as QuPath reads it: each field an annotation over the slide."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_midl.methods.staining.watermark import NOTICE
from napari_midl.volumes.atomic import whole_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.methods.staining.review import Field

_COLOURS = {"accepted": [42, 143, 79], "rejected": [192, 57, 43]}


def write_geojson(fields: Sequence[Field], path: Path) -> None:
    """Write fields as polygons in pixels of the full resolution, whole or not at all.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    collection = {
        "type": "FeatureCollection",
        "notice": NOTICE,
        "features": [_feature(field) for field in fields],
    }
    with whole_file(path) as beside:
        beside.write_text(json.dumps(collection, indent=1, ensure_ascii=False), encoding="utf-8")


def _feature(field: Field) -> dict[str, Any]:
    top, left = field.y, field.x
    bottom, right = top + field.height, left + field.width
    # Against the clock as RFC 7946 wants it, seen with y upwards; closed by its first corner.
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    said: dict[str, Any] = {
        "objectType": "annotation",
        "name": f"y {top}, x {left}",
        "isLocked": True,
        "measurements": {"doubt": field.doubt},
        "notice": NOTICE,
    }
    if field.verdict:
        said["classification"] = {"name": field.verdict, "color": _COLOURS[field.verdict]}
    if field.comment:
        said["metadata"] = {"ANNOTATION_DESCRIPTION": field.comment}
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "geometry": geometry, "properties": said}

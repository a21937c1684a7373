"""What the values of labels mean, as the ``image-label`` of an OME-Zarr says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from napari_midl.volumes.multiscales import ome_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

IMAGE_LABEL = "image-label"
_NAMES = ("class", "name")  # the standard's example has the first; others write the second


class Meaning(NamedTuple):
    """What a value stands for.

    Parameters
    ----------
    name : str
        What to call it.
    rgba : sequence of int, optional
        Red, green, blue and opacity, 0 to 255.
    """

    name: str
    rgba: Sequence[int] | None = None


def image_label(meanings: Mapping[int, Meaning]) -> dict[str, Any]:
    """Names and colours of values, as OME-Zarr writes them."""
    return {
        "colors": [
            {"label-value": value, "rgba": list(meaning.rgba)}
            for value, meaning in meanings.items()
            if meaning.rgba is not None
        ],
        "properties": [
            {"label-value": value, "class": meaning.name} for value, meaning in meanings.items()
        ],
    }


def names_in(attributes: Mapping[str, Any]) -> dict[int, str]:
    """The names of values that the attributes of a group give; none where they are damaged."""
    said = ome_of(attributes).get(IMAGE_LABEL)
    rows = said.get("properties") if isinstance(said, dict) else None
    names: dict[int, str] = {}
    for row in rows if isinstance(rows, list) else []:
        value = row.get("label-value") if isinstance(row, dict) else None
        named = [row[key] for key in _NAMES if isinstance(row.get(key), str)] if row else []
        if isinstance(value, int) and named and named[0].strip():
            names[value] = named[0].strip()
    return names

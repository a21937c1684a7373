"""The labels that an OME-Zarr lists as its own: readers see no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from napari_midl.volumes.atomic import not_written
from napari_midl.volumes.zarr_versions import format_of

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "labels"


def is_listed(labels: Path) -> bool:
    """Whether labels in ``IMAGE/labels/NAME`` are there and on the image's list."""
    return labels.exists() and labels.name in _names(labels)


def list_labels(labels: Path) -> None:
    """Put labels that lie in ``IMAGE/labels/NAME`` on the image's list.

    Raises
    ------
    InputError
        If the list cannot be written.
    """
    from ome_zarr.writer import add_metadata

    try:
        version = zarr.open_group(labels, mode="r").metadata.zarr_format
        group = zarr.open_group(labels.parent, mode="a", zarr_format=version)
        names = [name for name in _names(labels) if name != labels.name]
        add_metadata(group, {FOLDER: [*names, labels.name]}, fmt=format_of(group))
    except OSError as error:
        raise not_written(labels.parent, error) from error


def _names(labels: Path) -> list[str]:
    try:
        attributes: dict[str, Any] = zarr.open_group(labels.parent, mode="r").attrs.asdict()
    except (OSError, ValueError):
        return []
    return list(attributes.get("ome", attributes).get(FOLDER, []))

"""Layers that a dock adds to the viewer, and takes out again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = "napari-midl"


def is_ours(layer: Any) -> bool:
    """Whether a dock made a layer, so that it is no image to work on."""
    return OURS in layer.metadata


def take_out(viewer: Any, *layers: Any) -> None:
    """Remove those layers that are still there."""
    for layer in layers:
        if layer in viewer.layers:
            viewer.layers.remove(layer)


def put_above(viewer: Any, image: Any, layer: Any) -> None:
    """Move a layer right above its image, so that it hides nothing that a person has made."""
    viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(image) + 1)


@contextmanager
def keeping_active(viewer: Any) -> Iterator[None]:
    """Leave the layer active on which a person works, while others are added."""
    active = viewer.layers.selection.active
    yield
    if active is not None:
        viewer.layers.selection.active = active

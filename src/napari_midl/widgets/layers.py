"""Layers that a dock adds to the viewer, and takes out again."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from napari.layers import Labels, Points, Shapes
from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.layers import Vectors
    from numpy.typing import NDArray

T = TypeVar("T")

OURS = "napari-midl"
_emptied: list[int] = []


def is_ours(layer: Any) -> bool:
    """Whether a dock made a layer, so that it is no image to work on."""
    return OURS in layer.metadata


def of_others(viewer: Any, kind: type[T]) -> list[T]:
    """The layers of a kind that no dock made, in the order of the viewer."""
    return [layer for layer in viewer.layers if isinstance(layer, kind) and not is_ours(layer)]


def is_drawn_in(layer: Any) -> bool:
    """Whether a person draws in a layer of their own, with the keys that napari has for that."""
    return isinstance(layer, Points | Shapes | Labels) and not is_ours(layer)


@contextmanager
def others_may_follow(viewer: Any, removed: bool = True) -> Iterator[None]:
    """While a layer has just been removed: napari removes those that are selected one by one."""
    if removed:
        _emptied.append(id(viewer))
    yield
    if removed:
        _emptied.remove(id(viewer))


def take_out(viewer: Any, *layers: Any) -> None:
    """Remove those layers that are still there."""
    for layer in layers:
        if layer not in viewer.layers:
            continue
        if id(viewer) in _emptied and layer in viewer.layers.selection:
            # napari fails where it finds gone what it is about to remove.
            QTimer.singleShot(0, partial(take_out, viewer, layer))
        else:
            viewer.layers.remove(layer)


def take_out_left(viewer: Any, what: str) -> None:
    """Remove what a dock that was closed has left to be looked at, by what `OURS` says of it."""
    take_out(viewer, *(layer for layer in viewer.layers if layer.metadata.get(OURS) == what))


def read_anew(layer: Any) -> None:
    """Have a layer of levels read again what changes in them, whenever it is refreshed.

    Of a plane napari 0.9 keeps the coarsest level as it was first read, and shows that, zoomed
    out, however much was written since.
    """
    if getattr(layer, "_level_materializer", None) is not None:
        layer._level_materializer = None


def put_above(viewer: Any, image: Any, *layers: Any) -> None:
    """Move layers right above their image, so that they hide nothing that a person has made."""
    for below, layer in zip((image, *layers), layers, strict=False):
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(below) + 1)


def never_fewer(layer: Vectors, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Vectors for a layer, and for those that it has too many some without length.

    With slicing in the background napari still looks for all that were there before.

    Parameters
    ----------
    layer : Vectors
        Which is to show them.
    vectors : ndarray, shape (n, 2, d)
        Starts and ways.

    Returns
    -------
    ndarray, shape (m, 2, d)
        With m at least n, and as many as the layer had.
    """
    rest = np.zeros((max(0, len(layer.data) - len(vectors)), *layer.data.shape[1:]))
    if len(vectors):
        rest[:, 0] = vectors[0, 0]
    return np.concatenate([vectors, rest])


@contextmanager
def keeping_active(viewer: Any) -> Iterator[None]:
    """Leave the layer active on which a person works, and the view, while others are added."""
    selection, camera = viewer.layers.selection, viewer.scene.camera
    active, center, zoom = selection.active, camera.center, camera.zoom
    # What follows the selection need not go there and back, a quarter of the time of a layer.
    with selection.events.blocker_all() if active is not None else nullcontext():
        try:
            yield
        finally:
            if active is not None:
                selection.active = active
    # napari shows all of a picture anew once a layer over it has slices.
    camera.center, camera.zoom = center, zoom

"""The layers of an OME-Zarr that may still be growing."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from qtpy.QtCore import QTimer

from napari_midl.errors import InputError
from napari_midl.volumes.growing import GrowingImage
from napari_midl.widgets.images import placed_over, spatial_ndim, stay_over
from napari_midl.widgets.layers import (
    OURS,
    keeping_active,
    put_above,
    read_anew,
    take_out,
    take_out_left,
)
from napari_midl.widgets.looking import field_in_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.lazy import Lazy

_TURN_MS = 20  # between layers, for the window to draw


class GrowingLayers:
    """Layers over an image that show what is written, as it is written.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show them.
    image : Image
        The layer from which the OME-Zarr is computed.
    path, what
        As for `GrowingImage`, which is `stored`.

    Attributes
    ----------
    alone : bool
        Whether no other output of this kind is looked at over the same image, so that those that a
        dock which was closed has left are taken out.
    below : Layer
        Above which the next hidden layer is put: at first the image.
    """

    alone: ClassVar[bool] = True

    def __init__(self, viewer: Any, image: Image, path: Path, what: str) -> None:
        self.viewer, self.image, self.path = viewer, image, path
        self.stored = GrowingImage(path, what)
        self._kind = f"shows the {what} {path.parent}"
        self._said = f"{self._kind}: {path.name}"
        take_out_left(viewer, self._said)
        self.layers: list[Any] = []
        self.below = image
        self._hidden: deque[Callable[[], Any]] = deque()
        self._first = (0,) * min(spatial_ndim(image), len(self.stored.shape) - 1)
        self.place = placed_over(image, self._first)

    def add(
        self, levels: Sequence[Lazy], kind: str = "image", notice: str = "", **look: Any
    ) -> Any:
        """Show an array at all levels as a layer.

        `notice` goes into its metadata, `look` to ``viewer.add_image``.
        """
        if self.alone and not self.layers:
            said = {layer: str(layer.metadata.get(OURS, "")) for layer in self.viewer.layers}
            others = (layer for layer in said if said[layer].startswith(f"{self._kind}: "))
            take_out(self.viewer, *others)
        many = len(levels) > 1
        metadata = {OURS: self._said, "notice": notice} if notice else {OURS: self._said}
        with keeping_active(self.viewer):  # whoever paints meanwhile goes on painting
            layer = getattr(self.viewer, f"add_{kind}")(
                list(levels) if many else levels[0],
                multiscale=many,
                **{"metadata": metadata, **self.place, **look},
            )
        read_anew(layer)
        stay_over(self.image, layer, self._first)
        self.layers.append(layer)
        return layer

    def add_hidden(self, levels: Sequence[Lazy], **look: Any) -> None:
        """`add` a layer that is hidden at first, right above `below`, a little later.

        Each layer takes the window some 50 ms, and nobody waits for one that is hidden.
        """
        self._hidden.append(partial(self.add, levels, visible=False, **look))
        if len(self._hidden) == 1:
            QTimer.singleShot(_TURN_MS, self._on_turn)

    def _on_turn(self) -> None:
        if self.image not in self.viewer.layers:
            self._hidden.clear()
        if not self._hidden:
            return
        layer = self._hidden.popleft()()
        below = self.below if self.below in self.viewer.layers else self.image
        put_above(self.viewer, below, layer)
        self.below = layer
        if self._hidden:
            QTimer.singleShot(_TURN_MS, self._on_turn)

    @property
    def present(self) -> list[Any]:
        """The layers that are still in the viewer."""
        return [layer for layer in self.layers if layer in self.viewer.layers]

    def refresh(self, boxes: Sequence[Any] | None = None) -> None:
        """Look again at boxes ``Z Y X`` that were written, or at everything.

        Nothing is read while no box lies in view.
        """
        new = self.stored.note(boxes)
        for layer in self.present:
            if layer.visible and self._in_view(layer, new):
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def remove(self) -> None:
        """Take the layers out of the viewer."""
        self._hidden.clear()
        take_out(self.viewer, *self.layers)

    def _in_view(self, layer: Any, boxes: Sequence[Any]) -> bool:
        if self.viewer.dims.ndisplay == 3:
            return True
        try:
            view = field_in_view(self.viewer, layer)[-len(self.place["scale"]) :]
        except InputError:
            return False
        return any(
            all(b.start < v.stop and v.start < b.stop for b, v in zip(box, view, strict=True))
            for box in boxes
        )

"""The layers of an OME-Zarr that may still be growing."""

from __future__ import annotations

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
    take_out,
    take_out_left,
)
from napari_midl.widgets.looking import field_in_view

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.lazy import Lazy


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
    on_top : bool
        Over all layers, or right above the image, where they hide nothing that a person has made.
    layers : list of Layer
        Those that were added, in that order: the seen ones, then the others.
    """

    on_top: ClassVar[bool] = False

    def __init__(self, viewer: Any, image: Image, path: Path, what: str) -> None:
        self.viewer, self.image, self.path = viewer, image, path
        self.stored = GrowingImage(path, what)
        self._said = f"shows {path}"
        take_out_left(viewer, self._said)
        self.layers: list[Any] = []
        self._names: list[tuple[str, str]] = []  # of each, as given and as it is called now
        self._suffix = ""
        self._to_come: list[Callable[[], Any]] = []
        self._first = (0,) * min(spatial_ndim(image), len(self.stored.shape) - 1)
        self.place = placed_over(image, self._first)

    def add(
        self, levels: Sequence[Lazy], kind: str = "image", notice: str = "", **look: Any
    ) -> Any:
        """Show an array at all levels as a layer.

        `notice` goes into its metadata, `look` to ``viewer.add_image``.
        """
        many = len(levels) > 1
        metadata = {OURS: self._said, "notice": notice} if notice else {OURS: self._said}
        with keeping_active(self.viewer):  # whoever paints meanwhile goes on painting
            layer = getattr(self.viewer, f"add_{kind}")(
                list(levels) if many else levels[0],
                multiscale=many,
                **{"metadata": metadata, **self.place, **look},
            )
        stay_over(self.image, layer, self._first)
        if not self.on_top:
            put_above(self.viewer, self.image, layer)
        self.layers.append(layer)
        self._names.append((layer.name, layer.name))
        self._call(len(self.layers) - 1)
        return layer

    def add_hidden(self, levels: Sequence[Lazy], **look: Any) -> None:
        """Add a layer that is not to be seen yet, once the window has had a turn.

        napari takes a tenth of a second to make a layer, and clicks are not to wait for several.
        """
        self._to_come.append(partial(self.add, levels, visible=False, **look))
        if len(self._to_come) == 1:
            QTimer.singleShot(0, self._add_next)

    def say(self, warnings: Sequence[str]) -> None:
        """Tell by the layers' names what the result is not; names that a person gave stay."""
        self._suffix = f" ({'; '.join(warnings)})" if warnings else ""
        for index in range(len(self.layers)):
            self._call(index)

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
        take_out(self.viewer, *self.layers)

    def _add_next(self) -> None:
        if all(layer in self.viewer.layers for layer in (self.image, *self.layers)):
            self._to_come.pop(0)()
            if self._to_come:
                QTimer.singleShot(0, self._add_next)

    def _call(self, index: int) -> None:
        layer, (plain, ours) = self.layers[index], self._names[index]
        if layer.name == ours:
            layer.name = plain + self._suffix
            self._names[index] = plain, layer.name

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

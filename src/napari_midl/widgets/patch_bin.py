"""Patches that were taken out of the viewer: gone, until they are brought back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.steps import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_midl.volumes.saved_patches import SavedPatches
    from napari_midl.widgets.patch_layer import PatchLayer
    from napari_midl.widgets.strokes import Strokes


class PatchBin(QObject):
    """Moves the files of patches that were removed, whichever way.

    A patch that leaves the viewer together with its image was put away with it, not deleted: its
    file stays.

    Parameters
    ----------
    saved : SavedPatches
        Where the files are.
    strokes : Strokes
        What is undone with them.
    image_is_there : callable
        Whether the image is still in the viewer.

    Attributes
    ----------
    failed : Signal(Exception)
        A file could not be moved.
    brought_back : Signal(PatchLayer)
        A patch is to be in the viewer again.
    """

    failed = Signal(object)
    brought_back = Signal(object)

    def __init__(
        self,
        saved: SavedPatches,
        strokes: Strokes,
        image_is_there: Callable[[], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._saved, self._strokes, self._image_is_there = saved, strokes, image_is_there
        self._waiting: list[PatchLayer] = []
        # The layers that are removed together leave the viewer one after the other.
        self._soon = once_after(0, self._take, self)

    def add(self, shown: PatchLayer) -> None:
        """A patch has left the viewer."""
        self._waiting.append(shown)
        self._soon.start()

    def stop(self) -> None:
        """The image is closed: what has left only just now went with it."""
        self._soon.stop()
        self.deleteLater()

    def _take(self) -> None:
        waiting, self._waiting = self._waiting, []
        for shown in waiting:
            if not self._image_is_there():
                self._saved.forget(shown.name)
                continue
            removed = None
            try:
                removed = self._saved.remove(shown.name)
            except InputError as error:
                self.failed.emit(error)
            if shown.painted is not None:
                self._strokes.steps.push(Step(partial(self._bring_back, shown, removed)))
                self._strokes.painted.emit(shown.painted.box)

    def _bring_back(self, shown: PatchLayer, removed: Path | None) -> None:
        if self._saved.knows(shown.name):
            shown.name = shown.layer.name = self._saved.free_name()
        try:
            self._saved.bring_back(shown.patch, removed)
        except InputError as error:
            self.failed.emit(error)
            return
        self.brought_back.emit(shown)
        self._strokes.painted.emit(shown.box)

"""Which strokes were painted last, each across as many patches as it touched."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_midl.volumes.boxes import hull, seen_from
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.steps import Step, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.volumes.boxes import Region
    from napari_midl.widgets.patch_layer import PatchLayer


class Strokes(QObject):
    """Puts together what napari tells layer by layer.

    Attributes
    ----------
    painted : Signal(tuple of slice)
        As of `PatchLayers`.
    touched : Signal(PatchLayer)
        A patch was changed by undoing or doing again.
    steps : Steps
        The strokes, and whatever else can be taken back.
    """

    painted = Signal(object)
    touched = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.steps = Steps()
        self._parts: list[tuple[PatchLayer, Region]] = []
        # The layers of a stroke tell of it one after the other, before the event loop goes on.
        self._soon = once_after(0, self.end, self)

    def add(self, shown: PatchLayer, region: Region) -> None:
        """A part of a stroke: what it changed in one patch."""
        self._parts.append((shown, region))
        self._soon.start()

    def end(self) -> None:
        """Nothing more belongs to the stroke."""
        self._soon.stop()
        parts, self._parts = self._parts, []
        if parts:
            region = hull([region for _, region in parts])
            shown = [each for each, _ in parts]
            again = partial(self._again, shown, region)
            self.steps.push(Step(partial(again, "undo"), partial(again, "redo")))
            self.painted.emit(region)

    def undo(self) -> None:
        """Take back what was done last."""
        self.end()
        self.steps.undo()

    def redo(self) -> None:
        """Do again what was taken back last."""
        self.end()
        self.steps.redo()

    def clear(self) -> None:
        """Forget all of it."""
        self._parts.clear()
        self.steps.clear()

    def _again(self, stroke: Sequence[PatchLayer], region: Region, what: str) -> None:
        for shown in stroke:
            getattr(shown.layer, what)()
            self.touched.emit(shown)
        self.painted.emit(region)


def changed(atoms: Sequence[Any], shown: PatchLayer) -> Region:
    """The box of the image in which an edit, as napari's event tells it, changes a patch."""
    boxes = [getattr(atom, "slice_key", None) for atom in atoms]
    if not all(boxes):
        return shown.box
    inside = hull([box for box in boxes if box])
    return seen_from(inside, [-o for o in shown.origin])

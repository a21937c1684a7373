"""What is painted over an image: small Labels layers, each saved as soon as the hand rests."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.volumes.saved_patches import SavedPatches
from napari_midl.widgets.layers import keeping_active, take_out
from napari_midl.widgets.looking import looked_at
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.patch_bin import PatchBin
from napari_midl.widgets.patch_cells import PatchCells
from napari_midl.widgets.patch_layer import PatchLayer
from napari_midl.widgets.strokes import Strokes, changed
from napari_midl.widgets.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari.layers import Image

    from napari_midl.volumes.boxes import Region
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

REST_MS = 250


class PatchLayers(QObject):
    """The patches of one image.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layers are.
    classes : Classes
        What can be painted.
    noun : str
        What new patches are called before their number.

    Attributes
    ----------
    changed : Signal
        A patch was added, removed, painted or saved.
    painted : Signal(tuple of slice)
        A stroke ended, or was undone or done again, or a patch was removed or brought back: the
        box ``(z, y, x)`` of the image, in voxels of level 0, outside of which no label changed.
        Emitted once for each, from the event loop, when `patches` has the new labels.
    failed : Signal(Exception)
        A patch could not be saved, removed or brought back.
    picked : Signal
        `label` or `current` is another, by whichever way chosen.
    hidden : Signal
        The layer that was painted in was hidden, and nothing is painted until it is seen.
    image : Image or None
        What is painted over.
    label : int or None
        What a drag over the image paints; None while it paints nothing.
    cells : PatchCells
        Where the patches of the image lie.
    strokes : Strokes
        What can be taken back: strokes and removals.
    """

    changed = Signal()
    painted = Signal(object)
    failed = Signal(object)
    picked = Signal()
    hidden = Signal()

    def __init__(
        self, viewer: Any, classes: Classes, parent: QObject | None = None, noun: str = "patch"
    ) -> None:
        super().__init__(parent)
        self._viewer, self._noun = viewer, noun
        self.classes = classes
        self.image: Image | None = None
        self.label: int | None = None
        self.strokes = Strokes(self)
        self.strokes.painted.connect(self.painted)
        self.strokes.touched.connect(self._on_touched)
        self.painted.connect(lambda _: self.changed.emit())
        self._saved: SavedPatches | None = None
        self.cells = PatchCells((), self._blank)
        self._unsure: set[PatchLayer] = set()
        self._turn = Turn(viewer, lambda: self.paint_with(None))
        self._bin: PatchBin | None = None
        self._rest = once_after(REST_MS, self._on_rest, self)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.selection.events.active.connect(self._on_active)

    @property
    def names(self) -> list[str]:
        """Names of the patches in which something is painted."""
        return [patch.name for patch in self.patches]

    @property
    def patches(self) -> list[Patch]:
        """Copies of all that is painted; each patch is cut to the part that holds paint."""
        parts = (shown.painted for shown in self.cells.shown)
        return [part for part in parts if part is not None]

    @property
    def counts(self) -> dict[str, int]:
        """Voxels painted with each label, by its name, in all patches."""
        total = dict.fromkeys((label.name for label in self.classes.labels), 0)
        for patch in self.patches:
            for name, count in self.classes.counts(patch.labels).items():
                total[name] += count
        return total

    @property
    def unsaved(self) -> bool:
        """Whether something that is painted is not on disk yet."""
        saved = self._saved
        return saved is not None and not all(saved.has(shown.patch) for shown in self._unsure)

    @property
    def current(self) -> str | None:
        """The patch whose layer is active."""
        shown = self.cells.of(self._viewer.layers.selection.active)
        return None if shown is None else shown.name

    def box(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Origin and size ``(z, y, x)``, in voxels of the image, of what is painted in a patch."""
        shown = self.cells.named(name)
        patch = shown.painted or shown.patch
        return patch.origin, patch.labels.shape

    def attach(self, image: Image, volume: Volume, folder: Path) -> list[str]:
        """Change to an image and its folder, and show what was painted there.

        Returns
        -------
        list of str
            A sentence for each file that could not be shown.

        Raises
        ------
        InputError
            If what is painted on another image could not be saved; then nothing changes.
        """
        self.detach()
        store = AnnotationStore(folder, volume, self.classes)
        store.own.tell = self.failed.emit
        self.image, self._saved = image, SavedPatches(store, self._noun)
        self.cells = PatchCells(volume.shape, self._blank)
        self._bin = PatchBin(self._saved, self.strokes, lambda: image in self._viewer.layers, self)
        self._bin.failed.connect(self.failed)
        self._bin.brought_back.connect(self._on_back)
        for emitter in _placing(image):
            emitter.connect(self._on_placed)
        patches, problems = store.load()
        for patch in patches:
            self._show(patch, self.cells.room_for(patch.box))
        self.changed.emit()
        return problems

    def detach(self) -> None:
        """Save, and take the layers out of the viewer; the files stay.

        Raises
        ------
        InputError
            If something cannot be saved; then the layers, which alone hold it, stay.
        """
        self.save()
        for emitter in _placing(self.image):
            emitter.disconnect(self._on_placed)
        shown, self.cells = self.cells.shown, PatchCells((), self._blank)
        if self._bin is not None:
            self._bin.stop()
        self._unsure.clear()
        take_out(self._viewer, *(each.layer for each in shown))
        self.image = self._saved = self._bin = self.label = None
        self.strokes.clear()
        self.picked.emit()
        self.changed.emit()

    def use_classes(self, classes: Classes) -> None:
        """Paint other classes; what is painted keeps its values.

        Strokes can still be taken back: who takes away a class makes a step of that in `strokes`.

        Raises
        ------
        InputError
            If what is painted, or what it means now, cannot be saved; then nothing changes.
        """
        self.strokes.end()
        self.save()
        if self._saved is not None:
            self._saved.use_classes(classes)
        self.classes = classes
        for shown in self.cells.shown:
            shown.use(classes)
        self.changed.emit()

    def paint_with(self, label: int | None) -> None:
        """Choose what a drag over the image paints; None leaves drags to napari."""
        if self.image is None:
            return
        if label is not None:
            self._turn.take()
        self.label = label
        if label is None:
            for shown in self.cells.shown:
                shown.paint_with(None)
        else:
            active = self.cells.of(self._viewer.layers.selection.active)
            self._activate(active or self.cells.at(looked_at(self._viewer, self.image)))
        self.picked.emit()

    def choose(self, name: str) -> None:
        """Make a patch the active layer."""
        self._activate(self.cells.named(name))

    def take(self, voxel: Sequence[int]) -> PatchLayer:
        """Make the patch at a voxel the active one, where a stroke begins with `label`."""
        shown = self.cells.at(voxel)
        shown.used |= self.label != UNLABELLED
        self._activate(shown)
        return shown

    def paint(self, patches: Iterable[Patch]) -> None:
        """Paint what other patches hold, as one stroke that can be taken back."""
        with ExitStack() as strokes:
            begun: set[PatchLayer] = set()
            for patch in patches:
                self.cells.cover(patch.box)
                for shown in self.cells.over(patch.box):
                    if shown not in begun:
                        begun.add(shown)
                        strokes.enter_context(shown.layer.block_history())
                    shown.paint(patch)
        self.strokes.end()

    def remove(self, name: str) -> None:
        """Take a patch away, as the bin of napari's list does; `strokes` brings it back."""
        self._viewer.layers.remove(self.cells.named(name).layer)

    def flush(self) -> bool:
        """Save at once what was painted and not yet saved; False, and `failed`, if that fails."""
        return self._tried(self.cells.shown)

    def save(self, folder: Path | None = None) -> None:
        """Save at once what was painted and not yet saved.

        Parameters
        ----------
        folder : Path, optional
            Another folder than the image's, to which it is added under names that are free there.

        Raises
        ------
        InputError
            If it cannot be written; what is painted stays in the layers.
        """
        self._save(self.cells.shown, folder)

    def _save(self, shown: Iterable[PatchLayer], folder: Path | None = None) -> None:
        self._rest.stop()
        if self._saved is not None:
            patches = [each.patch for each in shown]
            saved = self._saved.save([patch for patch in patches if patch.labels.size], folder)
            self._unsure.clear()
            if saved:
                self.changed.emit()

    def _tried(self, shown: Iterable[PatchLayer]) -> bool:
        try:
            self._save(shown)
        except InputError as error:
            self.failed.emit(error)
            self.changed.emit()
            return False
        return True

    def _on_rest(self) -> None:
        self._tried(self._unsure)
        if self.label is not None:
            self.cells.keep_ready()

    def _blank(self, box: Region) -> PatchLayer:
        assert self._saved is not None
        nothing = np.zeros([0] * len(box), np.uint8)
        return self._show(Patch(tuple(s.start for s in box), nothing, self._saved.free_name()), box)

    def _activate(self, shown: PatchLayer) -> None:
        shown.paint_with(self.label)
        self._viewer.layers.selection.active = shown.layer

    def _show(self, patch: Patch, box: Region) -> PatchLayer:
        assert self.image is not None and self._saved is not None
        shown = PatchLayer(patch, box, self.image, self.classes)
        self._saved.begin(patch)
        self._put_in(shown)
        layer = shown.layer
        layer.events.paint.connect(partial(self._on_painted, shown))
        layer.events.data.connect(lambda _: self._on_replaced(shown))
        layer.events.labels_update.connect(lambda _: self._on_brush(shown))
        for event in (layer.events.mode, layer.events.selected_label):
            event.connect(lambda _: self._on_tool(shown))
        layer.events.name.connect(lambda _: self._on_renamed(shown))
        return shown

    def _put_in(self, shown: PatchLayer) -> None:
        self.cells.shown.append(shown)
        with keeping_active(self._viewer):
            self._viewer.add_layer(shown.layer)

    def _on_back(self, shown: PatchLayer) -> None:
        shown.use(self.classes)
        self._put_in(shown)
        self._on_brush(shown)

    def _on_placed(self, event: Any) -> None:
        for shown in self.cells.shown:
            shown.lay()

    def _on_brush(self, shown: PatchLayer) -> None:
        self._unsure.add(shown)
        self._rest.start()

    def _on_touched(self, shown: PatchLayer, box: Region | None = None) -> None:
        shown.touch(box)
        self._on_brush(shown)

    def _on_painted(self, shown: PatchLayer, event: Any) -> None:
        region = changed(event.value, shown)
        self._on_touched(shown, region)
        self.strokes.add(shown, region)

    def _on_replaced(self, shown: PatchLayer) -> None:
        if shown.used or np.any(shown.layer.data):  # else a blank was moved
            self._on_touched(shown, shown.box)
            self.painted.emit(shown.box)

    def _on_active(self, event: Any = None) -> None:
        shown = self.cells.of(self._viewer.layers.selection.active)
        if shown is not None:
            if self.label is not None:
                shown.paint_with(self.label)
            self.picked.emit()

    def _on_tool(self, shown: PatchLayer) -> None:
        shown.keep_known()
        if shown.layer is self._viewer.layers.selection.active and self.label != shown.painting:
            self.label = shown.painting
            if self.label is not None:
                self._turn.take()
            elif not shown.layer.visible:  # by which napari puts the brush down
                self.hidden.emit()
            self.picked.emit()

    def _on_renamed(self, shown: PatchLayer) -> None:
        old, new = shown.name, str(shown.layer.name)
        if old == new or not shown.used or self._saved is None or shown not in self.cells.shown:
            return
        try:
            self._saved.rename(old, new)
        except InputError as error:
            shown.layer.name = old  # comes back here
            self.failed.emit(error)
            return
        shown.name = new
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        shown = self.cells.of(event.value)
        if shown is not None and self._bin is not None:
            self.strokes.end()
            self.flush()
            self.cells.shown.remove(shown)
            self._unsure.discard(shown)
            self._bin.add(shown)
            self.changed.emit()


def _placing(image: Any) -> list[Any]:
    events = () if image is None else ("scale", "units", "translate")
    return [getattr(image.events, name) for name in events]

"""Painted patches as small Labels layers over an image, each saved as soon as the hand rests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.volumes.saved_patches import SavedPatches
from napari_midl.widgets.images import placed_over, stay_over
from napari_midl.widgets.layers import keeping_active, take_out
from napari_midl.widgets.parts.section import once_after

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image, Labels

    from napari_midl.volumes.boxes import Box
    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume

REST_MS = 250
BRUSH = 4
_KEY = "napari-midl patch"


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
    failed : Signal(Exception)
        A patch could not be saved.
    picked : Signal(str, int)
        The patch that is active and the class that is painted in it, by whichever way chosen.
    """

    changed = Signal()
    failed = Signal(object)
    picked = Signal(str, int)

    def __init__(
        self, viewer: Any, classes: Classes, parent: QObject | None = None, noun: str = "patch"
    ) -> None:
        super().__init__(parent)
        self._viewer, self._noun = viewer, noun
        self.classes = classes
        self._image: Image | None = None
        self._saved: SavedPatches | None = None
        self._layers: dict[str, Labels] = {}
        self._timer = once_after(REST_MS, self.flush, self)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.selection.events.active.connect(self._on_picked)

    @property
    def names(self) -> list[str]:
        """Names of the patches in the viewer."""
        return list(self._layers)

    @property
    def counts(self) -> dict[str, int]:
        """Voxels painted with each label, by its name, in all patches."""
        total = dict.fromkeys((label.name for label in self.classes.labels), 0)
        for patch in self._as_they_are():
            for name, count in self.classes.counts(patch.labels).items():
                total[name] += count
        return total

    @property
    def patches(self) -> list[Patch]:
        """Copies of the patches on which something is painted."""
        painted = (patch for patch in self._as_they_are() if np.any(patch.labels))
        return [replace(patch, labels=np.array(patch.labels)) for patch in painted]

    @property
    def unsaved(self) -> bool:
        """Whether something that is painted is not on disk yet."""
        saved = self._saved
        return saved is not None and not all(map(saved.has, self._as_they_are()))

    def layer(self, name: str) -> Labels:
        """The layer of a patch."""
        return self._layers[name]

    def box(self, name: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Origin and size ``(z, y, x)`` of a patch in voxels of the image."""
        layer = self._layers[name]
        return layer.metadata[_KEY], layer.data.shape

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
        self._image, self._saved = image, SavedPatches(store, self._noun)
        patches, problems = store.load()
        for patch in patches:
            self._show(patch)
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
        layers, self._layers = self._layers, {}
        take_out(self._viewer, *layers.values())
        self._image = self._saved = None
        self.changed.emit()

    def add(self, box: Box) -> str:
        """Put an empty patch over a box of the image, ready to paint the first class in it."""
        assert self._saved is not None
        empty = np.zeros([s.stop - s.start for s in box], np.uint8)
        patch = Patch(tuple(s.start for s in box), empty, self._saved.free_name())
        self._show(patch)
        self.paint_with(patch.name, self.classes.offered[0].value)
        self.changed.emit()
        return patch.name

    def remove(self, name: str) -> None:
        """Delete a patch and its file."""
        layer = self._layers.pop(name)
        if self._saved is not None:
            self._saved.remove(name)
        take_out(self._viewer, layer)
        self.changed.emit()

    def paint_with(self, name: str, label: int) -> None:
        """Choose a patch, and what to paint in it."""
        layer = self._layers[name]
        layer.visible = True
        self._viewer.layers.selection.active = layer
        _paint_with(layer, label)

    def flush(self) -> bool:
        """Save at once what was painted and not yet saved; False, and `failed`, if that fails."""
        try:
            self.save()
        except InputError as error:
            self.failed.emit(error)
            self.changed.emit()
            return False
        return True

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
        self._timer.stop()
        if self._saved is not None and self._saved.save(self._as_they_are(), folder):
            self.changed.emit()

    def _as_they_are(self) -> list[Patch]:
        return [
            Patch(layer.metadata[_KEY], np.asarray(layer.data, np.uint8), name)
            for name, layer in self._layers.items()
        ]

    def _show(self, patch: Patch) -> None:
        assert self._image is not None and self._saved is not None
        with keeping_active(self._viewer):
            layer = self._viewer.add_labels(
                np.array(patch.labels, np.uint8),
                name=patch.name,
                colormap=_colours(self.classes),
                opacity=0.6,
                metadata={_KEY: patch.origin},
                features=_names(self.classes),
                **placed_over(self._image, patch.origin),
            )
        stay_over(self._image, layer, patch.origin)
        layer.brush_size = BRUSH
        layer.selected_label = self.classes.offered[0].value
        layer.bounding_box.visible = True
        layer.bounding_box.points = False
        layer.bounding_box.line_color = "yellow"
        layer.bind_key("0", _painter(UNLABELLED), overwrite=True)
        for label in self.classes.labels:
            if label.key:
                layer.bind_key(label.key, _painter(label.value), overwrite=True)
        self._layers[patch.name] = layer
        self._saved.begin(patch)
        # Undo and redo only announce that there is something new to see.
        for event in (layer.events.paint, layer.events.labels_update, layer.events.set_data):
            event.connect(self._on_painted)
        layer.events.selected_label.connect(self._on_picked)
        layer.events.name.connect(self._on_renamed)

    def _on_painted(self, event: Any) -> None:
        layer = event.source
        if not self.classes.knows(layer.data):
            # napari's M takes the next number, and what is pasted may hold any.
            layer.data[...] = self.classes.nearest(layer.data)
            layer.refresh()
        # Once a stroke: whoever listens may count voxels.
        first = not self._timer.isActive()
        self._timer.start()
        if first:
            self.changed.emit()

    def _on_picked(self, event: Any = None) -> None:
        active = self._viewer.layers.selection.active
        for name, layer in self._layers.items():
            chosen = np.array([layer.selected_label])
            if not self.classes.knows(chosen):
                layer.selected_label = int(self.classes.nearest(chosen)[0])  # comes back here
            elif layer is active:
                self.picked.emit(name, layer.selected_label)

    def _on_renamed(self, event: Any) -> None:
        layer, new = event.source, event.source.name
        old = next((name for name, known in self._layers.items() if known is layer), new)
        if old == new or self._saved is None:
            return
        try:
            self._saved.rename(old, new)
        except InputError as error:
            layer.name = old  # comes back here
            self.failed.emit(error)
            return
        # In the order of the list.
        self._layers = {new if la is layer else name: la for name, la in self._layers.items()}
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        for name, layer in list(self._layers.items()):
            if layer is event.value:
                self.flush()
                del self._layers[name]
                if self._saved is not None:
                    self._saved.forget(name)
                self.changed.emit()


def _colours(classes: Classes) -> DirectLabelColormap:
    colours: dict[int | None, str] = {None: "transparent", UNLABELLED: "transparent"}
    colours.update({label.value: label.colour for label in classes.labels})
    return DirectLabelColormap(color_dict=colours)


def _names(classes: Classes) -> dict[str, list[Any]]:
    """What napari's status bar tells of each value."""
    return {
        "index": [UNLABELLED, *(label.value for label in classes.labels)],
        "class": ["unlabelled", *(label.name for label in classes.labels)],
    }


def _painter(label: int) -> Any:
    return lambda layer: _paint_with(layer, label)


def _paint_with(layer: Labels, label: int) -> None:
    layer.selected_label = label
    layer.mode = "paint"

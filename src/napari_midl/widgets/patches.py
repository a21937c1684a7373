"""Painted patches as small Labels layers over an image, each saved as soon as the hand rests."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from qtpy.QtCore import QObject, QTimer, Signal

from napari_midl.errors import InputError
from napari_midl.volumes.annotations import AnnotationStore, Patch
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.images import placed_over

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image, Labels

    from napari_midl.volumes.classes import Classes
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.looking import Box

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

    def __init__(self, viewer: Any, classes: Classes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.classes = classes
        self._image: Image | None = None
        self._store: AnnotationStore | None = None
        self._layers: dict[str, Labels] = {}
        self._saved: dict[str, int] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self.flush)
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
        for layer in self._layers.values():
            for name, count in self.classes.counts(np.asarray(layer.data, np.uint8)).items():
                total[name] += count
        return total

    @property
    def patches(self) -> list[Patch]:
        """Copies of the patches on which something is painted."""
        return [
            Patch(self._origin(layer), np.array(layer.data, np.uint8), name)
            for name, layer in self._layers.items()
            if np.any(layer.data)
        ]

    def layer(self, name: str) -> Labels:
        """The layer of a patch."""
        return self._layers[name]

    def box(self, name: str) -> tuple[tuple[int, int, int], tuple[int, ...]]:
        """Origin and size ``(z, y, x)`` of a patch in voxels of the image."""
        layer = self._layers[name]
        return self._origin(layer), layer.data.shape

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
        self._image, self._store = image, AnnotationStore(folder, volume, self.classes)
        patches, problems = self._store.load()
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
        for layer in layers.values():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._saved.clear()
        self._image = self._store = None
        self.changed.emit()

    def add(self, box: Box) -> str:
        """Put an empty patch over a box of the image, ready to paint the first class in it."""
        shape = tuple(s.stop - s.start for s in box)
        origin = (box[0].start, box[1].start, box[2].start)
        patch = Patch(origin, np.zeros(shape, np.uint8), self._free_name(self._store))
        self._show(patch)
        self.paint_with(patch.name, self.classes.offered[0].value)
        self.changed.emit()
        return patch.name

    def remove(self, name: str) -> None:
        """Delete a patch and its file."""
        layer = self._layers.pop(name)
        if self._store is not None:
            self._store.remove(name)
        if layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
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
        if self._store is None:
            return
        store = self._store
        if folder is not None:
            store = AnnotationStore(folder, store.volume, self.classes)
        saved: dict[str, int] = {}
        for name, layer in self._layers.items():
            data = np.asarray(layer.data, np.uint8)
            state = zlib.crc32(data.tobytes())
            if state == self._saved[name]:
                continue
            taken = folder is not None and store.path(name).exists()
            new = self._free_name(store) if taken else name
            store.save(Patch(self._origin(layer), data, new))
            saved[name] = state
        # Only now: if a later one fails, all are tried again, in whichever folder is chosen next.
        self._saved.update(saved)
        if saved:
            self.changed.emit()

    @property
    def unsaved(self) -> bool:
        """Whether something that is painted is not on disk yet."""
        return any(
            zlib.crc32(np.asarray(layer.data, np.uint8).tobytes()) != self._saved[name]
            for name, layer in self._layers.items()
        )

    def _free_name(self, store: AnnotationStore | None) -> str:
        number = 1
        while f"patch {number}" in self._layers or (
            store is not None and store.path(f"patch {number}").exists()
        ):
            number += 1
        return f"patch {number}"

    def _show(self, patch: Patch) -> None:
        assert self._image is not None
        active = self._viewer.layers.selection.active
        layer = self._viewer.add_labels(
            np.array(patch.labels, np.uint8),
            name=patch.name,
            colormap=_colours(self.classes),
            opacity=0.6,
            metadata={_KEY: patch.origin},
            features=_names(self.classes),
            **placed_over(self._image, patch.origin),
        )
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
        self._saved[patch.name] = zlib.crc32(np.asarray(layer.data, np.uint8).tobytes())
        # Undo and redo only announce that there is something new to see.
        for event in (layer.events.paint, layer.events.labels_update, layer.events.set_data):
            event.connect(self._on_painted)
        layer.events.selected_label.connect(self._on_picked)
        layer.events.name.connect(self._on_renamed)
        if active is not None:
            self._viewer.layers.selection.active = active

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
        if old == new or self._store is None:
            return
        try:
            others = {self._store.path(name): name for name in self._layers if name != old}
            if taken := others.get(self._store.path(new)):
                raise InputError(f"{new} has the file of {taken}; give {old} another name.")
            self._store.rename(old, new)
        except InputError as error:
            layer.name = old  # comes back here
            self.failed.emit(error)
            return
        # In the order of the list.
        self._layers = {new if la is layer else name: la for name, la in self._layers.items()}
        self._saved[new] = self._saved.pop(old)
        self.changed.emit()

    def _on_removed(self, event: Any) -> None:
        for name, layer in list(self._layers.items()):
            if layer is event.value:
                self.flush()
                del self._layers[name]
                self.changed.emit()

    def _origin(self, layer: Labels) -> tuple[int, int, int]:
        z, y, x = layer.metadata[_KEY]
        return int(z), int(y), int(x)


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

"""Painting a little: what to paint, and what was painted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QListWidget, QPushButton

from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.layers import is_ours
from napari_midl.widgets.looking import fly_to, uncover
from napari_midl.widgets.painting import Painting
from napari_midl.widgets.parts.flow import Flow
from napari_midl.widgets.parts.section import button, note, swatch, there
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.widgets.patches import PatchLayers

ERASE_KEY, UNDO, REDO = "0", "Control-Z", "Control-Shift-Z"
LONGEST = 16  # letters of a class on its button, by which the dock would become wide
SIDE = 96  # voxels around a place that is to be painted
HIDDEN = (
    "The layer that you paint in is hidden, so that a drag moves the view: show it again, or "
    "choose a class."
)
IN_3D = "In 3D a drag paints on what is painted already alone: turn to slices to paint elsewhere."


class PaintSection(ToolSection[Bench]):
    """Chooses what a drag over the image paints, and lists the patches.

    Parameters
    ----------
    bench : Bench
        Of the dock.
    patches : PatchLayers
        What is painted.
    *others : PatchLayers
        What is painted by other means; while one is, Erase, Move, Undo and Redo are of it.
    """

    heading = "Paint"

    def __init__(self, bench: Bench, patches: PatchLayers, *others: PatchLayers) -> None:
        super().__init__(bench)
        self.patches, self._others = patches, others
        self.classes: dict[int, QPushButton] = {}
        self._told_in_3d = False
        self._of_classes = Flow()
        self.hand = button(
            "Move",
            "Drag to move the view again; to move it while you paint, hold Space",
            lambda: self._in_hand.paint_with(None),
        )
        self.hand.setCheckable(True)
        self.list = QListWidget()
        self.list.setFixedHeight(62)
        self.list.setToolTip("The patches that were painted; click one to go there")
        self.list.itemClicked.connect(self._on_clicked)
        changed = patches.changed
        either = (changed, *(emitter for each in others for emitter in (each.changed, each.picked)))
        self.undo = self.action(
            "Undo",
            "Take back the last stroke, or bring back the patch that was removed",
            lambda: self._in_hand.strokes.undo(),
            lambda: self._in_hand.strokes.steps.can_undo,
            *either,
        )
        self.redo = self.action(
            "Redo",
            "Paint again what was taken back last",
            lambda: self._in_hand.strokes.redo(),
            lambda: self._in_hand.strokes.steps.can_redo,
            *either,
        )
        self.remove = self.action(
            "Remove patch",
            "Take the chosen patch away; Undo brings it back",
            self._on_remove,
            lambda: patches.names,
            changed,
        )
        self.status = note("Paint is saved to the project folder whenever your hand rests")
        self.body.addLayout(self._of_classes)
        self.row(self.hand, self.undo, self.redo, self.remove)
        self.body.addWidget(self.list)
        self.body.addWidget(self.status)
        self._painting = Painting(bench.viewer, patches)
        bench.viewer.dims.events.ndisplay.connect(self._on_turned)
        self.offer_classes()
        self.follow(self._enable, bench.opened)
        self.follow(self._on_picked, patches.picked, *(other.picked for other in others))
        self.follow(self._show, bench.opened, changed)
        for each in (patches, *others):
            each.hidden.connect(self._on_hidden)

    def offer_classes(self) -> None:
        """A button for each class that can be painted, and one for taking paint away."""
        while (item := self._of_classes.takeAt(0)) is not None:
            old = there(item.widget())
            old.hide()  # its own click may have led here, so that it goes later
            old.deleteLater()
        self.classes.clear()
        for label in self.patches.classes.offered:
            key = f" ({label.key})" if label.key else ""
            name = label.name[:1].upper() + label.name[1:]
            made = self._add_class(
                label.value,
                (name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…") + key,
                f"Drag anywhere over the image to paint {label.name}",
                partial(self.patches.paint_with, label.value),
            )
            made.setIcon(swatch(label.colour))
        self._add_class(
            UNLABELLED,
            f"Erase ({ERASE_KEY})",
            "Drag to take paint away; while you correct, corrections",
            lambda: self._in_hand.paint_with(UNLABELLED),
        )
        self._enable()

    @property
    def keys(self) -> dict[str, QAbstractButton]:
        """The class to paint, and to take back."""
        classes = {label.key: label.value for label in self.patches.classes.offered if label.key}
        classes[ERASE_KEY] = UNLABELLED
        of_classes = {key: self.classes[value] for key, value in classes.items()}
        return {**of_classes, UNDO: self.undo, REDO: self.redo}

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """On each layer, where napari would begin to move it; others' own strokes are theirs."""
        ours = layer is self.bench.image or is_ours(layer)
        return self.bench.volume is not None and (ours or key not in (UNDO, REDO))

    def paint_around(self, centre: Sequence[int]) -> None:
        """Make ready to paint around a voxel that is in view."""
        patches = self.patches
        patches.take(centre)
        if patches.label is None:
            patches.paint_with(patches.classes.offered[0].value)

    def shut_down(self) -> None:
        """Follow the mouse no more."""
        self._painting.stop()
        self.bench.viewer.dims.events.ndisplay.disconnect(self._on_turned)

    @property
    def _in_hand(self) -> PatchLayers:
        """What is painted now."""
        return next((o for o in self._others if o.label is not None), self.patches)

    def _enable(self) -> None:
        for made in (*self.classes.values(), self.hand):
            made.setEnabled(self.bench.volume is not None)

    def _add_class(
        self, value: int, text: str, tip: str, chosen: Callable[[], object]
    ) -> QPushButton:
        made = button(text, tip, chosen)
        made.setCheckable(True)
        self._of_classes.addWidget(made)
        self.classes[value] = made
        return made

    def _on_turned(self, event: Any = None) -> None:
        """In 3D a drag turns the view, until a class is chosen there again."""
        if self.bench.viewer.dims.ndisplay == 3:
            self._in_hand.paint_with(None)

    def _on_hidden(self) -> None:
        show_info(HIDDEN)

    def _on_clicked(self) -> None:
        item, bench = self.list.currentItem(), self.bench
        if item is not None and bench.image is not None:
            self.patches.choose(item.text())
            fly_to(bench.viewer, bench.image, *self.patches.box(item.text()))

    def _on_picked(self) -> None:
        """Follow the keys, and what is chosen in napari's own list and controls."""
        self._choose_current()
        painting, erasing = self.patches.label, self._in_hand.label
        if erasing is not None and self.bench.image is not None:
            uncover(self.bench.viewer, self.bench.image)
        for value, made in self.classes.items():
            made.setChecked(value == (erasing if value == UNLABELLED else painting))
        self.hand.setChecked(erasing is None)
        in_3d = erasing is not None and self.bench.viewer.dims.ndisplay == 3
        if in_3d and not self._told_in_3d:
            show_info(IN_3D)
        self._told_in_3d = in_3d

    def _choose_current(self) -> None:
        current = self.patches.current or ""
        for item in self.list.findItems(current, Qt.MatchFlag.MatchExactly):
            self.list.setCurrentItem(item)

    def _on_remove(self) -> None:
        if (item := self.list.currentItem()) is not None:
            self.patches.remove(item.text())

    def _show(self) -> None:
        patches = self.patches
        listed = [item.text() for i in range(self.list.count()) if (item := self.list.item(i))]
        if patches.names != listed:
            row = self.list.currentRow()
            self.list.clear()
            self.list.addItems(patches.names)
            chosen = (
                patches.names.index(patches.current) if patches.current in patches.names else row
            )
            self.list.setCurrentRow(min(max(chosen, 0), len(patches.names) - 1))
        self.list.setVisible(bool(patches.names))
        if not patches.names:
            self.status.setText("Nothing is painted yet.")
            return
        painted = patches.classes.describe(patches.counts)
        saved = "Not saved yet." if patches.unsaved else "Saved."
        self.status.setText(f"{painted} painted. {saved}")

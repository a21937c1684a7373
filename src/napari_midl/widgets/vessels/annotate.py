"""Painting a little: patches, and what to paint in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup, QListWidget, QPushButton, QSpinBox

from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.looking import box_around, fly_to, looked_at
from napari_midl.widgets.parts.section import Section, button, note, swatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.widgets.vessels.workbench import Workbench

SLICES, SIDE = 9, 96
IN_A_ROW = 4


class AnnotateSection(Section):
    """Adds, lists and removes patches."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Annotate")
        self._bench = bench
        self.add = button(
            "Add patch", "Put a small box to paint in over the place you look at", self.add_here
        )
        self.slices, self.side = QSpinBox(), QSpinBox()
        self.slices.setRange(1, 32)
        self.slices.setValue(SLICES)
        self.slices.setToolTip("Slices of a new patch")
        self.side.setRange(16, 256)
        self.side.setSingleStep(16)
        self.side.setValue(SIDE)
        self.side.setToolTip("Width and height of a new patch, in voxels")
        self.row(self.add, self.slices, "slices of", self.side, "voxels²")

        self.list = QListWidget()
        self.list.setFixedHeight(62)
        self.list.setToolTip("Click a patch to fly there and paint in it")
        self.list.itemClicked.connect(self._on_clicked)
        self.body.addWidget(self.list)

        self.classes: dict[int, QPushButton] = {}
        self._group = QButtonGroup(self)
        for label in bench.patches.classes.offered:
            text, tip = label.name[0].upper() + label.name[1:], f"Paint {label.name}"
            if label.key:
                text += f" ({label.key})"
                tip += f"; key {label.key} while a patch is selected"
            self._add_class(label.value, text, tip).setIcon(swatch(label.colour))
        self._add_class(UNLABELLED, "Erase (0)", "Take paint away; key 0")
        self.remove = button("Remove", "Delete the chosen patch and its file", self._on_remove)
        buttons = [*self.classes.values(), self.remove]
        for start in range(0, len(buttons), IN_A_ROW):
            self.row(*buttons[start : start + IN_A_ROW])
        self._choose_first()
        self.status = note("Patches are saved to the project folder whenever your hand rests")
        self.body.addWidget(self.status)
        bench.changed.connect(self._on_changed)
        bench.patches.picked.connect(self._on_picked)
        self._on_changed()

    def _add_class(self, value: int, text: str, tip: str) -> QPushButton:
        made = button(text, tip, lambda: self._on_class(value))
        made.setCheckable(True)
        self._group.addButton(made)
        self.classes[value] = made
        return made

    def _choose_first(self) -> None:
        self.classes[self._bench.patches.classes.offered[0].value].setChecked(True)

    def add_here(self) -> None:
        """Add a patch where the person looks."""
        assert self._bench.image is not None
        self.add_around(looked_at(self._bench.viewer, self._bench.image))

    def add_around(self, centre: Sequence[int]) -> None:
        """Add a patch around a voxel."""
        bench = self._bench
        assert bench.volume is not None
        side = self.side.value()
        box = box_around(centre, (self.slices.value(), side, side), bench.volume.shape)
        name = bench.patches.add(box)
        self._choose_first()
        self.list.setCurrentRow(bench.patches.names.index(name))

    def _current(self) -> str | None:
        item = self.list.currentItem()
        return item.text() if item is not None else None

    def _on_clicked(self) -> None:
        name, bench = self._current(), self._bench
        if name is None or bench.image is None:
            return
        bench.patches.paint_with(name, self._class())
        fly_to(bench.viewer, bench.image, *bench.patches.box(name))

    def _class(self) -> int:
        return next(label for label, made in self.classes.items() if made.isChecked())

    def _on_class(self, label: int) -> None:
        name = self._current()
        if name is not None:
            self._bench.patches.paint_with(name, label)

    def _on_picked(self, name: str, label: int) -> None:
        """Follow the keys, and what is chosen in napari's own list and controls."""
        for item in self.list.findItems(name, Qt.MatchFlag.MatchExactly):
            self.list.setCurrentItem(item)
        if label in self.classes:
            self.classes[label].setChecked(True)

    def _on_remove(self) -> None:
        name = self._current()
        if name is not None:
            self._bench.patches.remove(name)

    def _on_changed(self) -> None:
        bench = self._bench
        names = bench.patches.names
        if names != [self.list.item(i).text() for i in range(self.list.count())]:
            row = self.list.currentRow()
            self.list.clear()
            self.list.addItems(names)
            self.list.setCurrentRow(min(max(row, 0), len(names) - 1))
        self.list.setVisible(bool(names))
        for widget in (self.add, self.slices, self.side):
            widget.setEnabled(bench.volume is not None)
        for made in (*self.classes.values(), self.remove):
            made.setEnabled(bool(names))
        if not names:
            self.status.setText("No patch yet.")
            return
        painted = bench.patches.classes.describe(bench.patches.counts)
        saved = "Not saved yet." if bench.patches.unsaved else "Saved."
        self.status.setText(f"{painted} painted. {saved}")

"""Painting a little: patches, and what to paint in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QButtonGroup, QListWidget, QPushButton

from napari_midl.volumes.boxes import box_around
from napari_midl.volumes.classes import UNLABELLED
from napari_midl.widgets.looking import fly_to, looked_at
from napari_midl.widgets.parts.section import button, note, spin, swatch
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.vessels.bench import VesselsBench

if TYPE_CHECKING:
    from collections.abc import Sequence

SLICES, SIDE = 9, 96
IN_A_ROW = 4
ERASE_KEY = "0"


class AnnotateSection(ToolSection[VesselsBench]):
    """Adds, lists and removes patches."""

    heading = "Annotate"

    def __init__(self, bench: VesselsBench) -> None:
        super().__init__(bench)
        self.add = button(
            "Add patch", "Put a small box to paint in over the place you look at", self.add_here
        )
        self.slices = spin("Slices of a new patch", 1, 32, SLICES)
        self.side = spin("Width and height of a new patch, in voxels", 16, 256, SIDE, step=16)
        self.list = QListWidget()
        self.list.setFixedHeight(62)
        self.list.setToolTip("Click a patch to fly there and paint in it")
        self.list.itemClicked.connect(self._on_clicked)
        self.classes: dict[int, QPushButton] = {}
        self._group = QButtonGroup(self)
        for label in bench.patches.classes.offered:
            key = f" ({label.key})" if label.key else ""
            made = self._add_class(label.value, label.name.capitalize() + key, label.name)
            made.setIcon(swatch(label.colour))
        self._add_class(UNLABELLED, f"Erase ({ERASE_KEY})", "nothing: take paint away")
        self._choose_first()
        self.remove = button("Remove", "Delete the chosen patch and its file", self._on_remove)
        self.status = note("Patches are saved to the project folder whenever your hand rests")
        self.row(self.add, self.slices, "slices of", self.side, "voxels²")
        self.body.addWidget(self.list)
        buttons = [*self.classes.values(), self.remove]
        for start in range(0, len(buttons), IN_A_ROW):
            self.row(*buttons[start : start + IN_A_ROW])
        self.body.addWidget(self.status)
        for widget in (self.add, self.slices, self.side):
            self.enabled_when(widget, lambda: bench.volume is not None)
        for made in (*self.classes.values(), self.remove):
            self.enabled_when(made, lambda: bench.patches.names, bench.patches.changed)
        bench.patches.picked.connect(self._on_picked)
        self.follow(self._show, bench.opened, bench.patches.changed)

    def add_here(self) -> None:
        """Add a patch where the person looks."""
        self.add_around(looked_at(self.bench.viewer, self.bench.opened_image))

    def add_around(self, centre: Sequence[int]) -> None:
        """Add a patch around a voxel."""
        bench = self.bench
        side = self.side.value()
        box = box_around(centre, (self.slices.value(), side, side), bench.opened_volume.shape)
        name = bench.patches.add(box)
        self._choose_first()
        self.list.setCurrentRow(bench.patches.names.index(name))

    def _add_class(self, value: int, text: str, what: str) -> QPushButton:
        made = button(text, f"Paint {what}, in the chosen patch", lambda: self._on_class(value))
        made.setCheckable(True)
        self._group.addButton(made)
        self.classes[value] = made
        return made

    def _choose_first(self) -> None:
        self.classes[self.bench.patches.classes.offered[0].value].setChecked(True)

    @property
    def _current(self) -> str | None:
        item = self.list.currentItem()
        return item.text() if item is not None else None

    def _on_clicked(self) -> None:
        name, bench = self._current, self.bench
        if name is not None and bench.image is not None:
            label = next(label for label, made in self.classes.items() if made.isChecked())
            bench.patches.paint_with(name, label)
            fly_to(bench.viewer, bench.image, *bench.patches.box(name))

    def _on_class(self, label: int) -> None:
        if (name := self._current) is not None:
            self.bench.patches.paint_with(name, label)

    def _on_picked(self, name: str, label: int) -> None:
        """Follow the keys, and what is chosen in napari's own list and controls."""
        for item in self.list.findItems(name, Qt.MatchFlag.MatchExactly):
            self.list.setCurrentItem(item)
        if label in self.classes:
            self.classes[label].setChecked(True)

    def _on_remove(self) -> None:
        if (name := self._current) is not None:
            self.bench.patches.remove(name)

    def _show(self) -> None:
        patches = self.bench.patches
        listed = [item.text() for i in range(self.list.count()) if (item := self.list.item(i))]
        if patches.names != listed:
            row = self.list.currentRow()
            self.list.clear()
            self.list.addItems(patches.names)
            self.list.setCurrentRow(min(max(row, 0), len(patches.names) - 1))
        self.list.setVisible(bool(patches.names))
        if not patches.names:
            self.status.setText("No patch yet.")
            return
        painted = patches.classes.describe(patches.counts)
        saved = "Not saved yet." if patches.unsaved else "Saved."
        self.status.setText(f"{painted} painted. {saved}")

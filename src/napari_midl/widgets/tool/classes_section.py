"""The classes: what they are called, their colours, and painting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QLineEdit

from napari_midl.errors import InputError
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.widgets.parts.section import button, swatch
from napari_midl.widgets.tool.paint_section import PaintSection

if TYPE_CHECKING:
    from napari_midl.volumes.classes import Label
    from napari_midl.widgets.tool.classes_bench import ClassesBench


class ClassesSection(PaintSection):
    """Paints the classes; a row changes the name and the colour of the one that is chosen."""

    heading = "Classes"

    def __init__(self, bench: ClassesBench[Any]) -> None:
        self._bench, self._value = bench, bench.classes.offered[0].value
        self.name = QLineEdit()
        self.name.setToolTip("What the class chosen above is called; Return keeps it")
        self.name.editingFinished.connect(self._on_named)
        self.colour = button("", "The colour of this class", self._on_colour)
        self.add = button("Add class", "One more class to paint and to find", self._on_add)
        self.drop = button(
            "Remove class",
            "Take the last class away; possible while nothing is painted with it",
            self._on_drop,
        )
        super().__init__(bench, bench.patches)
        self.row("Called", self.name, self.colour, stretch=1)
        self.row(self.add, self.drop)
        self.follow(self._show_chosen, bench.patches.picked)
        self.follow(self._show_drop, bench.patches.changed)
        bench.renamed.connect(self._on_renamed)

    @property
    def _chosen(self) -> Label:
        """The class that is painted now, or was last."""
        painted = self.patches.label
        if painted not in (None, UNLABELLED):
            self._value = painted
        labels = {label.value: label for label in self._bench.classes.labels}
        return labels.get(self._value, self._bench.classes.offered[0])

    def _on_named(self) -> None:
        wanted = self.name.text().strip()
        if wanted and wanted != self._chosen.name:
            self._change(name=wanted)

    def _on_colour(self) -> None:
        colour = QColorDialog.getColor(QColor(self._chosen.colour), self, "Colour of the class")
        if colour.isValid():
            self._change(colour=colour.name())

    def _change(self, name: str = "", colour: str = "") -> None:
        """Give the chosen class another name or colour."""
        classes, chosen = self._bench.classes, self._chosen
        names = {label.name: label.name for label in classes.labels}
        colours = classes.colours
        names[chosen.name] = name or chosen.name
        colours[chosen.name] = colour or chosen.colour
        self._use([names[n] for n in classes.names], {names[n]: c for n, c in colours.items()})

    def _on_add(self) -> None:
        classes = self._bench.classes
        number = len(classes)
        while (name := f"structure {number}") in classes.names:
            number += 1
        self._use([*classes.names, name], classes.colours)
        self.patches.paint_with(self._bench.classes.value(name))
        self.name.setFocus()
        self.name.selectAll()

    def _on_drop(self) -> None:
        *names, last = self._bench.classes.names
        colours = self._bench.classes.colours
        self.patches.paint_with(None)
        self._use(names, {name: colour for name, colour in colours.items() if name != last})

    def _use(self, names: list[str], colours: dict[str, str]) -> None:
        try:
            self._bench.use_classes(Classes(*names, colours=colours))
        except InputError as error:
            self._bench.report(error)
        self._show_chosen()

    def _on_renamed(self) -> None:
        self.offer_classes()
        self._on_picked()
        self._show_chosen()
        self._show_drop()

    def _show_chosen(self) -> None:
        self.name.setText(self._chosen.name)
        self.colour.setIcon(swatch(self._chosen.colour))

    def _show_drop(self) -> None:
        names, counts = self._bench.classes.names, self.patches.counts
        self.drop.setEnabled(len(names) > 2 and not counts.get(names[-1]))

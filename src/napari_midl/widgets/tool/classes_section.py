"""The classes: what they are called, their colours, and painting them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QLineEdit

from napari_midl.errors import InputError
from napari_midl.volumes.classes import UNLABELLED, Classes
from napari_midl.widgets.parts.section import button, swatch
from napari_midl.widgets.steps import Step
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
        self.undo.setToolTip("Take back the last stroke, or a patch or class that came or went")
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
        if not self._use([*classes.names, name], classes.colours):
            return
        self._remember([], added=True)
        self.patches.paint_with(self._bench.classes.value(name))
        self.name.setFocus()
        self.name.selectAll()

    def _on_drop(self) -> None:
        gone: list[Label] = []
        if self._take_away(gone):
            self._remember(gone, added=False)

    def _remember(self, gone: list[Label], *, added: bool) -> None:
        """Let a class that came, or went, be taken back in its turn among the strokes.

        So no stroke is taken back, or done again, while its value means nothing or another class.
        """
        there, away = partial(self._bring_back, gone), partial(self._take_away, gone)
        self.patches.strokes.steps.push(Step(away, there) if added else Step(there, away))
        self.patches.changed.emit()

    def _take_away(self, gone: list[Label]) -> bool:
        """Remove the last class, and keep what it was."""
        classes = self._bench.classes
        gone[:] = [classes.labels[len(classes) - 1]]
        self.patches.paint_with(None)
        colours = {name: c for name, c in classes.colours.items() if name != gone[0].name}
        return self._use(list(classes.names[:-1]), colours)

    def _bring_back(self, gone: list[Label]) -> None:
        """Have a class again that was removed, with the value that it had."""
        classes, (label,) = self._bench.classes, gone
        stayed = label in classes.labels  # it could not be removed
        came = label.value == len(classes) + 1 and self._use(
            [*classes.names, label.name], classes.colours | {label.name: label.colour}
        )
        if not stayed and not came:
            self.patches.strokes.clear()
            self.patches.changed.emit()
            self._bench.report(
                InputError(
                    f"{label.name} cannot come back, since another class has its place or its "
                    "name; what was painted before it was removed stays as it is."
                )
            )

    def _use(self, names: list[str], colours: dict[str, str]) -> bool:
        """Take other classes, or say why not; whether they are."""
        try:
            self._bench.use_classes(Classes(*names, colours=colours))
        except InputError as error:
            self._bench.report(error)
            self.patches.changed.emit()  # of a step that failed, Undo and Redo are others
        self._show_chosen()
        return list(self._bench.classes.names) == names

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

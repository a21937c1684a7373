"""What is learnt from: paint on images, and label layers that each know some of the classes."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.layers import Image, Labels
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QHeaderView,
    QMenu,
    QTableWidget,
    QTableWidgetItem,
    QToolButton,
)

from napari_midl.engine.examples import ALL, SEVERAL, ExamplesIn
from napari_midl.errors import InputError
from napari_midl.widgets.images import extra_axes
from napari_midl.widgets.layers import of_others
from napari_midl.widgets.parts.names import few_of, shortened
from napari_midl.widgets.parts.section import combo, note, offer, there
from napari_midl.widgets.tool.classes_bench import ClassesBench
from napari_midl.widgets.tool.label_maps import (
    classes_in,
    copied_to_memory,
    keeps_strokes,
    labelled,
    names_in,
)
from napari_midl.widgets.tool.section import ToolSection
from napari_midl.widgets.tool.source import Source

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.volumes.volume import Volume

ALL_CLASSES = "all classes"


class SourcesSection(ToolSection[ClassesBench[Any]]):
    """A row for each image with paint on it, and for each layer of labels in the viewer.

    Attributes
    ----------
    changed : Signal
        Something else is to be learnt from.
    """

    heading = "Learn from"

    changed = Signal()

    def __init__(self, bench: ClassesBench[Any]) -> None:
        super().__init__(bench)
        self.status = note("Paint of several images, and labels of other tools, teach one model")
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels(["Labels", "On", "Know"])
        self.table.setToolTip(
            "Tick what is to be learnt. A labels layer counts as a full map of the classes it "
            "knows: 0 is none of them, 1 the first, 2 the next; a class it does not know may be "
            "anywhere in its 0"
        )
        there(self.table.verticalHeader()).hide()
        there(self.table.horizontalHeader()).setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        # napari's themes draw no frame, and an empty box would not be seen.
        self.table.setStyleSheet("QTableView::indicator:unchecked { border: 1px solid #8a8d98 }")
        # Above what is told of it, so that no row moves while it is ticked.
        self.body.addWidget(self.table)
        self.body.addWidget(self.status)
        self.copy = self.action(
            "Copy to paint in",
            "Ticked labels that are read from a file bit by bit take no strokes: make a copy in "
            "memory, which does, and learn from that instead",
            self._on_copy,
        )
        self.body.addWidget(self.copy)
        self._layers: list[Any] = []
        self._ticked: dict[int, bool] = {}
        self._knows: dict[int, tuple[str, ...]] = {}
        self._before: dict[int, list[int]] = {}
        self._otherwise: dict[str, str] = {}
        self.table.itemChanged.connect(self._on_ticked)
        for signal in (bench.opened, bench.renamed, bench.layers_changed):
            signal.connect(self._list)
        bench.patches.changed.connect(self._tell)
        self._list()

    @property
    def sources(self) -> list[Source]:
        """What is ticked."""
        found: list[Source] = []
        for row, layer in enumerate(self._layers):
            if self._is_ticked(layer):
                if isinstance(layer, Image):
                    painted = self.bench.painted_on(layer).items()
                    found += [Source(layer, patches, time=time) for time, patches in painted]
                else:
                    found += self._of_labels(row, layer)
        return found

    @property
    def other(self) -> bool:
        """Whether something is ticked beside the paint on the open image at its time point."""
        ticked = [each for each in self._layers if self._is_ticked(each)]
        return any(each is not self.bench.image or self._before[id(each)] for each in ticked)

    def examples(self, folder: Path, together: bool) -> ExamplesIn:
        """What is ticked, of which a copy is kept so that it can be learnt again.

        Parameters
        ----------
        folder : Path
            Where the labels are kept, in the place of others.
        together : bool
            Whether all channels of a file are looked at.

        Raises
        ------
        InputError
            If nothing is labelled, labels do not fit, or two channels of a file are ticked.
        """
        bench, sources = self.bench, self.sources
        if not sources:
            raise InputError("nothing is labelled yet; paint a little of at least two classes.")
        shutil.rmtree(folder, ignore_errors=True)  # of a training that was cancelled
        opened: dict[tuple[str, int], dict[int, Volume]] = {}
        chosen: dict[str, tuple[int, ...]] = {}
        paths, labels = [], []
        for number, source in enumerate(sources, 1):
            labels.append(folder / f"{number} {source.image.name}".replace("/", "_"))
            source.write(labels[-1], bench.classes)
            channels = bench.channels_to_learn(source.image, together, source.time)
            path = next(iter(channels.values())).source or source.image.name
            paths.append(path)
            opened.setdefault((path, source.time), channels)
            if chosen.setdefault(path, tuple(channels)) != tuple(channels):
                raise InputError(
                    f"{source.image.name} and another channel of its file are both ticked under "
                    "Learn from; tick one of them, or all channels together."
                )
        looked_at = set(chosen.values())
        return ExamplesIn(
            tuple(paths),
            tuple(map(str, labels)),
            tuple(SEVERAL.join(source.knows) or ALL for source in sources),
            channels=looked_at.pop() if len(looked_at) == 1 else (),
            times=tuple(source.time for source in sources),
            opened={which: list(channels.values()) for which, channels in opened.items()},
        )

    def _of_labels(self, row: int, layer: Labels) -> list[Source]:
        """A layer as labels of the time point in view, or of each in which it holds something."""
        bench, knows = self.bench, self._known(layer)
        chosen = self.table.cellWidget(row, 1)
        image = chosen.currentData() if isinstance(chosen, QComboBox) else None
        if image is None:
            raise InputError(f"{layer.name} has no image beside it; open the image it belongs to.")
        time = bench.time if image is bench.image else 0
        found = labelled(layer, image, bench.classes, knows, time)
        return [Source(image, [patch], knows, point) for point, patch in found.items()]

    def _list(self) -> None:
        """A row for each; what was ticked stays."""
        bench = self.bench
        labels, images = of_others(bench.viewer, Labels), bench.images
        self._before = {id(each): bench.times_before(each) for each in images}
        otherwise = {each.name: bench.painted_otherwise(each) for each in images}
        self._otherwise = {name: ", ".join(c.names) for name, c in otherwise.items() if c}
        painted = [each for each in images if each is bench.image or self._before[id(each)]]
        self._layers = [*painted, *labels]
        self.table.blockSignals(True)
        for row in range(self.table.rowCount()):
            for column in (1, 2):
                there(self.table.cellWidget(row, column)).hide()  # it goes a little later
        self.table.setRowCount(len(self._layers))
        for row, layer in enumerate(self._layers):
            is_image = isinstance(layer, Image)
            item = QTableWidgetItem("paint" if is_image else str(layer.name))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsUserCheckable)
            ticked = self._is_ticked(layer)
            item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            self.table.setItem(row, 0, item)
            self.table.setCellWidget(row, 1, self._images(layer, images))
            self.table.setCellWidget(row, 2, self._classes(layer))
        self.table.blockSignals(False)
        header = there(self.table.horizontalHeader()).sizeHint().height()
        row_height = there(self.table.verticalHeader()).defaultSectionSize()
        self.table.setFixedHeight(header + row_height * min(len(self._layers), 5) + 6)
        self.table.setVisible(len(self._layers) > 1)
        self._tell()

    def _images(self, layer: Any, images: list[Image]) -> QComboBox:
        is_image = isinstance(layer, Image)
        made = combo("The image that these labels are of")
        there_are = [layer] if is_image else images
        old = self.table.cellWidget(self._layers.index(layer), 1)
        wanted = old.currentData() if isinstance(old, QComboBox) else None
        offer(made, {each: each.name for each in there_are}, wanted)
        made.setEnabled(len(there_are) > 1)
        made.currentIndexChanged.connect(lambda _: self._tell())
        return made

    def _classes(self, layer: Any) -> QToolButton:
        made = QToolButton()
        made.setToolTip("The classes that were looked for; others may be where nothing is labelled")
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        names = self.bench.classes.names[1:]
        knows = self._known(layer)
        made.setText(", ".join(knows) or ALL_CLASSES)
        made.setEnabled(isinstance(layer, Labels) and len(names) > 1)
        menu = QMenu(made)
        for name in names:
            action = there(menu.addAction(name))
            action.setCheckable(True)
            action.setChecked(name in (knows or names))
            action.toggled.connect(partial(self._on_known, layer, name, made))
        made.setMenu(menu)
        return made

    def _on_known(self, layer: Any, name: str, made: QToolButton, known: bool) -> None:
        names = self.bench.classes.names[1:]
        now = set(self._known(layer) or names) ^ {name}
        self._knows[id(layer)] = tuple(each for each in names if each in now)
        made.setText(", ".join(self._known(layer)) or ALL_CLASSES)
        self._tell()

    def _known(self, layer: Any) -> tuple[str, ...]:
        """The classes that a layer knows, as a person says or it names them; none for all."""
        names = self.bench.classes.names[1:]
        said = self._knows.get(id(layer))
        if said is None and isinstance(layer, Labels):
            said = tuple(classes_in(layer, names).values())
        knows = tuple(name for name in names if name in (said or ()))
        return () if len(knows) == len(names) else knows

    def _is_ticked(self, layer: Any) -> bool:
        """Paint is learnt unless a person says no, labels of others only if they say so."""
        return self._ticked.get(id(layer), isinstance(layer, Image))

    def _on_ticked(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self._ticked[id(self._layers[item.row()])] = item.checkState() == Qt.CheckState.Checked
            self._tell()

    def _tell(self) -> None:
        painted = [s for s in self._layers if isinstance(s, Image) and self._is_ticked(s)]
        labels = [s for s in self._layers if isinstance(s, Labels) and self._is_ticked(s)]
        parts = [
            f"what is painted on {shortened(each.name)}{self._at_times(each)}" for each in painted
        ]
        parts += [
            f"{shortened(each.name)} ({', '.join(self._known(each)) or ALL_CLASSES})"
            for each in labels
        ]
        *others, last = parts or [""]
        listed = f"{', '.join(others)} and {last}" if others else last
        said = [f"Learns {listed}." if parts else "Nothing is ticked."]
        said += [
            f"Not what is painted on {shortened(name)}: its classes are {names}, not those above."
            for name, names in self._otherwise.items()
        ]
        said += [
            f"{shortened(each.name)} names {strange}, no class above; add one of that name, or it "
            f"counts as {self.bench.classes.names[0]}."
            for each in labels
            if (strange := self._strange(each))
        ]
        fixed = self._taking_no_strokes
        if fixed:
            which = " and ".join(shortened(each.name) for each in fixed)
            said.append(
                f"Strokes in {which} are not kept: {self.copy.text()} makes a layer for it."
            )
        self.copy.setVisible(bool(fixed))
        self.status.setText(" ".join(said))
        self.changed.emit()

    def _strange(self, layer: Labels) -> str:
        """What a layer calls its values, and no class is called."""
        names, known = names_in(layer), classes_in(layer, self.bench.classes.names)
        return few_of(list(dict.fromkeys(n for value, n in names.items() if value not in known)))

    @property
    def _taking_no_strokes(self) -> list[Labels]:
        """The ticked layers in which a person paints in vain."""
        labels = [s for s in self._layers if isinstance(s, Labels) and self._is_ticked(s)]
        return [each for each in labels if not keeps_strokes(each)]

    def _on_copy(self) -> None:
        """Learn from copies in the place of those that take no strokes."""
        viewer = self.bench.viewer
        for layer in self._taking_no_strokes:
            made, old = copied_to_memory(layer), self.table.cellWidget(self._layers.index(layer), 1)
            self._ticked |= {id(layer): False, id(made): True}
            if id(layer) in self._knows:
                self._knows[id(made)] = self._knows[id(layer)]
            image = old.currentData() if isinstance(old, QComboBox) else None
            layer.visible = False
            viewer.add_layer(made)
            new = self.table.cellWidget(self._layers.index(made), 1)
            if isinstance(new, QComboBox):
                new.setCurrentIndex(new.findData(image))

    def _at_times(self, image: Image) -> str:
        """At which of several time points, in words; all of them teach, whichever is in view."""
        bench, times = self.bench, set(self._before[id(image)])
        if image is bench.image and bench.patches.names:
            times.add(bench.time)
        if not times or extra_axes(image).get("T", 1) == 1:
            return ""
        *others, last = map(str, sorted(times))
        many = "points" if others else "point"
        return f" at time {many} {', '.join(others)}{' and ' if others else ''}{last}"

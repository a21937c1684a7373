"""Landmarks from a file, whose names a person may have to match to those of the template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.checks import in_order
from napari_midl.methods.anatomy.naming import suggested
from napari_midl.volumes.landmarks import Landmarks, read_landmarks
from napari_midl.widgets.parts.section import note, there

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_midl.methods.anatomy.template import Template

_LEFT_OUT = "– leave out –"
_SIZE = (520, 560)


def open_landmarks(parent: QWidget, path: Path, template: Template) -> Landmarks | None:
    """The landmarks of a file as those of a template; None if a person cancels.

    Where the file names them otherwise, the person is shown which each name may be.

    Raises
    ------
    InputError
        If the file cannot be read, or none of its names is like one of the template.
    """
    landmarks = read_landmarks(path)
    try:
        return Landmarks(template.names, in_order(landmarks, template))
    except InputError as error:
        places = suggested(landmarks.names, template)
        if all(place is None for place in places):
            raise InputError(f"{path}: {error}") from None
    dialog = NamesDialog(parent, path.name, landmarks.names, template, places)
    if not dialog.exec():
        return None
    points = np.full((len(template.names), 3), np.nan)
    for point, place in zip(landmarks.points, dialog.places, strict=True):
        if place is not None:
            points[place] = point
    return Landmarks(template.names, points)


class NamesDialog(QDialog):
    """Asks which landmark each name of a file is; what is likely is filled in.

    Attributes
    ----------
    boxes : list of QComboBox
        One for each name, with the landmarks of the template.
    ok : QPushButton
        Greyed out while two names are the same landmark.
    """

    def __init__(
        self,
        parent: QWidget,
        file: str,
        names: Sequence[str],
        template: Template,
        places: Sequence[int | None],
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Names of the landmarks")
        self._names = template.names
        table = QTableWidget(len(names), 2)
        table.setHorizontalHeaderLabels([f"in {file}", f"landmark of the {template.name}"])
        there(table.verticalHeader()).hide()
        there(table.horizontalHeader()).setStretchLastSection(True)
        self.boxes: list[QComboBox] = []
        for row, (name, place) in enumerate(zip(names, places, strict=True)):
            box = QComboBox()
            box.addItem(_LEFT_OUT, None)
            for index, item in enumerate(template.landmarks):
                box.addItem(f"{item.number}. {item.name}", index)
            box.setCurrentIndex(0 if place is None else place + 1)
            box.currentIndexChanged.connect(self._check)
            table.setItem(row, 0, QTableWidgetItem(name))
            table.setCellWidget(row, 1, box)
            self.boxes.append(box)
        table.resizeColumnToContents(0)
        self.about = note("What is still to be said")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.ok = there(buttons.button(QDialogButtonBox.StandardButton.Ok))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        said = note()
        said.setText(
            f"This file names the landmarks of the {template.name} in its own way. Look whether "
            "each is matched rightly, and choose where none is."
        )
        for part in (said, table, self.about, buttons):
            layout.addWidget(part)
        self.resize(*_SIZE)
        self._check()

    @property
    def places(self) -> list[int | None]:
        """Which landmark of the template each name is; None where it is left out."""
        return [box.currentData() for box in self.boxes]

    def _check(self, index: int = 0) -> None:
        used = [place for place in self.places if place is not None]
        twice = [self._names[place] for place in sorted(set(used)) if used.count(place) > 1]
        self.ok.setEnabled(bool(used) and not twice)
        if twice:
            self.about.setText(f"Chosen twice: {', '.join(twice)}.")
        else:
            self.about.setText(f"{len(used)} of {len(self.boxes)} names are matched.")

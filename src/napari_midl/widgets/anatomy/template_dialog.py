"""A template of another bone, made of landmarks that were placed or opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_midl.errors import InputError
from napari_midl.methods.anatomy.new_template import new_template, partners
from napari_midl.widgets.parts.section import note, there

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from napari.layers import Points
    from numpy.typing import NDArray

    from napari_midl.methods.anatomy.template import Template

_SIZE = (560, 560)
_MIDLINE = "–"
# Columns in which the features of a Points layer may name its points.
_NAMED_BY = ("name", "landmark", "label")


def names_of(layer: Points) -> list[str]:
    """What the points of a layer are called; numbers where it does not say."""
    columns = {str(column).casefold(): column for column in layer.features.columns}
    for wanted in _NAMED_BY:
        if wanted in columns:
            return [str(value) for value in layer.features[columns[wanted]]]
    return [f"landmark {k + 1}" for k in range(len(layer.data))]


class TemplateDialog(QDialog):
    """Asks for the name of a bone, and what is to be said of each of its landmarks.

    Parameters
    ----------
    parent : QWidget
        Over which it opens.
    names : sequence of str
        Of the landmarks; they can be changed.
    picture : callable
        The view, as red, green and blue, if it is to be kept.

    Attributes
    ----------
    template : Template or None
        What was made, once the dialog was accepted.
    """

    def __init__(
        self, parent: QWidget, names: Sequence[str], picture: Callable[[], NDArray[np.uint8]]
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New template")
        self._picture = picture
        self.template: Template | None = None
        self.name, self.about = QLineEdit(), QLineEdit()
        self.name.setPlaceholderText("such as femur")
        self.about.setPlaceholderText("one line on what it is")
        self.view = QCheckBox("Keep a picture of the view, to show where the landmarks lie")
        self.view.setChecked(True)
        self.table = QTableWidget(len(names), 3)
        self.table.setHorizontalHeaderLabels(["landmark", "on the other side", "where it lies"])
        there(self.table.horizontalHeader()).setStretchLastSection(True)
        there(self.table.verticalHeader()).hide()
        self.boxes: list[QComboBox] = []
        for row, name in enumerate(names):
            self.table.setItem(row, 0, QTableWidgetItem(name))
            self.table.setItem(row, 2, QTableWidgetItem(""))
            box = QComboBox()
            self.table.setCellWidget(row, 1, box)
            self.boxes.append(box)
        self._fill(partners(names))
        self.table.setColumnWidth(0, 170)
        self.table.setColumnWidth(1, 170)
        self.table.itemChanged.connect(self._on_item)
        self.fault = note("What is still to be corrected")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow("Bone", self.name)
        form.addRow("Description", self.about)
        layout = QVBoxLayout(self)
        said = note()
        said.setText(
            "A template says which landmarks a bone has. Name them, say which is the same on the "
            "other side, and where each is to be placed."
        )
        layout.addWidget(said)
        layout.addLayout(form)
        for part in (self.table, self.view, self.fault, buttons):
            layout.addWidget(part)
        self.resize(*_SIZE)

    @property
    def names(self) -> list[str]:
        """The landmarks as they are called now."""
        return self._column(0)

    def accept(self) -> None:
        """Make the template, or say what is wrong."""
        mirrors = [box.currentText() if box.currentIndex() > 0 else "" for box in self.boxes]
        view = self._picture() if self.view.isChecked() else None
        try:
            self.template = new_template(
                self.name.text(), self.about.text(), self.names, mirrors, self._column(2), view
            )
        except InputError as error:
            self.fault.setText(str(error))
            return
        super().accept()

    def _column(self, column: int) -> list[str]:
        items = [self.table.item(row, column) for row in range(self.table.rowCount())]
        return [item.text().strip() if item is not None else "" for item in items]

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self._fill(partners(self.names))

    def _fill(self, mirrors: Sequence[str]) -> None:
        names = self.names
        for box, own, mirror in zip(self.boxes, names, mirrors, strict=True):
            box.clear()
            box.addItems([_MIDLINE, *(name for name in names if name != own)])
            box.setCurrentText(mirror or _MIDLINE)

"""Choosing a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_midl.engine.models import read_card
from napari_midl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BASE = {"base (shipped)": "base"}


class ModelPicker(QWidget):
    """Models that have a name, those made here, or a file.

    Parameters
    ----------
    tool : str
        Files of other tools are refused.
    on_error : callable
        Called with the `InputError` of a file that is refused.
    tooltip : str
        What the model is for.
    named : mapping of str to str
        Names that stand for models, by the words that are shown for them.

    Attributes
    ----------
    changed : Signal
        Another model was chosen.
    """

    changed = Signal()

    def __init__(
        self,
        tool: str,
        on_error: Callable[[Exception], object],
        tooltip: str,
        named: Mapping[str, str] = BASE,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tool, self._on_error = tool, on_error
        self.combo = QComboBox()
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.combo.setMinimumContentsLength(12)
        self.combo.setToolTip(tooltip)
        for words, name in named.items():
            self.combo.addItem(words, name)
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.open = QPushButton("Open…")
        self.open.setToolTip("Choose a model file (.safetensors)")
        self.open.clicked.connect(self._on_open)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.open)

    @property
    def choice(self) -> str | Path:
        """A name, or the path of a model."""
        return self.combo.currentData()

    @choice.setter
    def choice(self, wanted: str | Path) -> None:
        for index in range(self.combo.count()):
            if self.combo.itemData(index) == wanted:
                self.combo.setCurrentIndex(index)
                return
        raise ValueError(f"{wanted} is not in the list")

    def __contains__(self, path: Path) -> bool:
        return any(self.combo.itemData(i) == path for i in range(self.combo.count()))

    def add(self, path: Path) -> None:
        """Put a model file into the list and choose it.

        Raises
        ------
        InputError
            If it is no model of this tool.
        """
        card = read_card(path)
        if card.get("tool") != self._tool:
            raise InputError(
                f"{path} is a model of the tool {card.get('tool')!r}, not of {self._tool!r}; "
                f"choose a {self._tool} model."
            )
        if path not in self:
            self.combo.addItem(path.stem, path)
            tip = f"{card.get('name', '')}\n{path}"
            self.combo.setItemData(self.combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.choice = path

    def _on_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a model", "", "Models (*.safetensors);;All files (*)"
        )
        if not path:
            return
        try:
            self.add(Path(path))
        except InputError as error:
            self._on_error(error)

"""Choosing a model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QWidget
from superqt.utils import signals_blocked

from napari_midl.engine.model_words import in_words, score_of
from napari_midl.engine.models import SUFFIX, read_card
from napari_midl.engine.verdict import is_start_again
from napari_midl.errors import InputError
from napari_midl.widgets.parts.section import button, combo
from napari_midl.widgets.tool.dialogs import ask_open

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

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
    shelf : QPushButton
        Hidden, for whoever has a shelf to open.
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
        self.tool, self._on_error = tool, on_error
        self._scores: dict[Path, tuple[str, float, str]] = {}
        self._home: Path | None = None
        self._rejected: Collection[Path] = ()
        self.combo = combo(tooltip, {name: words for words, name in named.items()})
        self.combo.setMinimumContentsLength(12)
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.open = button("Open…", "Choose a model file (.safetensors)", self._on_open)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.open)
        self.shelf = button(
            "Shelf…", "All models: scores, parents, import and export, two compared", lambda: None
        )
        self.shelf.setParent(self)  # else it would be a window for a moment, once it is shown
        self.shelf.hide()  # for whoever has one to open, and a place for it

    @property
    def choice(self) -> str | Path:
        """A name, or the path of a model."""
        chosen: str | Path = self.combo.currentData()
        return chosen

    @choice.setter
    def choice(self, wanted: str | Path) -> None:
        for index in range(self.combo.count()):
            if self.combo.itemData(index) == wanted:
                self.combo.setCurrentIndex(index)
                return
        raise ValueError(f"{wanted} is not in the list")

    @property
    def choices(self) -> list[str | Path]:
        """All that can be chosen."""
        return [self.combo.itemData(index) for index in range(self.combo.count())]

    @property
    def name(self) -> str:
        """What the chosen model is called."""
        chosen = self.choice
        return self.combo.currentText() if isinstance(chosen, str) else chosen.stem

    def __contains__(self, choice: object) -> bool:
        return choice in self.choices

    def add(self, path: Path) -> None:
        """Put a model file into the list and choose it.

        Raises
        ------
        InputError
            If it is no model of this tool.
        """
        card = read_card(path)
        if card.get("tool") != self.tool:
            raise InputError(
                f"{path} is a model of the tool {card.get('tool')!r}, not of {self.tool!r}; "
                "choose one of that."
            )
        if path not in self:
            self.combo.addItem(path.stem, path)
            tip = f"{card.get('name', '')}\n{path}"
            self.combo.setItemData(self.combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            self._scores[path] = score_of(card)
            self._tell()
        self.choice = path

    def tell(self, home: Path | None, rejected: Collection[Path]) -> None:
        """Say of each model when it was made, its score, and of which image that is.

        Parameters
        ----------
        home : Path or None
            Folder of the models of the image that is open; of others their image is named.
        rejected : collection of Path
            Models that are to be marked.
        """
        self._home, self._rejected = home, rejected
        self._tell()

    def _tell(self) -> None:
        for index, choice in enumerate(self.choices):
            if isinstance(choice, Path):
                words = in_words(self._scores[choice], choice, choice.parent == self._home)
                marked = "rolled back: " if choice in self._rejected else ""
                self.combo.setItemText(index, marked + words)

    def list_folder(self, folder: Path, stem: str = "") -> list[Path]:
        """Put the models of a folder into the list, and choose none of them.

        Parameters
        ----------
        folder : Path
            Need not exist; a file that is refused is reported.
        stem : str
            What their names begin with.

        Returns
        -------
        list of Path
            Those that were not in the list before, the newest last. Those that a fine-tuning left
            as their start was are left out.
        """
        found = [path for path in folder.glob(f"{stem}*{SUFFIX}") if path not in self]
        found = [path for path in found if not _is_start_again(path)]
        with signals_blocked(self.combo):
            chosen = self.choice
            new = [p for p in sorted(found, key=lambda p: p.stat().st_mtime) if self.try_add(p)]
            self.choice = chosen
        return new

    def try_add(self, path: Path) -> bool:
        """Add a model, or report why not."""
        try:
            self.add(path)
        except InputError as error:
            self._on_error(error)
            return False
        return True

    def _on_open(self) -> None:
        path = ask_open(self, "Open a model", f"Models (*{SUFFIX});;All files (*)")
        if path is not None:
            self.try_add(path)


def _is_start_again(path: Path) -> bool:
    with suppress(InputError):
        return is_start_again(read_card(path))
    return False

"""Asking for files: with the right ending, and never over a file that nobody was asked about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QWidget


def ask_open(parent: QWidget, caption: str, kinds: str, start: Path | str = "") -> Path | None:
    """An existing file that a person chooses, or None.

    Parameters
    ----------
    parent : QWidget
        Over which the dialog opens.
    caption : str
        Its title.
    kinds : str
        Qt's filter, such as ``Traces (*.swc *.csv)``.
    start : Path or str
        Folder, or file, at which it begins.
    """
    text, _ = QFileDialog.getOpenFileName(parent, caption, str(start), kinds)
    return Path(text) if text else None


def ask_open_many(parent: QWidget, caption: str, kinds: str) -> list[Path]:
    """Existing files that a person chooses; none if that is cancelled. As for `ask_open`."""
    texts, _ = QFileDialog.getOpenFileNames(parent, caption, "", kinds)
    return [Path(text) for text in texts]


def ask_folder(parent: QWidget, caption: str) -> Path | None:
    """An existing folder that a person chooses, or None."""
    text = QFileDialog.getExistingDirectory(parent, caption)
    return Path(text) if text else None


def ask_save(
    parent: QWidget, caption: str, start: Path, kinds: str, endings: Mapping[str, str] | None = None
) -> Path | None:
    """Where a person wants to save, or None.

    A name without an ending gets one; Qt has asked only about the name as it was typed, so the
    person is asked again if a file of the full name is there.

    Parameters
    ----------
    parent, caption, kinds
        As for `ask_open`.
    start : Path
        The name that is proposed; its ending is that of names without one.
    endings : mapping of str to str, optional
        Ending by the first word of the chosen kind, where there are several.
    """
    text, kind = QFileDialog.getSaveFileName(parent, caption, str(start), kinds)
    if not text:
        return None
    path, (word, *_) = Path(text), (kind or " ").split(" ")
    if path.suffix:
        return path
    ending = (endings or {}).get(word, "".join(start.suffixes[-1:]))
    path = path.with_name(path.name + ending)
    replaced = not path.exists() or ask_yes(parent, caption, f"{path.name} exists. Replace it?")
    return path if replaced else None


def ask_yes(parent: QWidget, caption: str, question: str) -> bool:
    """Whether a person says yes; no is what Return answers."""
    yes, no = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.No
    return QMessageBox.question(parent, caption, question, yes | no, no) == yes


def ask_one_of(parent: QWidget, caption: str, question: str, answers: Sequence[str]) -> str | None:
    """Which of some answers a person gives, the first being what Return gives; None for none."""
    box = QMessageBox(QMessageBox.Icon.Question, caption, question, parent=parent)
    buttons = {box.addButton(a, QMessageBox.ButtonRole.AcceptRole): a for a in answers}
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(next(iter(buttons)))
    box.exec()
    clicked = box.clickedButton()
    return next((answer for made, answer in buttons.items() if made is clicked), None)

"""A path that is shown and can be changed."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QWidget

from napari_midl.widgets.parts.section import button


class PathPicker(QWidget):
    """A line with a path and a button to browse.

    Parameters
    ----------
    caption : str
        Title of the file dialog.
    folder : bool
        Choose an existing folder rather than name a new file.
    kinds : str
        Choose an existing file of these kinds.

    Attributes
    ----------
    changed : Signal
        The person chose another path.
    """

    changed = Signal()

    def __init__(self, caption: str, tooltip: str, folder: bool = False, kinds: str = "") -> None:
        super().__init__()
        self._caption, self._folder, self._kinds = caption, folder, kinds
        self.line = QLineEdit()
        self.line.setToolTip(tooltip)
        self.line.editingFinished.connect(self._on_edited)
        self.browse = button("…", caption, self._on_browse)
        self.browse.setFixedWidth(28)
        self._last = ""
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.addWidget(self.line, 1)
        self.row.addWidget(self.browse)

    @property
    def path(self) -> Path | None:
        """The path, or None while the line is empty."""
        text = self.line.text().strip()
        return Path(text).expanduser() if text else None

    @path.setter
    def path(self, path: Path | None) -> None:
        self._last = str(path or "")
        self.line.setText(self._last)

    def _on_edited(self) -> None:
        # Qt also reports an editing as finished when the line merely loses the focus.
        if self.line.text() != self._last:
            self._last = self.line.text()
            self.changed.emit()

    def _on_browse(self) -> None:
        before = self.line.text()
        if self._kinds:
            text, _ = QFileDialog.getOpenFileName(self, self._caption, before, self._kinds)
        elif self._folder:
            text = QFileDialog.getExistingDirectory(self, self._caption, before)
        else:
            text, _ = QFileDialog.getSaveFileName(self, self._caption, before)
        if text:
            self.line.setText(text)
            self._on_edited()

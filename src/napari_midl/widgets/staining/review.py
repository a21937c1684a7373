"""Reviewing a stain field by field, most doubtful first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QImage, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QFileDialog, QInputDialog, QListView, QListWidget, QListWidgetItem

from napari_midl.engine.ports import FolderOut
from napari_midl.errors import InputError
from napari_midl.methods.staining.operations import ExportReview
from napari_midl.methods.staining.ports import StainIn
from napari_midl.methods.staining.review import Field, find_fields, review_path, write_review
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.project import free_name

if TYPE_CHECKING:
    import numpy as np

    from napari_midl.widgets.staining.workbench import Workbench

ACCEPTED, REJECTED = "accepted", "rejected"
_COLOURS = {"": "#8f98a6", ACCEPTED: "#2a8f4f", REJECTED: "#c0392b"}
_ICON = 84


class ReviewSection(Section):
    """A grid of fields; A accepts, R rejects, C comments, and each decision is kept at once."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Review")
        self._bench = bench
        self._fields: list[tuple[Field, np.ndarray]] = []
        self._path: Path | None = None
        self.begin = button(
            "Review", "Cut the stain that is shown into fields, most doubtful first", self._on_begin
        )
        self.export = button(
            "Export…", "Write the table (CSV) and a page with thumbnails (HTML)", self._on_export
        )
        self.grid = _Grid(self)
        self.accept = button("Accept (A)", "This field is good; goes on to the next", self.accepted)
        self.reject = button(
            "Reject (R)", "This field is wrong; goes on to the next", self.rejected
        )
        self.comment = button("Comment (C)", "Say something of this field", self.commented)
        self.status = note("How far the review has come")
        self.row(self.begin, self.export)
        self.body.addWidget(self.grid)
        self.row(self.accept, self.reject, self.comment)
        self.body.addWidget(self.status)
        self.grid.currentRowChanged.connect(self._on_row)
        bench.changed.connect(self._on_changed)
        self._on_changed()

    def accepted(self) -> None:
        """Accept the current field and go on."""
        self._decide(verdict=ACCEPTED)
        self._next()

    def rejected(self) -> None:
        """Reject the current field and go on."""
        self._decide(verdict=REJECTED)
        self._next()

    def commented(self) -> None:
        """Ask for a comment on the current field."""
        row = self.grid.currentRow()
        if row < 0:
            return
        words, given = QInputDialog.getText(
            self, "Comment", "What is to say of this field?", text=self._fields[row][0].comment
        )
        if given:
            self._decide(comment=" ".join(words.split()))

    def _on_begin(self) -> None:
        stain = self._bench.stain
        assert stain is not None
        path = stain.path
        self._bench.start("Review", find_fields(path), lambda found: self._fill(path, found))

    def _fill(self, path: Path, found: list[tuple[Field, np.ndarray]]) -> None:
        self._path, self._fields = path, found
        self.grid.clear()
        for field, thumbnail in found:
            self.grid.addItem(QListWidgetItem(_icon(field, thumbnail), _words(field)))
        undecided = [i for i, (field, _) in enumerate(found) if not field.verdict]
        if found:
            self.grid.setCurrentRow(undecided[0] if undecided else 0)
            self.grid.setFocus()
        else:
            show_info(f"{path.name} is white everywhere: there is no field to review.")
        self._on_changed()

    def _decide(self, **changes: str) -> None:
        row = self.grid.currentRow()
        if row < 0 or self._path is None:
            return
        field, thumbnail = self._fields[row]
        decided = replace(field, **changes)
        fields = [decided if i == row else f for i, (f, _) in enumerate(self._fields)]
        try:
            write_review(fields, review_path(self._path))
        except InputError as error:
            self._bench.report(error)
            return
        self._fields[row] = (decided, thumbnail)
        self.grid.item(row).setIcon(_icon(decided, thumbnail))
        self.grid.item(row).setText(_words(decided))
        self._on_changed()

    def _next(self) -> None:
        """Go to the next field that is not decided."""
        row, count = self.grid.currentRow(), len(self._fields)
        for step in range(1, count):
            if not self._fields[(row + step) % count][0].verdict:
                self.grid.setCurrentRow((row + step) % count)
                return

    def _on_row(self, row: int) -> None:
        image = self._bench.image
        if image is not None and 0 <= row < len(self._fields):
            field = self._fields[row][0]
            fly_to(self._bench.viewer, image, (field.y, field.x), (field.height, field.width))
        self._on_changed()

    def _on_export(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder for the review")
        if not chosen or self._path is None:
            return
        stem = f"{self._path.name.split('.')[0]} review"
        folder = Path(chosen) / stem
        folder = free_name(folder.parent, stem, "") if folder.exists() else folder
        operation = ExportReview(stain=StainIn(self._path), out=FolderOut(folder))
        self._bench.start(
            "Export", operation.perform(), lambda _: show_info(f"Wrote {folder / 'index.html'}")
        )

    def _on_changed(self) -> None:
        stain = self._bench.stain
        if self._path is not None and (stain is None or stain.path != self._path):
            self._path, self._fields = None, []
            self.grid.clear()
        self.begin.setEnabled(self._bench.idle and stain is not None)
        has = bool(self._fields)
        for widget in (self.grid, self.accept, self.reject, self.comment):
            widget.setVisible(has)
        self.export.setEnabled(has and self._bench.idle)
        decided = [field.verdict for field, _ in self._fields if field.verdict]
        self.status.setText(
            f"{len(decided)} of {len(self._fields)} fields reviewed, "
            f"{decided.count(REJECTED)} rejected."
            if has
            else "Stain the mosaic, or show a stain, then review it."
        )


class _Grid(QListWidget):
    """Thumbnails beside each other; the keys decide."""

    def __init__(self, section: ReviewSection) -> None:
        super().__init__()
        self._section = section
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setIconSize(QSize(_ICON, _ICON))
        self.setGridSize(QSize(_ICON + 12, _ICON + 26))
        self.setFixedHeight(2 * (_ICON + 26) + 8)
        self.setToolTip("Click a field to fly there; A accepts, R rejects, C comments")

    def keyPressEvent(self, event: Any) -> None:
        """Qt's hook: single keys decide, all others move as usual."""
        section = self._section
        keys = {
            Qt.Key.Key_A: section.accepted,
            Qt.Key.Key_R: section.rejected,
            Qt.Key.Key_C: section.commented,
        }
        if event.key() in keys and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            keys[event.key()]()
        else:
            super().keyPressEvent(event)


def _words(field: Field) -> str:
    mark = {"": "", ACCEPTED: "✓ ", REJECTED: "✗ "}[field.verdict]
    return f"{mark}{field.doubt:.2f}{' …' if field.comment else ''}"


def _icon(field: Field, thumbnail: np.ndarray) -> QIcon:
    """The thumbnail in a frame that tells the verdict."""
    import numpy as np

    pixels = np.ascontiguousarray(thumbnail)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    pixmap = QPixmap.fromImage(image.copy()).scaled(_ICON, _ICON)
    painter = QPainter(pixmap)
    painter.setPen(QPen(QColor(_COLOURS[field.verdict]), 6))
    painter.drawRect(pixmap.rect())
    painter.end()
    return QIcon(pixmap)

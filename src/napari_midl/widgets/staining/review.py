"""Reviewing a stain field by field, most doubtful first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog

from napari_midl.engine.outputs import FolderOut
from napari_midl.engine.project import free_name
from napari_midl.methods.staining.operations import ExportReview
from napari_midl.methods.staining.ports import StainIn
from napari_midl.methods.staining.review import Field, find_fields, review_path, write_review
from napari_midl.widgets.parts import thumbnail
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.parts.thumbnail import framed
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.tool.dialogs import ask_folder
from napari_midl.widgets.tool.review_section import Place, ReviewSection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from qtpy.QtGui import QIcon

ACCEPTED, REJECTED = "accepted", "rejected"
_COLOURS = {
    "": thumbnail.OPEN,
    ACCEPTED: thumbnail.ACCEPTED,
    REJECTED: thumbnail.REJECTED,
}
_MARKS = {"": "", ACCEPTED: "✓ ", REJECTED: "✗ "}

Shown = tuple[Field, "np.ndarray"]


class FieldReviewSection(ReviewSection[StainingBench, Shown]):
    """A grid of fields; A accepts, R rejects, C comments, and each decision is kept at once."""

    heading = "Review"
    tip = "Click a field to fly there; A accepts, R rejects, C comments"
    list_height = 2 * thumbnail.GRID_ROW + 8
    icon_side = thumbnail.SIDE

    def arrange(self) -> None:
        """Begin and export above the grid, decisions below it."""
        bench = self.bench
        self._path: Path | None = None
        self.begin = self.action(
            "Review",
            "Cut the stain that is shown into fields, most doubtful first",
            self._on_begin,
            lambda: bench.idle and bench.shown is not None,
            bench.result,
        )
        self.export = self.action(
            "Export…", "Write the table (CSV) and a page with thumbnails (HTML)", self._on_export
        )
        self.accept = self.action(
            "Accept (A)", "This field is good; goes on to the next", self.accepted
        )
        self.reject = self.action(
            "Reject (R)", "This field is wrong; goes on to the next", self.rejected
        )
        self.comment = self.action("Comment (C)", "Say something of this field", self.commented)
        self.status = note("How far the review has come")
        self.list.decisions = {
            Qt.Key.Key_A: self.accepted,
            Qt.Key.Key_R: self.rejected,
            Qt.Key.Key_C: self.commented,
        }
        self.row(self.begin, self.export)
        self.body.addWidget(self.list)
        self.row(self.accept, self.reject, self.comment)
        self.body.addWidget(self.status)
        bench.result.connect(self._on_result)
        bench.job.connect(self.shown)

    def place(self, item: Shown) -> Place:
        """How doubtful it is, and what was decided."""
        field = item[0]
        more = " …" if field.comment else ""
        words = f"{_MARKS[field.verdict]}{field.doubt:.2f}{more}"
        size = (field.height, field.width)
        return Place(words, (field.y, field.x), size, field.verdict, field.comment)

    def icon(self, item: Shown) -> QIcon:
        """The thumbnail in a frame that tells the verdict."""
        return framed(item[1], _COLOURS[item[0].verdict])

    def keep(self, items: list[Shown]) -> None:
        """Beside the stain."""
        assert self._path is not None
        write_review([field for field, _ in items], review_path(self._path))

    def shown(self) -> None:
        """How far the review has come."""
        for widget in (self.accept, self.reject, self.comment):
            widget.setVisible(bool(self.items))
        self.export.setEnabled(bool(self.items) and self.bench.idle)
        decided = [field.verdict for field, _ in self.items if field.verdict]
        self.status.setText(
            f"{len(decided)} of {len(self.items)} fields reviewed, "
            f"{decided.count(REJECTED)} rejected."
            if self.items
            else "Stain the mosaic, or show a stain, then review it."
        )

    def accepted(self) -> None:
        """Accept the current field and go on."""
        self._decide(lambda field: replace(field, verdict=ACCEPTED))
        self.go_to_next()

    def rejected(self) -> None:
        """Reject the current field and go on."""
        self._decide(lambda field: replace(field, verdict=REJECTED))
        self.go_to_next()

    def commented(self) -> None:
        """Ask for a comment on the current field."""
        if self.current is None:
            return
        words, given = QInputDialog.getText(
            self, "Comment", "What is to say of this field?", text=self.current[0].comment
        )
        if given:
            comment = " ".join(words.split())
            self._decide(lambda field: replace(field, comment=comment))

    def _decide(self, decided: Callable[[Field], Field]) -> None:
        if self.current is not None:
            field, thumbnail = self.current
            self.change((decided(field), thumbnail))

    def _on_begin(self) -> None:
        assert self.bench.shown is not None
        path = self.bench.shown.path
        self.bench.start("Review", find_fields(path), lambda found: self._on_found(path, found))

    def _on_found(self, path: Path, found: list[Shown]) -> None:
        self._path = path
        self.fill(found)
        if not found:
            show_info(f"{path.name} is white everywhere: there is no field to review.")
            return
        self.list.setCurrentRow(0)
        if found[0][0].verdict:
            self.go_to_next()
        self.list.setFocus()

    def _on_result(self) -> None:
        """The fields of one stain are not those of another."""
        shown = self.bench.shown
        if self._path is not None and (shown is None or shown.path != self._path):
            self._path = None
            self.fill([])

    def _on_export(self) -> None:
        folder = ask_folder(self, "Choose a folder for the review")
        if folder is None or self._path is None:
            return
        stem = f"{self._path.name.split('.')[0]} review"
        target = folder / stem if not (folder / stem).exists() else free_name(folder, stem, "")
        operation = ExportReview(stain=StainIn(self._path), out=FolderOut(target))
        self.write("Export", operation, target / "index.html")

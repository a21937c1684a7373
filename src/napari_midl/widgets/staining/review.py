"""Reviewing a stain field by field, most doubtful first, and saving it for other programs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QInputDialog

from napari_midl.engine.journal import is_unfinished
from napari_midl.engine.outputs import FolderOut
from napari_midl.engine.project import free_name
from napari_midl.errors import InputError
from napari_midl.methods.staining.operations import Export, ExportReview
from napari_midl.methods.staining.ports import SlideOut, StainIn
from napari_midl.methods.staining.review import Field, find_fields, review_path, write_review
from napari_midl.volumes.boxes import written
from napari_midl.volumes.own_files import OwnFiles
from napari_midl.widgets.looking import drawn_box, field_in_view
from napari_midl.widgets.parts import thumbnail
from napari_midl.widgets.parts.colour_bar import ColourBar
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.parts.thumbnail import framed
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.staining.export import DRAWN, GROUPS, PAGE, VIEW, Kind
from napari_midl.widgets.staining.field_frame import FieldFrame
from napari_midl.widgets.staining.layers import DOUBT_COLOURS
from napari_midl.widgets.steps import Step, Steps
from napari_midl.widgets.tool.dialogs import ask_folder, ask_save
from napari_midl.widgets.tool.export import ExportButton
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
_FRAMES = _COLOURS | {"": "#1f6feb"}  # gray is lost on a slide
_DOUBT = (
    "Mean over the field of how far the stain is not to be trusted: the larger of what is lost "
    "on the way back to the channels and what another stain shows there. 0 is sure. Shown on the "
    "image by the layer \u201cdo not trust\u201d"
)
_MARKS = {"": "", ACCEPTED: "✓ ", REJECTED: "✗ "}

Shown = tuple[Field, "np.ndarray"]


class FieldReviewSection(ReviewSection[StainingBench, Shown]):
    """A grid of fields; A accepts, R rejects, C comments, and each decision is kept at once."""

    heading = "Review and export"
    tip = "Click a field to fly there; A accepts, R rejects, C comments"
    list_height = 2 * thumbnail.GRID_ROW + 8
    icon_side = thumbnail.SIDE

    def arrange(self) -> None:
        """Begin and export above the grid, what the numbers mean and decisions below it."""
        bench = self.bench
        self._path: Path | None = None
        self._own = OwnFiles(bench.report)
        self.begin = self.action(
            "Review",
            "Cut the stain that is shown into fields, most doubtful first",
            self._on_begin,
            lambda: bench.idle and self._whole,
            bench.result,
        )
        tip = "Save the slide, a picture or the review for another program"
        self.export = ExportButton(GROUPS, self._on_export, tip)
        self.frame = FieldFrame(bench.viewer)
        self.scale = ColourBar()
        self.accept = self.action(
            "Accept (A)", "This field is good; goes on to the next", self.accepted
        )
        self.reject = self.action(
            "Reject (R)", "This field is wrong; goes on to the next", self.rejected
        )
        self.comment = self.action("Comment (C)", "Say something of this field", self.commented)
        self._steps = Steps()
        self.undo = self.action(
            "Undo", "Take the last decision or comment back, and go there", self._steps.undo
        )
        self.status = note("How far the review has come")
        self.list.decisions = {
            Qt.Key.Key_A: self.accepted,
            Qt.Key.Key_R: self.rejected,
            Qt.Key.Key_C: self.commented,
        }
        self.row(self.begin, self.export)
        self.body.addWidget(self.list)
        self.body.addWidget(self.scale)
        self.row(self.accept, self.reject, self.comment, self.undo)
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
        path = review_path(self._path)
        self._own.make_way(path)
        write_review([field for field, _ in items], path)
        self._own.saw(path)

    def shown(self) -> None:
        """How far the review has come."""
        for widget in (self.accept, self.reject, self.comment, self.undo):
            widget.setVisible(bool(self.items))
        self.undo.setEnabled(self._steps.can_undo)
        self.export.offer(self._why_not)
        self._show_scale()
        self._show_frame()
        self.status.setText(self._standing())

    def _standing(self) -> str:
        """How far the review has come, or what to do first."""
        if self.items:
            decided = [field.verdict for field, _ in self.items if field.verdict]
            return (
                f"{len(decided)} of {len(self.items)} fields reviewed, "
                f"{decided.count(REJECTED)} rejected."
            )
        if self.bench.shown is None:
            return "Stain the mosaic, or show a stain, then review it."
        if not self._whole:
            return "This stain is not whole yet: let it end, or Resume it, then review it."
        return "Press Review to go through its fields, most doubtful first."

    @property
    def _whole(self) -> bool:
        """Whether a stain is shown that was not stopped: a field is judged once it is all there."""
        shown = self.bench.shown
        return shown is not None and not is_unfinished(shown.path)

    def _show_scale(self) -> None:
        """What the number of a field means, and how far it goes in this stain."""
        doubts = [field.doubt for field, _ in self.items]
        if not any(doubts):
            self.scale.hide()
            return
        self.scale.show_range("doubt", DOUBT_COLOURS, 0, 1, "")
        self.scale.high.setText(f"1   (here {min(doubts):.2f} to {max(doubts):.2f})")
        self.scale.setToolTip(_DOUBT)

    def _show_frame(self) -> None:
        image, current = self.bench.image, self.current
        if image is None or current is None or self.bench.ended:
            self.frame.clear()
        else:
            self.frame.show(image, current[0], _FRAMES[current[0].verdict])

    def shut_down(self) -> None:
        """The frame is of no use without the list."""
        self.frame.clear()

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
            self, "Comment", "Your comment on this field:", text=self.current[0].comment
        )
        if given:
            comment = " ".join(words.split())
            self._decide(lambda field: replace(field, comment=comment))

    def _decide(self, decided: Callable[[Field], Field]) -> None:
        row, before = self.row_shown, self.current
        if before is None:
            return
        field, thumbnail = before
        if self.change((decided(field), thumbnail)):
            self._steps.push(Step(lambda: self._take_back(row, before)))
            self.undo.setEnabled(True)

    def _take_back(self, row: int, before: Shown) -> None:
        self.list.setCurrentRow(row)
        self.change(before)

    def _on_begin(self) -> None:
        assert self.bench.shown is not None
        path = self.bench.shown.path
        self._own.saw(review_path(path))
        self.bench.start("Review", find_fields(path), lambda found: self._on_found(path, found))

    def _on_found(self, path: Path, found: list[Shown]) -> None:
        self._path = path
        self._steps.clear()
        self.fill(found)
        if not found:
            show_info(f"{path.name} is white everywhere: there is no field to review.")
            return
        self.list.setCurrentRow(0)
        if found[0][0].verdict:
            self.go_to_next()
        self.list.setFocus()
        self.bring_into_sight(self.status)  # what decides lies below the pictures

    def _on_result(self) -> None:
        """The fields of one stain are not those of another."""
        shown = self.bench.shown
        if self._path is not None and (shown is None or shown.path != self._path):
            self._path = None
            self._steps.clear()
            self.fill([])
        self.export.offer(self._why_not)
        self.status.setText(self._standing())

    def _why_not(self, kind: Kind) -> str:
        """Why something cannot be exported; empty where it can."""
        if not self.bench.idle:
            return "Wait for the job that runs"
        if kind.of_review:
            return "" if self.items else "Press Review first"
        return "" if self.bench.shown is not None else "Show a stain first"

    def _on_export(self, kind: Kind) -> None:
        if kind is PAGE:
            self._export_page()
            return
        bench = self.bench
        assert bench.shown is not None
        try:
            box = self._box(kind)
        except InputError as error:
            bench.report(error)
            return
        start = bench.opened_folder / f"{bench.shown.path.name.split('.')[0]}{kind.ending}"
        endings = {kind.filter.split(" ")[0]: kind.ending}
        path = ask_save(self, "Export", start, kind.filter, endings)
        if path is not None:
            stain, out = StainIn(bench.shown.path), SlideOut(path, replace=True)
            operation = Export(stain=stain, out=out, box=box, compression=kind.compression)
            self.write("Export", operation)

    def _box(self, kind: Kind) -> str:
        find = {VIEW: field_in_view, DRAWN: drawn_box}.get(kind)
        return written(find(self.bench.viewer, self.bench.opened_image)) if find else ""

    def _export_page(self) -> None:
        folder = ask_folder(self, "Choose a folder for the review")
        if folder is None or self._path is None:
            return
        stem = f"{self._path.name.split('.')[0]} review"
        target = folder / stem if not (folder / stem).exists() else free_name(folder, stem, "")
        operation = ExportReview(stain=StainIn(self._path), out=FolderOut(target))
        self.write("Export", operation, target / "index.html")

"""The axons dock: click a fibre, check where the tracker doubts, teach it, save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.files import TraceFilesSection
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, MOVE, SOMA, TRACE
from napari_midl.widgets.axons.review import TraceReviewSection
from napari_midl.widgets.axons.trace import TraceSection
from napari_midl.widgets.axons.train import AxonTrainSection
from napari_midl.widgets.layers import is_drawn_in
from napari_midl.widgets.parts.dock_frame import settle
from napari_midl.widgets.tool.data_section import DataSection
from napari_midl.widgets.tool.dock import ToolDock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton

    from napari_midl.widgets.tool.section import Emitter, ToolSection

# What napari's own tools for points, shapes and labels delete and take back with.
THEIRS = ("Escape", "Backspace", "Delete", "Control-Z", "Control-Shift-Z")
OPEN, CLICK, CHECK, LEARN, SAVE = range(5)
ENOUGH = 3


class AxonsDock(ToolDock[AxonsBench]):
    """Trace fibres with an agent that follows them from a click."""

    bench_type = AxonsBench
    steps = ("Open", "Trace", "Check", "Learn", "Save")
    needs_torch = ("Tracing and learning", "Opening, deciding, measuring and saving")
    cancelling = "End the job; what has ended is kept"

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """From clicks to files."""
        bench = self.bench
        bench.said.connect(self._on_said)
        for later in (bench.traced, bench.chosen):
            later.connect(self._on_decided)
        bench.opened.connect(self._on_opened)
        self.trace = TraceSection(bench)
        self.review = TraceReviewSection(bench, self.trace)
        self.learn = AxonTrainSection(bench, self.trace)
        self.files = TraceFilesSection(bench)
        self.data = DataSection(
            bench,
            "The image to trace in, a plane or a stack; open one with File > Open",
            "Channel with the fibres, counted from 0",
            "Project folder: traces and models of this image are kept here",
        )
        for later in (bench.opened, bench.traced):
            later.connect(settle)
        return self.data, self.trace, self.review, self.learn, self.files

    def make_keys(self) -> Mapping[str, QAbstractButton]:
        """What a click means, the decisions, and what is seen."""
        trace, review = self.trace, self.review
        return {
            "T": trace.modes[TRACE],
            "F": trace.modes[BETWEEN],
            "B": trace.modes[BRANCH],
            "C": trace.modes[CORRECT],
            "X": trace.modes[CUT],
            "M": trace.modes[MOVE],
            "S": trace.modes[SOMA],
            "N": review.next,
            "G": review.fine,
            "O": review.other_way,
            "A": review.accept,
            "Shift-A": review.accept_sure,
            "R": review.reject,
            "J": review.join,
            "Shift-J": review.join_all,
            "U": review.undo,
            "Shift-U": review.redo,
            "H": review.looks.hiding,
            "P": review.looks.project,
            "Escape": trace.leave,
            "Backspace": trace.take_back,
            "Delete": review.reject,
            "Control-Z": review.undo,
            "Control-Shift-Z": review.redo,
        }

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """On every layer; what deletes and takes back in others' points or shapes is theirs."""
        bench = self.bench
        own = key not in THEIRS or not is_drawn_in(layer) or self.trace.mode is not None
        return bench.volume is not None and own

    def _on_told(self, text: str) -> None:
        self.trouble.calm(False)
        super()._on_told(text)

    def _on_said(self, text: str) -> None:
        """Say what was done, where what goes wrong is said."""
        super()._on_told(text)
        self.trouble.calm(True)

    def _on_decided(self) -> None:
        """What was said about the traces was about those before; what went wrong stays."""
        if self.trouble.is_calm:
            self.trouble.clear()
            self.trouble.hide()

    def _on_opened(self) -> None:
        if self.bench.volume is None:
            self._on_decided()

    def hint_signals(self) -> Sequence[Emitter]:
        """Also the traces, and what a click means."""
        return self.bench.traced, self.trace.asked

    def next_step(self) -> tuple[int, str]:
        """What comes next."""
        bench = self.bench
        if bench.volume is None and self.data.image.currentData() is not None:
            return (
                OPEN,
                "This image cannot be traced as it is; <i>Data</i> says what to do.",
            )
        if bench.volume is None:
            return OPEN, (
                "Open an image of fibres with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic fibres</i>."
            )
        if self.trace.mode is not None:
            clicking = self.trace.clicking
            return CLICK, clicking.words if clicking.begun else f"{clicking.words} Esc leaves it."
        if not bench.entries:
            return CLICK, "Press <i>Trace by clicking</i>, then click on a fibre."
        if any(not entry.accepted for entry in bench.entries):
            if not self.review.items:
                return CHECK, (
                    "No place is known to be doubtful. Is a trace on its fibre? Select and "
                    "<i>Accept</i> it. If not, <i>Correct</i> it with a click, or <i>Reject</i> it."
                )
            return CHECK, (
                "Press <i>Next doubtful place</i>. Is the trace on its fibre? <i>Accept</i> it. "
                "If not, <i>Correct</i> it with a click, or <i>Reject</i> it."
            )
        if self.learn.training:
            return LEARN, "The tracker learns; go on tracing meanwhile."
        if len(self.learn.lessons) >= ENOUGH and self.trace.model.choice == "base":
            return LEARN, (
                "Trace more fibres; or <i>Fine-tune</i> the tracker on the accepted traces, if "
                "it often went wrong."
            )
        return SAVE, "Trace more fibres, or <i>Save</i> and take the <i>Measurements</i>."

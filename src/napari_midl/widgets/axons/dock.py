"""The axons dock: click a fibre, check where the tracker doubts, teach it, save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_midl.widgets.axons.files import FilesSection
from napari_midl.widgets.axons.learn import LearnSection
from napari_midl.widgets.axons.modes import CORRECT, CUT, TRACE
from napari_midl.widgets.axons.review import ReviewSection
from napari_midl.widgets.axons.trace import TraceSection
from napari_midl.widgets.axons.workbench import Workbench
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.parts.data_section import DataSection
from napari_midl.widgets.parts.dock_frame import lay_out, torch_notice
from napari_midl.widgets.parts.hint import Hint
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.tool.keys import Keys

if TYPE_CHECKING:
    import napari

OPEN, CLICK, CHECK, LEARN, SAVE = range(5)
STEPS = ("Open", "Trace", "Check", "Learn", "Save")
ENOUGH = 3


class AxonsDock(QWidget):
    """Trace fibres with an agent that follows them from a click.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works in.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        # napari's menu hands over a proxy, whose layers compare unequal to those of its events.
        viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.bench = Workbench(viewer, self)
        self.hint = Hint(STEPS)
        self.torch = torch_notice("Tracing and learning", "Opening, deciding, measuring and saving")
        # Opening an image comes last, when all that follow it are there.
        self.trace = TraceSection(self.bench)
        self.review = ReviewSection(self.bench)
        self.learn = LearnSection(self.bench, self.trace)
        self.files = FilesSection(self.bench)
        self.data = DataSection(
            self.bench,
            "The image to trace in, a plane or a stack; open one with File > Open",
            "Channel with the fibres, counted from 0",
            "Project folder: traces and models of this image are kept here",
        )
        self.keys = Keys(
            viewer,
            {
                "T": self.trace.modes[TRACE],
                "C": self.trace.modes[CORRECT],
                "X": self.trace.modes[CUT],
                "N": self.review.next,
                "A": self.review.accept,
                "R": self.review.reject,
                "J": self.review.join,
                "U": self.review.undo,
                "Shift-U": self.review.redo,
            },
        )
        self.progress = ProgressPanel(self.bench.runner, "End the job; what has ended is kept")

        sections = (self.data, self.trace, self.review, self.learn, self.files)
        lay_out(self, (self.hint, self.torch), sections, (self.progress,))

        self.bench.changed.connect(self._on_changed)
        self._lifetime = Lifetime(self, self._end)
        self._on_changed()

    def _end(self) -> None:
        self.trace.clicks.stop()
        self.keys.stop()
        self.bench.shut_down()

    def _on_changed(self) -> None:
        self._lifetime.follow()
        step, text = self._next()
        self.hint.show_step(step, text)

    def _next(self) -> tuple[int, str]:
        bench = self.bench
        if bench.volume is None:
            return OPEN, (
                "Open an image of fibres with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic fibres</i>."
            )
        if not bench.entries:
            if self.trace.mode is None:
                return CLICK, "Press <i>Trace by clicking</i>, then click on a fibre."
            if self.trace.mode == TRACE:
                return CLICK, "Click on a fibre: the tracker follows it both ways."
            return CLICK, self.trace.say.text()
        if any(not entry.accepted for entry in bench.entries):
            return CHECK, (
                "Press <i>Next doubtful place</i>. Is the trace on its fibre? <i>Accept</i> it. "
                "If not, <i>Correct</i> it with a click, or <i>Reject</i> it."
            )
        if len(self.learn.lessons) >= ENOUGH and self.trace.model.choice == "base":
            return LEARN, (
                "Trace more fibres; or let the tracker <i>Learn from my corrections</i>, if it "
                "often went wrong."
            )
        return SAVE, "Trace more fibres, or <i>Save</i> and take the <i>Measurements</i>."

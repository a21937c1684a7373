"""The segmentation dock: name classes, paint a little, learn, predict."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from napari_midl.widgets.segment.bench import SegmentBench
from napari_midl.widgets.segment.learn import LearnSection
from napari_midl.widgets.segment.predict import PredictSection
from napari_midl.widgets.tool.classes_section import ClassesSection
from napari_midl.widgets.tool.data_section import DataSection
from napari_midl.widgets.tool.label_sources import SourcesSection
from napari_midl.widgets.tool.paint_dock import PaintDock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.widgets.tool.section import Emitter, ToolSection

OPEN, PAINT, LEARN, PREDICT = range(4)


class SegmentDock(PaintDock[SegmentBench]):
    """Segment any structures with a model that learns from a few strokes."""

    bench_type = SegmentBench
    steps = ("Open", "Paint", "Learn", "Predict")
    needs_torch = ("Learn and Predict", "Painting and opening")
    cancelling = "End the job; a segmentation can be resumed later"

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """From classes to a segmentation."""
        bench = self.bench
        self.classes = self.painting = ClassesSection(bench)
        self.sources = SourcesSection(bench)
        self.learn = LearnSection(bench, self.sources)
        self.predict = PredictSection(bench, self.learn.model)
        self.data = DataSection(
            bench,
            "The picture or stack to work on; open one with File > Open",
            "Channel to show and paint on, counted from 0",
            "Project folder: paint, models and results of this image are kept here",
        )
        bench.renamed.connect(self.give_keys)
        return self.data, self.classes, self.sources, self.learn, self.predict

    def hint_signals(self) -> Sequence[Emitter]:
        """Also what the classes are, and what is ticked to be learnt."""
        ticked = self.sources.table.itemChanged
        return (*super().hint_signals(), self.bench.renamed, ticked)

    def next_step(self) -> tuple[int, str]:
        """What comes next."""
        bench = self.bench
        if bench.volume is None:
            return OPEN, (
                "Open a picture or a stack with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic cells</i>."
            )
        if self.learn.training:
            return LEARN, "All that is ticked under <i>Learn from</i> is being learnt."
        if self.predict.running:
            return PREDICT, "The segmentation grows from where you look; go on painting meanwhile."
        if self.predict.unfinished:
            return PREDICT, (
                "This segmentation was stopped: <i>Resume</i> it, or give another name under "
                "<i>To</i> to begin anew."
            )
        learnt = not isinstance(self.learn.model.choice, str) and self.learn.fits
        if learnt and self.learn.newer:
            return LEARN, "<i>Learn</i> again: you painted since the model was made."
        if learnt and any(bench.patches.counts.values()) and (calls := self.learn.calls):
            return LEARN, (
                f"<i>Learn</i> again: the model tells {escape(calls)} apart, not the classes above."
            )
        if bench.shown is not None:
            return PAINT, (
                "Where it is wrong, paint a little and <i>Learn</i> again; <i>Open</i> another "
                "image and paint there too: all of it teaches one model."
            )
        if learnt and self.predict.earlier.count():
            return PREDICT, "<i>Show</i> brings back what was predicted before; or <i>Predict</i>."
        if learnt:
            return PREDICT, "Press <i>Predict</i>: this view first, then the whole image."
        counts = bench.patches.counts
        missing = [label for label in bench.classes.offered if not counts[label.name]]
        if self.sources.other:  # which may hold what is not painted here
            missing = []
        if missing and not any(counts.values()):
            return PAINT, (
                f"Name what you look for under <i>Classes</i>, then paint a little of it: key "
                f"{missing[0].key}, and drag."
            )
        if missing:
            return PAINT, f"Paint some {missing[0].name}: key {missing[0].key}, then drag."
        return LEARN, "Press <i>Learn</i>: from strokes it takes seconds."

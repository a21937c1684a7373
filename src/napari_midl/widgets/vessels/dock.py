"""The vessels dock: paint a little, fine-tune, predict, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.tool.data_section import DataSection
from napari_midl.widgets.tool.paint_dock import PaintDock
from napari_midl.widgets.tool.paint_section import PaintSection
from napari_midl.widgets.vessels.batch import BatchSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.correct import CorrectSection
from napari_midl.widgets.vessels.measure import MeasureSection
from napari_midl.widgets.vessels.predict import PredictSection
from napari_midl.widgets.vessels.reopening import Reopening
from napari_midl.widgets.vessels.standing import Standing
from napari_midl.widgets.vessels.train import VesselTrainSection
from napari_midl.widgets.vessels.where import WhereNextSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_midl.widgets.tool.section import ToolSection

OPEN, PAINT, LEARN, PREDICT, MEASURE = range(5)


class VesselsDock(PaintDock[VesselsBench]):
    """Find vessels with a network that learns from a few strokes."""

    bench_type = VesselsBench
    steps = ("Open", "Paint", "Learn", "Predict", "Measure")
    needs_torch = ("Fine-tune, Where next? and Predict", "Painting, opening and measuring")
    cancelling = "End the job; a prediction can be resumed later"

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """From paint to numbers."""
        bench = self.bench
        self.annotate = self.painting = PaintSection(bench, bench.patches, bench.corrections)
        self.learn = VesselTrainSection(bench)
        self.where = WhereNextSection(bench, self.annotate, self.learn)
        self.predict = PredictSection(bench, self.learn.model)
        self.standing = Standing(bench, self.learn.model)
        self.correct = CorrectSection(bench)
        self.measure = MeasureSection(bench, self.standing)
        self.batch = BatchSection(bench, self.learn.model, self.predict, self.measure)
        self.reopening = Reopening(bench, self.predict, self.measure)
        self.data = DataSection(
            bench,
            "The 3D image to work on; open one with File > Open",
            "Channel with the vessels, counted from 0",
            "Project folder: patches, models and results of this image are kept here",
        )
        return (
            self.data,
            self.annotate,
            self.learn,
            self.where,
            self.predict,
            self.correct,
            self.measure,
            self.batch,
        )

    def next_step(self) -> tuple[int, str]:
        """What comes next."""
        bench = self.bench
        if bench.volume is None:
            return OPEN, (
                "Open a 3D image with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic vessels</i>."
            )
        if self.learn.training:
            if not self.learn.in_minutes:
                return LEARN, "All that is painted is being learnt; it takes seconds."
            return LEARN, (
                "Watch the preview sharpen; <i>Stop and keep</i> once it is good enough."
            )
        if self.predict.running:
            return PREDICT, "The prediction grows from where you look; go on painting meanwhile."
        if self.predict.unfinished:
            return PREDICT, (
                "This prediction was stopped: <i>Resume</i> it, or give another name under "
                "<i>To</i> to begin anew."
            )
        if self.measure.is_fresh:
            return MEASURE, (
                "The numbers are below the image, and <i>Export…</i> saves them. Click a branch in "
                "the table or in the image to see which it is."
            )
        if bench.shown is not None:
            return MEASURE, (
                "Move <i>Threshold</i> until the vessels fit, then press <i>Analyse</i>. Where the "
                "result is wrong, <i>correct it by hand</i>, or paint and fine-tune again."
            )
        if not isinstance(self.learn.model.choice, str):
            return PREDICT, (
                "Press <i>Predict</i> for the whole image, or <i>Where next?</i> to see where "
                "painting teaches most."
            )
        counts = bench.patches.counts
        vessel, background = bench.patches.classes.offered
        if not any(counts.values()):
            return PAINT, (
                f"Go to a slice with clear vessels and paint a few: key {vessel.key}, then drag "
                "along them. Or press <i>Predict</i> at once to see what the base model finds."
            )
        if not counts[vessel.name]:
            return PAINT, f"Paint a few vessels: key {vessel.key}, then drag along them."
        if not counts[background.name]:
            return PAINT, f"Paint some background beside them: key {background.key}, then drag."
        return LEARN, (
            "Paint where the preview is wrong. <i>Fine-tune</i> then makes a model of it that you "
            "can keep."
        )

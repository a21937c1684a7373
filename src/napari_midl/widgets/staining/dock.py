"""The staining dock: choose two channels, look, stain all, compare, review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_midl.widgets.layers import is_drawn_in
from napari_midl.widgets.staining.bench import StainingBench
from napari_midl.widgets.staining.channels import ChannelsSection
from napari_midl.widgets.staining.compare import CompareSection
from napari_midl.widgets.staining.review import FieldReviewSection
from napari_midl.widgets.staining.stain import StainSection
from napari_midl.widgets.staining.train import StainTrainSection
from napari_midl.widgets.tool.dock import ToolDock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtWidgets import QAbstractButton

    from napari_midl.widgets.tool.section import Emitter, ToolSection

OPEN, LOOK, STAIN, REVIEW = range(4)


class StainingDock(ToolDock[StainingBench]):
    """Stain confocal mosaics as H&E slides, for looking at and not for diagnosis."""

    bench_type = StainingBench
    steps = ("Open", "Look", "Stain", "Review")
    needs_torch = ("Staining and training", "Comparing and reviewing")

    def make_sections(self) -> Sequence[ToolSection[Any]]:
        """From channels to a reviewed stain."""
        bench = self.bench
        self.stain = StainSection(bench)
        self.compare = CompareSection(bench)
        self.review = FieldReviewSection(bench)
        self.learn = StainTrainSection(bench, self.stain)
        self.channels = ChannelsSection(bench)
        return self.channels, self.stain, self.compare, self.review, self.learn

    def make_keys(self) -> Mapping[str, QAbstractButton]:
        """The decisions of the review."""
        review = self.review
        return {
            "A": review.accept,
            "R": review.reject,
            "C": review.comment,
            "Control-Z": review.undo,
        }

    def keys_count_on(self, layer: Any, key: str) -> bool:
        """While fields are reviewed; others' points, shapes and labels keep their keys."""
        return bool(self.review.items) and not is_drawn_in(layer)

    def hint_signals(self) -> Sequence[Emitter]:
        """Also which stain is named."""
        return (self.stain.named,)

    def next_step(self) -> tuple[int, str]:
        """What comes next."""
        bench = self.bench
        if bench.volume is None and self.channels.both:
            return OPEN, (
                "These two cannot be stained together: <i>Channels</i> says why. Choose others "
                "there."
            )
        if bench.volume is None:
            return OPEN, (
                "Open the two channels of a mosaic with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic confocal mosaic</i>."
            )
        if self.learn.training:
            return STAIN, (
                "A stain learns from your two folders, and is chosen under <i>Stain</i> then. "
                "Looking and staining wait for it; what you <i>Cancel</i> can go on later."
            )
        if self.stain.unfinished:
            return STAIN, (
                "This stain was stopped: <i>Resume</i> it, or give another name under <i>To</i> "
                "to begin anew."
            )
        if bench.shown is not None:
            return REVIEW, (
                "<i>Swipe</i> between two stains, and <i>Review</i> the fields, most doubtful "
                "first. This is a virtual stain, not for diagnosis."
            )
        if bench.mosaic is None:
            return LOOK, "Zoom to some tissue and press <i>Look here</i>."
        return STAIN, "Choose a method, then press <i>Stain</i>: the whole mosaic, or a part."

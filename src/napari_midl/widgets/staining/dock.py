"""The staining dock: choose two channels, look, stain all, compare, review."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from napari_midl.engine.jobs import in_thread
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.parts.dock_frame import lay_out, torch_is_here, torch_notice
from napari_midl.widgets.parts.hint import Hint
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.staining.channels import ChannelsSection
from napari_midl.widgets.staining.compare import CompareSection
from napari_midl.widgets.staining.learn import LearnSection
from napari_midl.widgets.staining.review import ReviewSection
from napari_midl.widgets.staining.stain import StainSection
from napari_midl.widgets.staining.workbench import Workbench

if TYPE_CHECKING:
    import napari

OPEN, LOOK, STAIN, REVIEW = range(4)
STEPS = ("Open", "Look", "Stain", "Review")


class StainingDock(QWidget):
    """Stain confocal mosaics as H&E slides, for looking at and not for diagnosis.

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
        self.torch = torch_notice("Staining and training", "Comparing and reviewing")
        # Choosing the channels comes last, when all that follow them are there.
        self.stain = StainSection(self.bench)
        self.compare = CompareSection(self.bench)
        self.review = ReviewSection(self.bench)
        self.learn = LearnSection(self.bench, self.stain)
        self.channels = ChannelsSection(self.bench)
        self.progress = ProgressPanel(self.bench.runner, "End the job; it can be resumed later")

        sections = (self.channels, self.stain, self.compare, self.review, self.learn)
        lay_out(self, (self.hint, self.torch), sections, self.progress)

        self.bench.changed.connect(self._on_changed)
        self._lifetime = Lifetime(self, self.bench.shut_down)
        if torch_is_here():
            # So that the first look need not wait for it.
            in_thread(lambda: import_module("torch"))
        self._on_changed()

    def _on_changed(self) -> None:
        self._lifetime.follow()
        step, text = self._next()
        self.hint.show_step(step, text)

    def _next(self) -> tuple[int, str]:
        bench = self.bench
        if bench.volume is None:
            return OPEN, (
                "Open the two channels of a mosaic with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic confocal mosaic</i>."
            )
        if self.stain.resumes:
            return STAIN, (
                "This stain was stopped: <i>Resume</i> it, or give another name under <i>To</i> "
                "to begin anew."
            )
        if bench.stain is not None:
            return REVIEW, (
                "<i>Swipe</i> between two stains, and <i>Review</i> the fields, most doubtful "
                "first. This is a virtual stain, not for diagnosis."
            )
        if bench.mosaic is None:
            return LOOK, "Zoom to some tissue and press <i>Look here</i>."
        return STAIN, "Choose a method, then press <i>Stain all</i> for the whole mosaic."

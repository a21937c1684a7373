"""The vessels dock: paint a little, fine-tune, predict, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.settings import get_plugin_settings
from qtpy.QtWidgets import QWidget

from napari_midl.methods.vessels.classes import CLASSES
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.parts.data_section import DataSection
from napari_midl.widgets.parts.dock_frame import lay_out, torch_notice
from napari_midl.widgets.parts.hint import Hint
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.vessels.annotate import AnnotateSection
from napari_midl.widgets.vessels.learn import FINE_TUNE, LearnSection
from napari_midl.widgets.vessels.measure import MeasureSection
from napari_midl.widgets.vessels.predict import PredictSection
from napari_midl.widgets.vessels.review import ReviewSection
from napari_midl.widgets.vessels.workbench import Workbench

if TYPE_CHECKING:
    import napari

OPEN, PAINT, LEARN, PREDICT, MEASURE = range(5)
STEPS = ("Open", "Paint", "Learn", "Predict", "Measure")


class VesselsDock(QWidget):
    """Find vessels with a network that learns from a few strokes.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works in.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        super().__init__()
        # The menu hands over a proxy whose layers are proxies too, each time another, so that no
        # layer would be the one that an event speaks of.
        viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.bench = Workbench(viewer, self)
        device, tile = preferences()
        self.hint = Hint(STEPS)
        self.torch = torch_notice(
            "Fine-tune, Where next? and Predict", "Painting, opening and measuring"
        )
        # Opening an image comes last, when all that follow it are there.
        self.annotate = AnnotateSection(self.bench)
        self.learn = LearnSection(self.bench, device)
        self.review = ReviewSection(self.bench, self.annotate, self.learn)
        self.predict = PredictSection(self.bench, self.learn, {"device": device, "tile": tile})
        self.measure = MeasureSection(self.bench)
        self.data = DataSection(self.bench)
        self.progress = ProgressPanel(self.bench.runner)

        sections = (self.data, self.annotate, self.learn, self.review, self.predict, self.measure)
        lay_out(self, (self.hint, self.torch), sections, self.progress)

        self.bench.changed.connect(self._on_changed)
        self._lifetime = Lifetime(self, self.bench.shut_down)
        self._on_changed()

    def _on_changed(self) -> None:
        self._lifetime.follow()
        step, text = self._next()
        self.hint.show_step(step, text)

    def _next(self) -> tuple[int, str]:
        bench = self.bench
        if bench.volume is None:
            return OPEN, (
                "Open a 3D image with <i>File › Open</i>, or try "
                "<i>File › Open Sample › MIDL › Synthetic vessels</i>."
            )
        if bench.runner.running and bench.runner.title == FINE_TUNE:
            return LEARN, (
                "Watch the preview sharpen; <i>Stop and keep</i> once it is good enough."
            )
        if bench.prediction is not None:
            return MEASURE, (
                "Move <i>Threshold</i> until the vessels fit, then press <i>Analyse</i>. Where the "
                "result is wrong, add a patch, paint and fine-tune again."
            )
        if isinstance(self.learn.model.choice, str) is False:
            return PREDICT, (
                "Press <i>Predict</i> for the whole image, or <i>Where next?</i> to see where "
                "painting teaches most."
            )
        if not bench.patches.names:
            return PAINT, (
                "Go to a slice with clear vessels and press <i>Add patch</i>. Or press "
                "<i>Predict</i> at once to see what the base model finds."
            )
        counts = bench.patches.counts
        vessel, background = CLASSES.offered
        if not counts[vessel.name]:
            return PAINT, f"Paint a few vessels in the patch: key {vessel.key}, then drag."
        if not counts[background.name]:
            return PAINT, f"Paint some background beside them: key {background.key}, then drag."
        return LEARN, "Press <i>Fine-tune</i> and watch the preview sharpen."


def preferences() -> tuple[str, tuple[int, int, int]]:
    """Device and tile from napari's preferences."""
    chosen: Any = get_plugin_settings("napari-midl").inference
    return chosen.device, (chosen.tile_z, chosen.tile_y, chosen.tile_x)

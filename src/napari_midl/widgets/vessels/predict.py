"""Predicting the whole volume, and where to cut the probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from superqt import QLabeledDoubleSlider
from superqt.utils import qthrottled

from napari_midl.engine.outputs import OmeZarrOut
from napari_midl.engine.project import MODELS
from napari_midl.engine.unfinished import model_begun_with
from napari_midl.methods.vessels.operations import Predict
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.widgets.parts.section import check
from napari_midl.widgets.tool.stream_section import StreamSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.layers import PredictionLayers

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.widgets.parts.model_picker import ModelPicker


class PredictSection(StreamSection[VesselsBench]):
    """Streams a prediction into an OME-Zarr and the viewer."""

    heading = "Predict"
    verb = "Predict"
    tip = "Find the vessels, beginning where you look"
    noun = "prediction"
    kept = ("threshold",)  # labels are shown at the one that is chosen, whatever those in the file

    def __init__(self, bench: VesselsBench, model: ModelPicker) -> None:
        self._model = model
        super().__init__(bench)

    def arrange(self) -> None:
        """The output, what else to compute, and the threshold."""
        self.uncertainty = check(
            "uncertainty",
            "Also write how unsure the model is, from predictions with dropout; takes longer",
        )
        self.form = self.make_form(PredictSettings, leave_out=("threshold", "uncertainty"))
        self.threshold = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 1)
        # superqt's stub has the type of the slider of whole numbers.
        self.threshold.setSingleStep(0.01)  # type: ignore[arg-type]
        self.threshold.setDecimals(2)
        self.threshold.setValue(self.bench.threshold)
        self.threshold.setToolTip(
            "Probability from which a voxel counts as vessel; Analyse and Export use it too"
        )
        self.row("Of", self.region, stretch=1)
        self.row("To", self.out, stretch=1)
        self.row(self.go, self.uncertainty)
        self.body.addWidget(self.outlook)
        self.row(self.show_button, self.earlier, stretch=1)
        self.row("Threshold", self.threshold, stretch=1)
        self.body.addWidget(self.form)
        self._cut = qthrottled(lambda: self.bench.cut(round(self.threshold.value(), 2)), timeout=60)
        self.threshold.valueChanged.connect(lambda _: self._cut())
        self.enabled_when(self.threshold, lambda: self.bench.volume is not None)
        self.enabled_when(self.uncertainty, lambda: not self.unfinished, self.named)
        self.follow(self._lock_form, self.bench.job, self.named)

    def operation(self, out: Path, resume: bool) -> Predict:
        """Predict with the chosen model, or go on with the one it began with."""
        model = self._model.choice
        settings = self.form.value(
            threshold=self.bench.threshold, uncertainty=self.uncertainty.isChecked()
        )
        if resume:
            settings, model = self.settings_of(out, settings), self._begun_with(out)
        return Predict(
            image=self.bench.image_in,
            model=VesselModelIn(str(model)),
            out=OmeZarrOut(out, resume=resume),
            settings=settings,
        )

    def layers(self, out: Path) -> PredictionLayers:
        """Probability, uncertainty and vessels, in the place of those before."""
        bench = self.bench
        bench.show(None)
        return PredictionLayers(
            bench.viewer, bench.opened_image, bench.opened_volume, out, bench.threshold
        )

    def resume_with(self, begun: dict[str, Any]) -> None:
        """Its settings; the chosen model stays, since it is that of the next prediction."""
        settings = {k: v for k, v in begun["settings"].items() if k != "device"}
        self.form.fill(settings)
        self.uncertainty.setChecked(bool(settings.get("uncertainty", False)))

    def show_at(self, out: Path, threshold: float) -> None:
        """Show a prediction, cut at a threshold."""
        self.threshold.setValue(threshold)
        self.bench.threshold = threshold
        self._show(out)

    def done(self) -> None:
        """The threshold is what comes next."""
        self.bring_into_sight(self.threshold)

    def _begun_with(self, out: Path) -> str | Path:
        """The model with which it was begun, whichever is chosen now."""
        models = self.bench.opened_folder / MODELS
        return model_begun_with(
            out, models, self._model.choices, lambda name: VesselModelIn(name).open()
        )

    def _lock_form(self) -> None:
        for name, widget in self.form.widgets.items():
            widget.enabled = name == "device" or not self.unfinished

"""Predicting the whole volume, and where to cut the probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from superqt import QLabeledDoubleSlider
from superqt.utils import qthrottled

from napari_midl.methods.vessels.operations import Predict
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.widgets.parts.section import check
from napari_midl.widgets.tool.predict_section import ModelStreamSection
from napari_midl.widgets.vessels.bench import VesselsBench
from napari_midl.widgets.vessels.layers import PredictionLayers

if TYPE_CHECKING:
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.models import Model
    from napari_midl.engine.outputs import OmeZarrOut


class PredictSection(ModelStreamSection[VesselsBench]):
    """Streams a prediction into an OME-Zarr and the viewer."""

    tip = "Find the vessels, beginning where you look"
    noun = "prediction"
    makes = Predict
    following = ("threshold",)  # labels are shown at the chosen one, whatever those in the file
    settings = PredictSettings
    elsewhere = ("threshold", "uncertainty")

    def arrange(self) -> None:
        """Also what else to compute, and the threshold."""
        self.uncertainty = check(
            "uncertainty",
            "Also write how unsure the model is, from predictions with dropout; takes longer",
        )
        self.threshold = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 1)
        # superqt's stub has the type of the slider of whole numbers.
        self.threshold.setSingleStep(0.01)  # type: ignore[arg-type]
        self.threshold.setDecimals(2)
        self.threshold.setValue(self.bench.threshold)
        self.threshold.setToolTip(
            "Probability from which a voxel counts as vessel; Analyse and Export use it too"
        )
        super().arrange()
        self._cut = qthrottled(lambda: self.bench.cut(round(self.threshold.value(), 2)), timeout=60)
        self.threshold.valueChanged.connect(lambda _: self._cut())
        self.enabled_when(self.threshold, lambda: self.bench.volume is not None)
        self.enabled_when(self.uncertainty, lambda: not self.unfinished, self.named)
        self.follow(self._lock_form, self.bench.job, self.named)

    def beside(self) -> tuple[QWidget, ...]:
        """What else to compute."""
        return (self.uncertainty,)

    def last_rows(self) -> None:
        """Where to cut."""
        self.row("Threshold", self.threshold, stretch=1)

    def open_model(self, name: str) -> Model:
        """A vessel model."""
        return VesselModelIn(name).open()

    def operation(self, out: OmeZarrOut) -> Predict:
        """Predict with the chosen model, or go on with the one it began with."""
        model, settings = self.asked(
            out, threshold=self.bench.threshold, uncertainty=self.uncertainty.isChecked()
        )
        return Predict(
            image=self.bench.image_in,
            model=VesselModelIn(str(model)),
            out=out,
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
        """Also whether it tells how unsure it is."""
        super().resume_with(begun)
        self.uncertainty.setChecked(bool(begun["settings"].get("uncertainty", False)))

    def show_at(self, out: Path, threshold: float) -> None:
        """Show a prediction, cut at a threshold."""
        self.threshold.setValue(threshold)
        self.bench.threshold = threshold
        self.show_output(out)
        self.propose_name()

    def done(self) -> None:
        """The threshold is what comes next."""
        self.bring_into_sight(self.threshold)

    def _lock_form(self) -> None:
        for name, widget in self.form.widgets.items():
            widget.enabled = name == "device" or not self.unfinished

"""How the mesh is made, what its colours show, and which landmarks are worth a look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QComboBox

from napari_midl.engine.models import read_card
from napari_midl.engine.ports import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import operations
from napari_midl.methods.anatomy.ports import MeshOut
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.methods.anatomy.shape_model import FEWEST
from napari_midl.methods.anatomy.template import Template, load_template
from napari_midl.widgets.images import volume_of
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS, ColourBar
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.tool.settings_form import SettingsForm

if TYPE_CHECKING:
    from napari_midl.methods.anatomy.outline import Outline
    from napari_midl.widgets.anatomy.landmarks import LandmarksSection
    from napari_midl.widgets.anatomy.workbench import Workbench

UNCERTAINTY, THRESHOLD = "uncertainty", "distance to the threshold"
_UNSURE_MM = 3.0


class MeshSection(Section):
    """Chooses the model, and explains the mesh."""

    def __init__(self, bench: Workbench, landmarks: LandmarksSection) -> None:
        super().__init__("Mesh")
        self._bench, self._landmarks = bench, landmarks
        self.model = ModelPicker("anatomy", bench.report, "The model that makes the mesh")
        self.form = SettingsForm(GenerateSettings, title="How")
        self.colours = QComboBox()
        self.colours.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.colours.setToolTip(
            "What the colours show: how unsure the model is, or how far the surface lies from a "
            "segmentation (a Labels layer) or from where the scan passes the value for 3D clicks"
        )
        self.measure = button(
            "Measure",
            "Find the outline of the segmentation or the scan again, after it changed",
            self._on_colours,
        )
        self.bar = ColourBar()
        self.say = note("What the model makes of the landmarks")
        self.row("Model", self.model, stretch=1)
        self.row("Colours", self.colours, self.measure, stretch=1)
        for shown in (self.bar, self.say, self.form):
            self.body.addWidget(shown)
        self.model.changed.connect(self._on_model)
        for widget in self.form.widgets.values():
            widget.changed.connect(self._on_settings)
        self.colours.activated.connect(self._on_colours)
        layers = bench.viewer.layers
        for event in (layers.events.inserted, layers.events.removed):
            event.connect(self._on_layers)
        bench.meshed.connect(self._on_meshed)
        bench.placed.connect(self._on_meshed)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        self._on_layers()
        self._on_meshed()

    def _on_model(self) -> None:
        bench, choice = self._bench, self.model.choice
        bench.model = choice
        try:
            template = (
                load_template("mandible")
                if choice == "base"
                else Template.from_dict(read_card(choice)["template"])
            )
        except (InputError, KeyError, TypeError) as error:
            bench.report(error)
            return
        bench.take_template(template)
        bench.regenerate()

    def _on_settings(self, value: Any = None) -> None:
        self._bench.settings = self.form.value()
        self._bench.regenerate()

    def _on_layers(self, event: Any = None) -> None:
        """Offer what the distance can be measured to."""
        if self._bench.ended:
            return
        chosen = self.colours.currentText()
        self.colours.clear()
        self.colours.addItem(UNCERTAINTY)
        if self._bench.volume is not None:
            self.colours.addItem(THRESHOLD)
        for layer in self._bench.viewer.layers:
            if isinstance(layer, Labels) and layer.ndim == 3:
                self.colours.addItem(f"distance to {layer.name}", layer)
        index = self.colours.findText(chosen)
        self.colours.setCurrentIndex(max(index, 0))
        if index < 0 and self._bench.target is not None:
            self._on_colours()

    def _on_opened(self) -> None:
        if self._bench.target is None:
            self.colours.setCurrentIndex(0)
        self._on_layers()

    def _on_colours(self) -> None:
        bench = self._bench
        what = self.colours.currentText()
        if what == UNCERTAINTY:
            self._take(None)
            return
        layer = self.colours.currentData()
        try:
            if layer is None:
                scan = ImageIn.of(bench.volume, bench.channel, bench.time)
                level, origin = self._landmarks.threshold.value(), (0.0, 0.0, 0.0)
            else:
                volume = volume_of(layer)
                scan, level = ImageIn.of(volume), 0.5
                origin = tuple(bench.frame.origin_of(layer, volume.millimetres).tolist())
        except InputError as error:
            self._give_up(error)
            return
        job = operations.Outline(scan=scan, level=level, origin=origin, out=MeshOut(None)).perform()
        take = lambda outcome: self._take(outcome.result)  # noqa: E731
        if not bench.start("Measure", job, take, on_finished=self._on_measured):
            self._give_up(None)

    def _take(self, target: Outline | None) -> None:
        self._bench.target = target
        self._bench.regenerate()

    def _on_measured(self) -> None:
        if self._bench.target is None:
            self._give_up(None)

    def _give_up(self, error: Exception | None) -> None:
        if error is not None:
            self._bench.report(error)
        self.colours.setCurrentIndex(0)
        self._take(None)

    def _on_meshed(self) -> None:
        bench = self._bench
        self.say.setText(self._words())
        if bench.reply is None:
            self.bar.hide()
            return
        target = bench.reply.wish.target
        what = "unsure" if target is None else "distance"
        self.bar.show_range(what, UNCERTAINTY_COLOURS, 0, bench.mesh.highest, "mm")

    def _words(self) -> str:
        """What a person should know about the mesh."""
        bench = self._bench
        if bench.fault:
            return f"<b>No mesh:</b> {bench.fault}"
        missing = FEWEST - int(bench.landmarks.placed.sum())
        if missing > 0:
            return f"Place {missing} more landmark{'s' if missing > 1 else ''} to see a mesh."
        if bench.reply is None:
            return "Loading the model…"
        generated = bench.reply.generated
        words = []
        names = list(generated.landmarks.names)
        if generated.misplaced:
            listed = ", ".join(
                f"{name} ({generated.doubt[names.index(name)]:.1f} s.d.)"
                for name in generated.misplaced
            )
            words.append(f"<b style='color:#ff5a4d'>Not where the others expect it:</b> {listed}.")
        unsure = [
            f"{names[i]} (±{generated.spread[i]:.1f} mm)"
            for i in np.argsort(-generated.spread)
            if generated.spread[i] > _UNSURE_MM
        ]
        if unsure:
            words.append(f"Not placed and hard to guess: {', '.join(unsure[:4])}.")
        distance = generated.to_surface[np.isfinite(generated.to_surface)]
        words.append(
            f"Volume {bench.reply.volume / 1000:.1f} cm³; landmarks {distance.mean():.2f} mm "
            "from the surface on average."
        )
        return "<br>".join(words)

    def _on_changed(self) -> None:
        self.measure.setEnabled(self._bench.idle and self.colours.currentText() != UNCERTAINTY)
        self.colours.setEnabled(self._bench.idle)

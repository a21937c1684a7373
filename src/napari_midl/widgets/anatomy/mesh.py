"""How the mesh is made, what its colours show, and which landmarks are worth a look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_midl.engine.inputs import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import operations, summary
from napari_midl.methods.anatomy.ports import AnatomyModelIn, LandmarksIn, MeshOut, ShapeOut
from napari_midl.methods.anatomy.settings import GenerateSettings
from napari_midl.methods.anatomy.words import fit_in_words
from napari_midl.widgets.anatomy.bench import AnatomyBench
from napari_midl.widgets.images import volume_of
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS, ColourBar
from napari_midl.widgets.parts.model_picker import ModelPicker
from napari_midl.widgets.parts.section import combo, note
from napari_midl.widgets.tool.section import ToolSection

if TYPE_CHECKING:
    from typing import Any

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.anatomy.apply import Generated
    from napari_midl.methods.anatomy.live import MeshRequest
    from napari_midl.volumes.space import Space
    from napari_midl.volumes.volume import Volume
    from napari_midl.widgets.anatomy.landmarks import LandmarksSection

UNCERTAINTY, THRESHOLD = "uncertainty", "distance to the threshold"
FITTED = "distance to the bone"  # while a fitted mesh is shown
CHANGED = (
    "The landmarks, the model or its settings were changed while the mesh was fitted; press Fit "
    "to scan again, or take the change back to see the fit."
)
LEFT = (
    "<b>The fit is not shown:</b> it is of other landmarks, or of another model or settings. "
    "<i>Fit to scan</i> again, or take the change back (<i>Undo</i>, <i>Redo</i>) to see it."
)


class MeshSection(ToolSection[AnatomyBench]):
    """Chooses the model, and explains the mesh.

    Parameters
    ----------
    bench : AnatomyBench
        Makes the mesh.
    landmarks : LandmarksSection
        Holds the value from which a voxel counts as bone.
    """

    heading = "Mesh"

    def __init__(self, bench: AnatomyBench, landmarks: LandmarksSection) -> None:
        super().__init__(bench)
        self._landmarks = landmarks
        self.model = ModelPicker("anatomy", bench.report, "The model that makes the mesh")
        self.form = self.make_form(GenerateSettings, title="How")
        self.colours = combo(
            "What the colours show: how unsure the model is, or how far the surface lies from a "
            "segmentation (a Labels layer) or from where the scan passes the value for 3D clicks"
        )
        self.measure = self.action(
            "Measure",
            "Find the outline of the segmentation or the scan again, after it changed",
            self._on_colours,
            lambda: bench.idle and self.colours.currentText() not in (UNCERTAINTY, FITTED),
            self.colours.currentTextChanged,
        )
        self.enabled_when(self.colours, lambda: bench.idle)
        self.bar = ColourBar()
        self.words = note("What the model makes of the landmarks")
        self.words.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.words.linkActivated.connect(self._on_link)
        self.swap = self.action(
            "Swap left and right",
            "Give each landmark the place of its partner on the other side; Undo takes it back",
            lambda: bench.edit(bench.editor.swap_sides),
        )
        self.fit = self.action(
            "Fit to scan",
            "Pull the mesh onto the surface of the bone, where the scan passes the value for 3D "
            "clicks; placed landmarks stay. The next edit generates it anew; taken back, that "
            "brings the fit back",
            self._on_fit,
            lambda: bench.idle and bench.volume is not None and bench.shown is not None,
            bench.result,
        )
        self.row("Model", self.model, stretch=1)
        self.row("Colours", self.colours, self.measure, stretch=1)
        self.body.addWidget(self.bar)
        self.row(self.fit, self.swap)
        self.body.addWidget(self.form)
        self.body.addWidget(self.words)  # last, since it grows and shrinks with each answer
        self.model.changed.connect(lambda: bench.use(self.model.choice))
        for widget in self.form.widgets.values():
            widget.changed.connect(self._on_settings)
        self.colours.activated.connect(self._on_colours)
        bench.layers_changed.connect(self._on_layers)
        bench.opened.connect(self._on_opened)
        self.follow(self._explain, bench.result, bench.placed, bench.opened)
        self._on_layers()

    def _on_settings(self, value: Any = None) -> None:
        self.bench.regenerate(settings=self.form.value())

    def _on_layers(self) -> None:
        """Offer what the distance can be measured to."""
        chosen = self.colours.currentText()
        self.colours.clear()
        self.colours.addItem(UNCERTAINTY)
        if self.bench.request.fitted is not None:
            self.colours.addItem(FITTED)
        if self.bench.volume is not None:
            self.colours.addItem(THRESHOLD)
        for layer in self.bench.viewer.layers:
            if isinstance(layer, Labels) and layer.ndim == 3:
                self.colours.addItem(f"distance to {layer.name}", layer)
        index = self.colours.findText(chosen)
        self.colours.setCurrentIndex(max(index, 0))
        if index < 0 and self.bench.request.target is not None:
            self._on_colours()

    def _on_opened(self) -> None:
        if self.bench.request.target is None:
            self.colours.setCurrentIndex(0)
        self._on_layers()

    def _on_colours(self) -> None:
        bench, chosen = self.bench, self.colours.currentText()
        if chosen in (UNCERTAINTY, FITTED):
            bench.colour(None, to_bone=chosen == FITTED)
            return
        try:
            outline = self._outline(self.colours.currentData())
        except InputError as error:
            bench.report(error)
            self._give_up()
            return
        take = lambda outcome: bench.colour(outcome.result)  # noqa: E731
        if not bench.start("Measure", outline.perform(), take, on_finished=self._on_measured):
            self._give_up()

    def _outline(self, layer: Labels | None) -> operations.Outline:
        """The outline of a segmentation, or of what is above the threshold in the scan."""
        bench = self.bench
        if layer is not None:
            volume = _laid(layer, bench.mesh.placement, bench.request.space)
            return operations.Outline(scan=ImageIn.of(volume), level=0.5, out=MeshOut(None))
        level = self._landmarks.threshold.value()
        return operations.Outline(scan=bench.image_in, level=level, out=MeshOut(None))

    def _on_fit(self) -> None:
        request = replace(self.bench.request, fitted=None)
        job = self.fitting(request, ShapeOut(None)).perform()
        self.bench.start(
            "Fit to scan",
            job,
            lambda outcome: self._on_fitted(outcome, request),
            lambda steps: self._on_pulled(steps, request),
            self._on_fit_ended,
        )

    def fitting(self, request: MeshRequest, out: ShapeOut) -> operations.Fit:
        """The fit of what is generated, or once more the one that is there."""
        fit = request.fitted.fit if request.fitted is not None else None
        return operations.Fit(
            landmarks=LandmarksIn.of(request.landmarks),
            model=AnatomyModelIn(str(request.model)),
            scan=self.bench.image_in,
            level=self._landmarks.threshold.value() if fit is None else fit.level,
            out=out,
            settings=request.settings,
        )

    def _on_fitted(self, outcome: Outcome[Generated], request: MeshRequest) -> None:
        if not self.bench.show_fitted(outcome.result, request):
            raise InputError(CHANGED)
        self._name_fitted()
        self.colours.setCurrentText(FITTED)

    def _on_pulled(self, steps: list[Progress], request: MeshRequest) -> None:
        """Show the mesh on its way to the bone, unless the landmarks were changed meanwhile."""
        bench, shown = self.bench, self.bench.shown
        stages = [step.preview for step in steps if step.preview is not None]
        if not stages or shown is None or not bench.request.same_shape(request):
            return
        if len(stages[-1]) == len(shown.vertices):  # else it is coarse
            bench.mesh.show(shown.moved(stages[-1]))

    def _on_fit_ended(self) -> None:
        """Show the mesh from before again, unless the fitted one is on its way."""
        shown = self.bench.shown
        if shown is not None and shown.request.fitted is self.bench.request.fitted:
            self.bench.mesh.show(shown)

    def _name_fitted(self) -> None:
        """Offer the distance to the bone for as long as a fitted mesh is there."""
        request = self.bench.request
        index, fitted = self.colours.findText(FITTED), request.fitted is not None
        if fitted and index < 0:
            self.colours.addItem(FITTED)
            if request.target is None and request.to_bone:
                self.colours.setCurrentText(FITTED)
        elif not fitted and index >= 0:
            if self.colours.currentIndex() == index:
                self.colours.setCurrentIndex(0)
            self.colours.removeItem(index)

    def _on_measured(self) -> None:
        if self.bench.request.target is None:
            self._give_up()

    def _give_up(self) -> None:
        fitted = self.bench.request.fitted is not None
        self.colours.setCurrentText(FITTED if fitted else UNCERTAINTY)
        self.bench.colour(None, to_bone=fitted)

    def _on_link(self, name: str) -> None:
        """A landmark that is named in the text was clicked."""
        names = self.bench.editor.template.names
        if name in names:
            self._landmarks.visit(names.index(name))

    def _explain(self) -> None:
        bench = self.bench
        self.swap.setVisible(bench.swapped)
        self._name_fitted()
        if bench.shown is None:
            missing = summary.still_to_place(bench.landmarks) or "Loading the model…"
            self.words.setText(f"<b>No mesh:</b> {bench.fault}" if bench.fault else missing)
            self.bar.hide()
            return
        shown = bench.shown
        said = summary.mesh_in_words(shown.generated, shown.volume, shown.inside, shown.turned)
        fitted, measured = shown.generated.fit, shown.request.target is not None
        if fitted is not None:
            words = fit_in_words(fitted.in_numbers)
            said += f"<br><b>Fitted to the scan:</b> {words}. The next edit generates it anew."
        elif bench.fit is not None:
            said += f"<br>{LEFT}"
        if measured:
            what = self.colours.currentText().capitalize()
            said += f"<br>{summary.distance_in_words(shown.values, what)}"
        self.words.setText(said)
        what = "distance" if shown.request.shows_distance else "unsure"
        self.bar.show_range(what, UNCERTAINTY_COLOURS, 0, bench.mesh.highest, "mm")


def _laid(layer: Labels, placement: dict[str, Any], scan: Space) -> Volume:
    """A segmentation in its place: as its file says, or as it is shown over the scan.

    Parameters
    ----------
    layer : Labels
        The segmentation.
    placement : dict
        How the layers over the scan are shown.
    scan : Space
        Where the voxels of the scan lie.
    """
    volume = volume_of(layer)
    if volume.space.origin is not None:
        return volume
    zero = np.asarray(layer.data_to_world((0,) * layer.ndim))[-3:]
    apart = zero - np.asarray(placement.get("translate", (0.0, 0.0, 0.0)))
    corner = apart / np.asarray(placement.get("scale", (1.0, 1.0, 1.0)))
    return replace(volume, space=scan.cut(corner.tolist()).resized(volume.space))

"""Staining the view at once and the whole mosaic in the background."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox

from napari_midl.engine.ports import OmeZarrOut
from napari_midl.engine.running import Watch
from napari_midl.engine.unfinished import begun_with
from napari_midl.errors import InputError
from napari_midl.methods.staining.look import Look, look
from napari_midl.methods.staining.operations import Stain
from napari_midl.methods.staining.ports import (
    ChannelIn,
    DespecklerIn,
    ReferenceIn,
    StainModelIn,
)
from napari_midl.methods.staining.settings import LEARNT, StainSettings
from napari_midl.widgets.looking import box_in_view, looked_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.model_picker import BASE, ModelPicker
from napari_midl.widgets.parts.section import Section, button
from napari_midl.widgets.parts.settings_form import SettingsForm
from napari_midl.widgets.staining.layers import LiveLayers, StainLayers
from napari_midl.widgets.staining.reference import ReferencePicker
from napari_midl.widgets.staining.target import TargetPicker

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from napari_midl.engine.jobs import Progress
    from napari_midl.methods.staining.mosaic import Mosaic
    from napari_midl.widgets.looking import Box
    from napari_midl.widgets.staining.workbench import Workbench

METHODS = {
    "density": "structure-safe (density)",
    "cyclegan": "CycleGAN",
    "linear": "linear (Gareau)",
    "beer-lambert": "Beer-Lambert",
}
KEPT = "kept"
DESPECKLERS = BASE | {
    "correlated: grain wider than a pixel": "correlated",
    "none: keep the speckle": KEPT,
}
_REFRESH_MS, _REST_MS = 500, 600
LOOK_EDGE = 1024  # pixels of the view that are stained at once


class StainSection(Section):
    """Looks, stains, shows what grows."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Stain")
        self._bench = bench
        self._live = LiveLayers(bench.viewer)
        self._written: list[Any] = []
        self._running_path: Path | None = None
        self.method = QComboBox()
        for method, words in METHODS.items():
            self.method.addItem(words, method)
        self.method.setToolTip(
            "Structure-safe predicts the two stain densities and cannot invent nuclei; the "
            "CycleGAN draws freely; the others have fixed colours"
        )
        self.model = ModelPicker("staining", bench.report, "Weights of the method")
        self.reference = ReferencePicker(bench)
        self.speckle = ModelPicker(
            "staining", bench.report, "What takes the speckle out of the reflectance", DESPECKLERS
        )
        self.doubt = QCheckBox("do not trust map")
        self.doubt.setToolTip(
            "Also write where not to trust the stain: cycle error and disagreement of two stains"
        )
        self.doubt.setChecked(True)
        self.watermark = QCheckBox("watermark")
        self.watermark.setToolTip("Write “virtual stain, not for diagnosis” on the picture too")
        self.look = button(
            "Look here", "Despeckle and stain the middle of the view at once", self.look_here
        )
        self.live = QCheckBox("live")
        self.live.setToolTip("Look again whenever the view comes to rest")
        self.out = TargetPicker()
        self.stain = button("Stain all", "", self._on_stain)
        self.show_button = button(
            "Show", "Show the stain of that name, or else the last", self._on_show
        )
        self.form = SettingsForm(
            StainSettings, leave_out=("method", "keep_speckle", "doubt", "watermark")
        )
        self.row("Method", self.method, stretch=1)
        self.row("Weights", self.model, stretch=1)
        self.row("Match to", self.reference, stretch=1)
        self.row("Speckle", self.speckle, stretch=1)
        self.row(self.look, self.live)
        self.row("To", self.out, stretch=1)
        self.row(self.doubt, self.watermark)
        self.row(self.stain, self.show_button)
        self.body.addWidget(self.form)

        self._timer = _single_shot(self, _REFRESH_MS, self._refresh)
        self._rest = _single_shot(self, _REST_MS, self._on_rest)
        camera = bench.viewer.scene.camera
        for event in (camera.events.center, camera.events.zoom):
            event.connect(self._on_moved)
        self.live.toggled.connect(self._on_moved)
        self.method.currentIndexChanged.connect(lambda _: bench.changed.emit())
        self.reference.changed.connect(bench.changed)
        self.out.changed.connect(self._on_named)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        self._on_opened()
        self._on_changed()

    def operation(self, out: OmeZarrOut | None = None) -> Stain:
        """What the person has chosen; by default nothing is written.

        Raises
        ------
        InputError
            If a value lies outside its range.
        """
        bench, method = self._bench, self.method.currentData()
        learnt = method in LEARNT
        settings = self.form.value(
            method=method,
            keep_speckle=self.speckle.choice == KEPT,
            doubt=self.doubt.isChecked() and learnt,
            watermark=self.watermark.isChecked(),
        )
        takes_reference = method in ("density", "beer-lambert")
        reference = self.reference.path if takes_reference else None
        assert bench.fluorescence is not None and bench.reflectance is not None
        return Stain(
            fluorescence=ChannelIn.of(bench.volumes[0], bench.fluorescence.in_file),
            reflectance=ChannelIn.of(bench.volumes[1], bench.reflectance.in_file),
            model=StainModelIn(str(self.model.choice) if learnt else "base"),
            despeckler=DespecklerIn("base" if settings.keep_speckle else str(self.speckle.choice)),
            reference=ReferenceIn(reference) if reference is not None else None,
            out=out or OmeZarrOut(None),
            settings=settings,
        )

    def look_here(self) -> None:
        """Stain the middle of the view."""
        bench = self._bench
        assert bench.image is not None
        box = box_in_view(bench.viewer, bench.image, LOOK_EDGE)
        try:
            job = look(self.operation(), box, bench.mosaic)
        except InputError as error:
            bench.report(error)
            return
        bench.start("Look", job, lambda mosaic: self._on_looked(mosaic, box), self._on_look)

    def _on_look(self, batch: list[Progress]) -> None:
        assert self._bench.image is not None
        for progress in batch:
            if isinstance(progress.preview, Look):
                self._live.show(self._bench.image, progress.preview)

    def _on_looked(self, mosaic: Mosaic, box: Box) -> None:
        self._bench.mosaic = mosaic
        self._live.keep_only(box)

    def _on_moved(self, event: Any = None) -> None:
        if self.live.isChecked() and not self._bench.ended:
            self._rest.start()

    def _on_rest(self) -> None:
        if self._bench.idle and torch_is_here() and self.live.isChecked():
            self.look_here()

    def _on_stain(self) -> None:
        bench, out = self._bench, self.out.path
        if out is None or bench.image is None:
            return
        resume = self.out.unfinished
        try:
            operation = self.operation(OmeZarrOut(out, resume))
            if resume:
                begun = begun_with(out)["settings"] | {"device": operation.settings.device}
                operation = replace(operation, settings=StainSettings.from_dict(begun))
            elif out.exists():
                raise InputError(f"{out} exists already; choose another name.")
            out.parent.mkdir(parents=True, exist_ok=True)
        except (InputError, OSError) as error:
            bench.report(error)
            return
        job = operation.perform(Watch(looked_at(bench.viewer, bench.image)))
        self._running_path = out
        self._written.clear()
        bench.start("Stain", job, lambda _: self._on_done(out), self._on_progress, self._refresh)

    def _on_progress(self, batch: list[Progress]) -> None:
        self._written += [p.preview for p in batch if p.preview is not None]
        out = self._running_path
        if not self._written or out is None:
            return
        stain = self._bench.stain
        if stain is None or stain.path != out:
            self._live.remove()
            self._show(out)
            self._written.clear()
        elif not self._timer.isActive():
            self._timer.start()

    def _refresh(self) -> None:
        stain, written = self._bench.stain, self._written
        self._written = []
        if stain is not None and stain.path == self._running_path:
            stain.refresh(written)

    def _on_done(self, out: Path) -> None:
        if self._bench.stain is None or self._bench.stain.path != out:
            self._show(out)
        self._propose_name()

    def _on_show(self) -> None:
        if self.out.existing is not None:
            self._show(self.out.existing)

    def _show(self, out: Path) -> None:
        bench = self._bench
        assert bench.image is not None
        try:
            bench.show_stain(StainLayers(bench.viewer, bench.image, out))
        except InputError as error:
            bench.report(error)

    def _on_opened(self) -> None:
        self._live.remove()
        self._propose_name()

    def _propose_name(self) -> None:
        self.out.propose(self._bench.folder)
        self._on_named()

    def _on_named(self) -> None:
        """Show the settings of an unfinished stain, since they are what it goes on with."""
        out = self.out.path
        if out is not None and self.out.unfinished:
            try:
                self._show_settings(StainSettings.from_dict(begun_with(out)["settings"]))
            except InputError as error:
                self._bench.report(error)
        self._bench.changed.emit()

    def _show_settings(self, settings: StainSettings) -> None:
        self.method.setCurrentIndex(self.method.findData(settings.method))
        if settings.keep_speckle:
            self.speckle.choice = KEPT
        elif self.speckle.choice == KEPT:
            self.speckle.choice = "base"
        self.doubt.setChecked(settings.doubt)
        self.watermark.setChecked(settings.watermark)

    @property
    def resumes(self) -> bool:
        """Whether the stain that is named was stopped before its end."""
        return self.out.unfinished and not self._bench.runner.running

    def _on_changed(self) -> None:
        out, idle, unfinished = self.out.path, self._bench.idle, self.resumes
        self.stain.setText("Resume" if unfinished else "Stain all")
        self.stain.setToolTip(
            "Go on with the stain that was stopped, with the settings it began with"
            if unfinished
            else "Stain the whole mosaic, beginning where you look"
        )
        method = self.method.currentData()
        learnt = method in LEARNT
        self.model.setEnabled(idle and learnt)
        self.speckle.setEnabled(idle)
        self.doubt.setEnabled(learnt and not unfinished)
        self.reference.setEnabled(idle and method in ("density", "beer-lambert"))
        for widget in (self.method, self.watermark):
            widget.setEnabled(not unfinished)
        self.look.setEnabled(idle and torch_is_here())
        self.stain.setEnabled(idle and out is not None and torch_is_here())
        self.show_button.setEnabled(idle and self.out.existing is not None)
        self.out.setEnabled(idle)


def _single_shot(parent: Section, milliseconds: int, then: Any) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(then)
    return timer

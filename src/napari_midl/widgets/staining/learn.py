"""Training a stain on a folder of mosaics and a folder of slides, in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.engine.ports import FileIn, ModelOut
from napari_midl.errors import InputError
from napari_midl.methods.staining.operations import Train
from napari_midl.methods.staining.ports import MosaicsIn
from napari_midl.methods.staining.settings import TrainSettings
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.loss_plot import LossPlot
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.parts.settings_form import SettingsForm
from napari_midl.widgets.project import MODELS, free_name

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.runs import Run
    from napari_midl.widgets.staining.stain import StainSection
    from napari_midl.widgets.staining.workbench import Workbench


class LearnSection(Section):
    """Trains, and goes on with a training that was stopped."""

    def __init__(self, bench: Workbench, stain: StainSection) -> None:
        super().__init__("Train on your own")
        self._bench, self._stain = bench, stain
        self.confocal = PathPicker(
            "Choose the folder of mosaics",
            "Pairs NAME_fluorescence.tif and NAME_reflectance.tif; they need no slide of the same "
            "tissue",
            folder=True,
        )
        self.slides = PathPicker(
            "Choose the folder of slides", "H&E pictures at the mosaics' resolution", folder=True
        )
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.05, 60000)
        self.minutes.setValue(TrainSettings().minutes)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("Longest time to train")
        self.train = button("Train", "", self._on_train)
        self.status = note("Where the weights are written")
        self.status.setText("The weights are kept in the project folder.")
        self.plot = LossPlot(score=None)
        self.plot.hide()
        self.form = SettingsForm(TrainSettings, leave_out=("minutes",))
        self.row("Mosaics", self.confocal, stretch=1)
        self.row("Slides", self.slides, stretch=1)
        self.row(self.train, self.minutes)
        for widget in (self.status, self.plot, self.form):
            self.body.addWidget(widget)
        for picker in (self.confocal, self.slides):
            picker.changed.connect(self._on_changed)
        bench.changed.connect(self._on_changed)
        bench.viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._on_changed()

    def _out(self) -> Path | None:
        """The weights of a training that was left unfinished, else a new name."""
        folder = self._bench.folder
        if folder is None:
            return None
        unfinished = sorted((folder / MODELS).glob("*.checkpoint"))
        if unfinished:
            return unfinished[-1].with_suffix(".safetensors")
        return free_name(folder / MODELS, "stain", ".safetensors")

    def _on_train(self) -> None:
        out, confocal, slides = self._out(), self.confocal.path, self.slides.path
        assert out is not None and confocal is not None and slides is not None
        try:
            settings = self.form.value(minutes=self.minutes.value())
        except InputError as error:
            self._bench.report(error)
            return
        self.plot.clear()
        self.plot.show()
        operation = Train(
            slides=FileIn(slides),
            confocal=MosaicsIn(str(confocal)),
            out=ModelOut(out),
            settings=settings,
        )
        self._bench.start(
            "Train",
            operation.perform(),
            lambda outcome: self._on_done(outcome.run, out),
            self._on_progress,
        )

    def _on_progress(self, batch: list[Progress]) -> None:
        self.plot.add(batch)

    def _on_done(self, run: Run, path: Path) -> None:
        method = "density" if run.settings["generator"] == "density" else "cyclegan"
        self._stain.method.setCurrentIndex(self._stain.method.findData(method))
        try:
            self._stain.model.add(path)
        except InputError as error:
            self._bench.report(error)
        self.status.setText(f"Trained for {run.results['steps']} steps; chosen under Stain.")

    def _on_changed(self) -> None:
        out = self._out()
        unfinished = out is not None and out.with_suffix(".checkpoint").exists()
        self.train.setText("Go on" if unfinished else "Train")
        self.train.setToolTip(
            "Go on with the training that was stopped"
            if unfinished
            else "Train a stain on the two folders, in the background"
        )
        ready = self.confocal.path is not None and self.slides.path is not None
        self.train.setEnabled(self._bench.idle and ready and torch_is_here())

    def _on_theme(self, event: Any = None) -> None:
        theme = get_theme(self._bench.viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

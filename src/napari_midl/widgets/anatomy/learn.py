"""Training a model on the person's own shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from platformdirs import user_data_path
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.engine.ports import FileIn, ModelOut
from napari_midl.errors import InputError
from napari_midl.methods.anatomy import operations
from napari_midl.methods.anatomy.settings import TrainSettings
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.loss_plot import LossPlot
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.project import MODELS, free_name
from napari_midl.widgets.tool.settings_form import SettingsForm

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.widgets.anatomy.workbench import Workbench
    from napari_midl.widgets.parts.model_picker import ModelPicker

_STEM, _SUFFIX = "anatomy", ".safetensors"


class LearnSection(Section):
    """Trains in the background."""

    def __init__(self, bench: Workbench, model: ModelPicker) -> None:
        super().__init__("Learn")
        self._bench, self._model = bench, model
        self.folder = PathPicker(
            "Choose a folder of shapes",
            "Closed meshes (PLY, STL, OBJ in mm) or masks, each with its landmarks in a file of "
            "the same name (.csv, .mrk.json, .fcsv)",
            folder=True,
        )
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.02, 6000)
        self.minutes.setDecimals(2)
        self.minutes.setValue(TrainSettings().minutes)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("How long to train at most")
        self.train = button(
            "Train on my shapes",
            "Make a model of the shapes in the folder, in the background",
            self._on_train,
        )
        self.plot = LossPlot(score=None)
        self.plot.hide()
        self.say = note("What came of the training")
        self.form = SettingsForm(TrainSettings, leave_out=("minutes",))
        self.row("Shapes", self.folder, stretch=1)
        self.row(self.train, self.minutes)
        for widget in (self.plot, self.say, self.form):
            self.body.addWidget(widget)
        self.folder.changed.connect(self._on_changed)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        bench.viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._on_changed()

    def _on_train(self) -> None:
        bench = self._bench
        try:
            settings = self.form.value(minutes=self.minutes.value())
        except InputError as error:
            bench.report(error)
            return
        # Without a scan there is no project to keep it in.
        project = bench.folder or user_data_path("napari-midl", appauthor=False)
        out = free_name(project / MODELS, _STEM, _SUFFIX)
        job = operations.Train(
            folder=FileIn(self.folder.path), out=ModelOut(out), settings=settings
        ).perform()
        if bench.start("Train", job, lambda _: self._on_trained(out), self.plot.add):
            self.plot.clear()
            self.plot.show()
            self.say.setText("")

    def _on_trained(self, path: Path) -> None:
        try:
            self._model.add(path)
        except InputError as error:
            self._bench.report(error)
            return
        self.say.setText(f"Trained: <b>{path.stem}</b> is chosen as the model; it lies in {path}.")

    def _on_opened(self) -> None:
        self.plot.hide()
        if self._bench.folder is None:
            return
        chosen = self._model.choice
        for path in sorted((self._bench.folder / MODELS).glob(f"{_STEM}-*{_SUFFIX}")):
            try:
                self._model.add(path)
            except InputError as error:
                self._bench.report(error)
        self._model.choice = chosen

    def _on_changed(self) -> None:
        ready = self._bench.idle and torch_is_here()
        self.train.setEnabled(ready and self.folder.path is not None)
        self.folder.setEnabled(self._bench.idle)

    def _on_theme(self, event: Any = None) -> None:
        theme = get_theme(self._bench.viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

"""Predicting the whole volume, watching it grow, and where to cut the probability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QCheckBox, QComboBox
from superqt import QLabeledDoubleSlider
from superqt.utils import qthrottled

from napari_midl.engine.ports import ImageIn, OmeZarrOut
from napari_midl.engine.running import Watch
from napari_midl.engine.unfinished import is_unfinished
from napari_midl.errors import InputError
from napari_midl.methods.vessels.operations import Predict
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import PredictSettings
from napari_midl.widgets.looking import looked_at
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.section import Section, button
from napari_midl.widgets.parts.settings_form import SettingsForm
from napari_midl.widgets.project import RESULTS, free_name
from napari_midl.widgets.vessels.layers import PredictionLayers
from napari_midl.widgets.vessels.resume import go_on, settings_of_unfinished

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from napari_midl.engine.jobs import Progress
    from napari_midl.widgets.looking import Box
    from napari_midl.widgets.vessels.learn import LearnSection
    from napari_midl.widgets.vessels.workbench import Workbench

_SUFFIX = ".ome.zarr"
_REFRESH_MS = 500


class PredictSection(Section):
    """Streams a prediction into an OME-Zarr and the viewer."""

    def __init__(
        self, bench: Workbench, learn: LearnSection, values: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__("Predict")
        self._bench, self._learn = bench, learn
        self._written: list[Box] = []
        self._running_path: Path | None = None
        self.out = PathPicker("Name the prediction", "OME-Zarr folder to write or to resume")
        self.out.changed.connect(self._on_named)
        self.predict = button("Predict", "", self._on_predict)
        self.show_button = button("Show", "Show the prediction chosen beside it", self._on_show)
        self.earlier = QComboBox()
        self.earlier.setToolTip("Predictions made of this image before, the newest last")
        self.uncertainty = QCheckBox("uncertainty")
        self.uncertainty.setToolTip(
            "Also write how unsure the model is, from predictions with dropout; takes longer"
        )
        self.form = SettingsForm(
            PredictSettings, leave_out=("threshold", "uncertainty"), values=values
        )
        self.threshold = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.threshold.setRange(0, 1)
        self.threshold.setSingleStep(0.01)
        self.threshold.setDecimals(2)
        self.threshold.setValue(bench.threshold)
        self.threshold.setToolTip(
            "Probability from which a voxel counts as vessel; Analyse and Labels use it too"
        )
        self.row("To", self.out, stretch=1)
        self.row(self.predict, self.uncertainty)
        self.row(self.show_button, self.earlier, stretch=1)
        self.row("Threshold", self.threshold, stretch=1)
        self.body.addWidget(self.form)

        self._cut = qthrottled(self._on_threshold, timeout=60)
        self.threshold.valueChanged.connect(lambda _: self._cut())
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self._refresh)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        self._on_opened()
        self._on_changed()

    def _on_predict(self) -> None:
        bench, out = self._bench, self.out.path
        assert bench.volume is not None and bench.image is not None
        if out is None:
            return
        resume = is_unfinished(out)
        try:
            settings = (
                settings_of_unfinished(out, self.form.widgets["device"].value)
                if resume
                else self.form.value(
                    threshold=bench.threshold, uncertainty=self.uncertainty.isChecked()
                )
            )
            if not resume:
                if out.exists():
                    raise InputError(f"{out} exists already; choose another name.")
                out.parent.mkdir(parents=True, exist_ok=True)
        except (InputError, OSError) as error:
            bench.report(error)
            return
        focus = looked_at(bench.viewer, bench.image)
        operation = Predict(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            model=VesselModelIn(str(self._learn.model.choice)),
            out=OmeZarrOut(out, resume),
            settings=settings,
        )
        job = go_on(operation, Watch(focus)) if resume else operation.perform(Watch(focus))
        self._learn.forget_preview()
        self._running_path = out
        self._written.clear()
        bench.start(
            "Predict", job, lambda _: self._on_done(out), self._on_progress, self._on_finished
        )

    def _on_progress(self, batch: list[Progress]) -> None:
        self._written += [p.preview for p in batch if p.preview is not None]
        out = self._running_path
        if not self._written or out is None:
            return
        prediction = self._bench.prediction
        if prediction is None or prediction.path != out:
            self._show(out)
            self._written.clear()
        elif not self._timer.isActive():
            self._timer.start()

    def _refresh(self) -> None:
        prediction, written = self._bench.prediction, self._written
        self._written = []
        if prediction is not None and prediction.path == self._running_path:
            prediction.refresh(written)

    def _on_done(self, out: Path) -> None:
        prediction = self._bench.prediction
        if prediction is None or prediction.path != out:
            self._show(out)
        self._propose_name()
        self.bring_into_sight(self.threshold)

    def _on_finished(self) -> None:
        self._timer.stop()
        if self._bench.volume is not None:
            # A tile may have been written while the job was being cancelled, and not told.
            z, y, x = self._bench.volume.shape
            self._written = [(slice(0, z), slice(0, y), slice(0, x))]
        self._refresh()

    def _on_show(self) -> None:
        self._show(Path(self.earlier.currentData()))

    def _show(self, out: Path) -> None:
        bench = self._bench
        assert bench.image is not None and bench.volume is not None
        bench.show_prediction(None)
        try:
            shown = PredictionLayers(bench.viewer, bench.image, bench.volume, out, bench.threshold)
        except InputError as error:
            bench.report(error)
            return
        bench.show_prediction(shown)
        self._list(out)

    def _on_threshold(self) -> None:
        self._bench.threshold = round(self.threshold.value(), 2)
        if self._bench.prediction is not None:
            self._bench.prediction.set_threshold(self._bench.threshold)

    def _on_opened(self) -> None:
        self.earlier.clear()
        if self._bench.folder is not None:
            for path in self._results():
                self._list(path)
        self._propose_name()

    def _on_named(self) -> None:
        """A prediction that lies elsewhere can be shown too."""
        if self.out.path is not None and self.out.path.is_dir():
            self._list(self.out.path)
        self._bench.changed.emit()

    def _list(self, path: Path) -> None:
        """Offer a prediction to be shown, and choose it."""
        if self.earlier.findData(str(path)) < 0:
            self.earlier.addItem(path.name.removesuffix(_SUFFIX), str(path))
        self.earlier.setCurrentIndex(self.earlier.findData(str(path)))

    def _results(self) -> list[Path]:
        """The predictions in the project folder, in the order of their numbers."""
        assert self._bench.folder is not None
        found = (self._bench.folder / RESULTS).glob(f"*{_SUFFIX}")
        return sorted(found, key=lambda path: (len(path.name), path.name))

    def _propose_name(self) -> None:
        """The last prediction that was left unfinished, else a new name."""
        folder = self._bench.folder
        if folder is None:
            self.out.path = None
            return
        unfinished = [path for path in self._results() if is_unfinished(path)]
        free = free_name(folder / RESULTS, "prediction", _SUFFIX)
        self.out.path = unfinished[-1] if unfinished else free
        self._bench.changed.emit()

    def _on_changed(self) -> None:
        out = self.out.path
        unfinished = out is not None and not self._bench.runner.running and is_unfinished(out)
        self.predict.setText("Resume" if unfinished else "Predict")
        self.predict.setToolTip(
            "Go on with the prediction that was stopped, with the settings it began with"
            if unfinished
            else "Find the vessels of the whole image, beginning where you look"
        )
        for name, widget in self.form.widgets.items():
            # It goes on with the settings it began with, on whichever device.
            widget.enabled = name == "device" or not unfinished
        self.uncertainty.setEnabled(not unfinished)
        idle = self._bench.idle
        self.predict.setEnabled(idle and out is not None and torch_is_here())
        self.show_button.setEnabled(idle and self.earlier.count() > 0)
        self.earlier.setEnabled(self.show_button.isEnabled())
        self.out.setEnabled(idle)
        self.threshold.setEnabled(self._bench.volume is not None)

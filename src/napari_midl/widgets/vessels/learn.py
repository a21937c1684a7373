"""Fine-tuning a model on what was painted, and seeing whether it became better."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QFileDialog
from superqt.utils import qthrottled

from napari_midl.engine.ports import ImageIn, ModelOut
from napari_midl.engine.running import Watch
from napari_midl.errors import InputError
from napari_midl.methods.vessels.operations import Finetune
from napari_midl.methods.vessels.ports import VesselModelIn
from napari_midl.methods.vessels.settings import FinetuneSettings
from napari_midl.volumes.atomic import whole_file
from napari_midl.widgets.looking import box_in_view
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.loss_plot import LossPlot
from napari_midl.widgets.parts.model_picker import BASE, ModelPicker
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.parts.settings_form import SettingsForm
from napari_midl.widgets.project import MODELS, free_name
from napari_midl.widgets.vessels.layers import Preview
from napari_midl.widgets.vessels.painted import painted

if TYPE_CHECKING:
    from typing import Any

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.runs import Run
    from napari_midl.widgets.looking import Box
    from napari_midl.widgets.vessels.workbench import Workbench

FINE_TUNE = "Fine-tune"
_SUFFIX = ".safetensors"


class LearnSection(Section):
    """Fine-tunes, shows the curve and the preview, and rolls back."""

    def __init__(self, bench: Workbench, device: str = "auto") -> None:
        super().__init__("Learn")
        self._bench = bench
        self._before: list[Any] = []
        self._preview: Preview | None = None
        self._kept = self._enough = False
        self._view: Box | None = None
        self.model = ModelPicker(
            "vessels",
            bench.report,
            "Fine-tune starts from this model; Where next? and Predict use it",
            BASE | {"from scratch (untrained)": "scratch"},
        )
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.05, 600)
        self.minutes.setDecimals(2)
        self.minutes.setSingleStep(0.5)
        self.minutes.setValue(FinetuneSettings().minutes)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip(
            "Longest time to train; it stops sooner when the validation blocks no longer get better"
        )
        self.finetune = button(
            FINE_TUNE, "Teach the model what you painted, in the background", self._on_finetune
        )
        self.live = QCheckBox("preview the view")
        self.live.setChecked(True)
        self.live.toggled.connect(self._on_view)
        self.live.setToolTip("Show the probability of the slice in view while the model learns")
        self.form = SettingsForm(
            FinetuneSettings, leave_out=("minutes", "dense"), values={"device": device}
        )
        self.plot = LossPlot()
        self.plot.hide()
        self.gain = note("Scores on painted blocks that are not trained on, but choose the weights")
        self.gain.hide()
        self.stop = button(
            "Stop and keep", "End the training now and keep the best model so far", self._on_stop
        )
        self.back = button("Roll back", "Go back to the model before", self._on_back)
        self.save = button("Save model…", "Keep the chosen model in a file", self._on_save)
        self.row("Model", self.model, stretch=1)
        self.row(self.finetune, self.minutes, self.live)
        self.body.addWidget(self.form)
        self.body.addWidget(self.plot)
        self.body.addWidget(self.gain)
        self.row(self.stop, self.back, self.save)

        bench.changed.connect(self._on_changed)
        bench.opened.connect(self._on_opened)
        self.model.changed.connect(bench.changed)
        viewer = bench.viewer
        self._look = qthrottled(self._on_view, timeout=200)
        viewer.dims.events.point.connect(self._on_moved)
        viewer.scene.camera.events.connect(self._on_moved)
        viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._on_changed()

    def _on_finetune(self) -> None:
        bench = self._bench
        assert bench.volume is not None and bench.folder is not None
        try:
            settings = self.form.value(minutes=self.minutes.value())
        except InputError as error:
            bench.report(error)
            return
        bench.patches.flush()
        path = free_name(bench.folder / MODELS, "fine-tuned", _SUFFIX)
        self._on_view()
        # The job's thread only ever reads these two attributes, and no widget.
        watch = Watch(view=lambda: self._view, enough=lambda: self._enough)
        operation = Finetune(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            labels=painted(bench.patches.patches, bench.volume),
            model=VesselModelIn(str(self.model.choice)),
            out=ModelOut(path),
            settings=settings,
        )
        job = operation.perform(watch)
        self._remove_preview()
        self._kept = self._enough = False
        started = bench.start(
            FINE_TUNE,
            job,
            lambda outcome: self._on_tuned(outcome.run, path),
            self._on_progress,
            self._on_ended,
        )
        if started:
            assert bench.image is not None
            self._preview = Preview(bench.viewer, bench.image)
            self.plot.clear()
            self.plot.show()
            self.gain.hide()

    def _on_progress(self, batch: list[Progress]) -> None:
        self.plot.add(batch)
        shown = [p.preview for p in batch if p.preview is not None]
        if shown and self._preview is not None:
            self._preview.show(*shown[-1])

    def _on_tuned(self, run: Run, path: Path) -> None:
        before = self.model.choice
        try:
            self.model.add(path)
        except InputError as error:
            self._bench.report(error)
            return
        self._kept = True
        self._before.append(before)
        self.plot.add_score(run.results["after"].get("dice"))
        self.gain.setText(_gain(**run.results))
        self.gain.show()
        self._bench.changed.emit()
        self.bring_into_sight(self.gain)

    def _on_ended(self) -> None:
        if not self._kept:
            self._forget_network()

    def _on_stop(self) -> None:
        runner = self._bench.runner
        self._enough = True
        if runner.paused:
            runner.pause()
        self._on_changed()

    def _on_back(self) -> None:
        self.model.choice = self._before.pop()
        self._forget_network()
        self.gain.setText(f"Rolled back to {self.model.combo.currentText()}.")
        self.gain.show()
        self._bench.changed.emit()

    def _on_save(self) -> None:
        text, _ = QFileDialog.getSaveFileName(
            self, "Save the model", f"vessels{_SUFFIX}", f"Models (*{_SUFFIX})"
        )
        if text:
            try:
                save_copy(Path(self.model.choice), Path(text))
            except InputError as error:
                self._bench.report(error)

    def _on_opened(self) -> None:
        self._before.clear()
        self._forget_network()
        self.gain.hide()
        if self._bench.folder is not None:
            self._list_models(self._bench.folder / MODELS)

    def _list_models(self, folder: Path) -> None:
        """List the models that were made for this image before; the newest is chosen."""
        found = (path for path in folder.glob(f"*{_SUFFIX}") if path not in self.model)
        for path in sorted(found, key=lambda path: path.stat().st_mtime):
            try:
                self.model.add(path)
            except InputError as error:
                self._bench.report(error)

    def _on_changed(self) -> None:
        idle = self._bench.idle
        here = torch_is_here()
        self.finetune.setEnabled(idle and here and bool(self._bench.patches.names))
        runner = self._bench.runner
        learning = runner.running and runner.title == FINE_TUNE and not runner.cancelling
        self.stop.setEnabled(learning and not self._enough)
        self.back.setEnabled(idle and bool(self._before))
        self.save.setEnabled(isinstance(self.model.choice, Path))
        self.model.setEnabled(not runner.running)

    def _on_moved(self, event: Any = None) -> None:
        if self._bench.runner.running:
            self._look()

    def _on_view(self, _: bool = False) -> None:
        image = self._bench.image
        shown = image is not None and self.live.isChecked()
        self._view = box_in_view(self._bench.viewer, image) if shown else None

    def _on_theme(self, event: Any = None) -> None:
        theme = get_theme(self._bench.viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

    def _remove_preview(self) -> None:
        if self._preview is not None:
            self._preview.remove()
            self._preview = None

    def _forget_network(self) -> None:
        """Take away what is shown of a network that is not the one chosen."""
        self._remove_preview()
        self.plot.hide()

    def forget_preview(self) -> None:
        """Take the preview away; something better is to be shown."""
        self._remove_preview()


def save_copy(source: Path, target: Path) -> None:
    """Copy a model file, and its record where it has one.

    Raises
    ------
    InputError
        If the target cannot be written.
    """
    from napari_midl.engine.runs import record_path

    target = target if target.suffix == _SUFFIX else target.with_name(target.name + _SUFFIX)
    for old, new in ((source, target), (record_path(source), record_path(target))):
        if old.exists():
            with whole_file(new) as beside:
                shutil.copyfile(old, beside)


def _gain(steps: int, before: dict[str, float], after: dict[str, float]) -> str:
    if not before or not after:
        return (
            f"{steps} steps. Too little was painted to keep blocks aside, so that before "
            "cannot be held against after; paint one or two more patches."
        )
    rows = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td><td>{before[name]:.2f}</td><td>&nbsp;→&nbsp;</td>"
        f"<td><b>{after[name]:.2f}</b></td></tr>"
        for name in ("dice", "precision", "recall")
    )
    gained = after["dice"] - before["dice"]
    verdict = (
        "better" if gained > 0 else "no better; paint more" if gained == 0 else "worse; Roll back"
    )
    return f"Held-out blocks, before → after {steps} steps: {verdict}.<table>{rows}</table>"

"""Teaching the tracker by the accepted traces, and seeing whether it became better."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari.utils.theme import get_theme
from qtpy.QtWidgets import QDoubleSpinBox

from napari_midl.engine.ports import ImageIn, ModelOut
from napari_midl.errors import InputError
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.ports import AxonModelIn, TracesIn
from napari_midl.methods.axons.settings import FinetuneSettings
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.loss_plot import LossPlot
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.project import MODELS, free_name
from napari_midl.widgets.tool.settings_form import SettingsForm

if TYPE_CHECKING:
    from pathlib import Path

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.learn import Finetuned
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.trace import TraceSection
    from napari_midl.widgets.axons.workbench import Workbench

_STEM, _SUFFIX = "tracker", ".safetensors"
# What fine-tuning asks of a trace, in pixels of the plane.
_SHORTEST = 20.0


class LearnSection(Section):
    """Fine-tunes in the background, and rolls back."""

    def __init__(self, bench: Workbench, trace: TraceSection) -> None:
        super().__init__("Learn")
        self._bench, self._trace = bench, trace
        self._before: list[str | Path] = []
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.02, 600)
        self.minutes.setDecimals(2)
        self.minutes.setSingleStep(0.5)
        self.minutes.setValue(FinetuneSettings().minutes)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("How long to train")
        self.learn = button(
            "Learn from my corrections",
            "Teach the tracker the accepted traces, in the background",
            self._on_learn,
        )
        self.back = button("Roll back", "Go back to the model before", self._on_back)
        self.status = note("Which traces the tracker would learn from")
        self.progress = ProgressPanel(
            bench.learner, "End the training; the tracker stays as it was"
        )
        self.plot = LossPlot(score=None)
        self.plot.hide()
        self.gain = note("Scores on accepted traces that the tracker did not learn from")
        self.gain.hide()
        self.form = SettingsForm(FinetuneSettings, leave_out=("minutes", "dark"))
        self.row(self.learn, self.minutes, self.back)
        for widget in (self.status, self.progress, self.plot, self.gain, self.form):
            self.body.addWidget(widget)
        bench.opened.connect(self._on_opened)
        bench.changed.connect(self._on_changed)
        bench.viewer.events.theme.connect(self._on_theme)
        self._on_theme()
        self._on_changed()

    @property
    def lessons(self) -> list[Trace]:
        """Accepted traces that are long enough to learn from."""
        traces = [entry.trace for entry in self._bench.entries if entry.accepted]
        return [trace for trace in traces if trace.length((0, 1, 1)) >= _SHORTEST]

    def _on_learn(self) -> None:
        bench = self._bench
        assert bench.volume is not None and bench.folder is not None
        try:
            settings = self.form.value(
                minutes=self.minutes.value(), dark=self._trace.settings().dark
            )
        except InputError as error:
            bench.report(error)
            return
        path = free_name(bench.folder / MODELS, _STEM, _SUFFIX)
        job = operations.Finetune(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            traces=TracesIn.of(self.lessons),
            model=AxonModelIn(str(self._trace.model.choice)),
            out=ModelOut(path),
            settings=settings,
        ).perform()
        tuned = partial(self._on_tuned, path)
        if bench.start("Learn", job, tuned, self._on_progress, runner=bench.learner):
            self.plot.clear()
            self.plot.show()
            self.gain.hide()

    def _on_progress(self, batch: list[Progress]) -> None:
        self.plot.add(batch)

    def _on_tuned(self, path: Path, outcome: Outcome[Finetuned]) -> None:
        before = self._trace.model.choice
        try:
            self._trace.model.add(path)
        except InputError as error:
            self._bench.report(error)
            return
        self._before.append(before)
        self.gain.setText(gained(outcome.run.results))
        self.gain.show()
        self._bench.changed.emit()

    def _on_back(self) -> None:
        model = self._trace.model
        model.choice = self._before.pop()
        self.gain.setText(f"Rolled back to {model.combo.currentText()}.")
        self.gain.show()
        self._bench.changed.emit()

    def _on_opened(self) -> None:
        self._before.clear()
        self.plot.hide()
        self.gain.hide()
        if self._bench.folder is None:
            return
        model = self._trace.model
        chosen = model.choice
        for path in sorted((self._bench.folder / MODELS).glob(f"{_STEM}-*{_SUFFIX}")):
            try:
                model.add(path)
            except InputError as error:
                self._bench.report(error)
        model.choice = chosen

    def _on_changed(self) -> None:
        learning = self._bench.learner.running
        idle = self._bench.volume is not None and not learning
        count = len(self.lessons)
        self.progress.setVisible(learning)
        self.learn.setEnabled(idle and count > 0 and torch_is_here())
        self.back.setEnabled(idle and bool(self._before))
        accepted = sum(entry.accepted for entry in self._bench.entries)
        short = f" ({accepted - count} too short to learn from)" if accepted > count else ""
        self.status.setText(
            f"{accepted} accepted trace{'' if accepted == 1 else 's'}{short}; from three on, one "
            "in four is kept aside to measure the gain."
        )

    def _on_theme(self, event: Any = None) -> None:
        theme = get_theme(self._bench.viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())


def gained(results: dict[str, Any]) -> str:
    """Before against after, for a person."""
    before, after, steps = (results[name] for name in ("before", "after", "steps"))
    if not before or not after:
        return (
            f"{steps} steps. Too few traces are accepted to keep one aside, so that before "
            "cannot be held against after; accept three or more."
        )
    rows = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td><td>{form.format(before[key])}</td>"
        f"<td>&nbsp;→&nbsp;</td><td><b>{form.format(after[key])}</b></td></tr>"
        for key, name, form in (
            ("coverage", "fibre covered", "{:.0%}"),
            ("error", "distance to it", "{:.2f} px"),
        )
    )
    # What differs in digits that are not shown is no difference.
    more = round(after["coverage"], 2) - round(before["coverage"], 2)
    nearer = round(before["error"], 2) - round(after["error"], 2)
    gain = more or nearer
    verdict = "better" if gain > 0 else "no better" if gain == 0 else "worse; Roll back"
    return f"Traces kept aside, before → after {steps} steps: {verdict}.<table>{rows}</table>"

"""Training a model in the background, and seeing whether it became better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from napari.utils.notifications import show_info
from napari.utils.theme import get_theme

from napari_midl.engine.models import SUFFIX
from napari_midl.engine.project import free_name
from napari_midl.engine.project_models import copy_model
from napari_midl.engine.running import Outcome, Watch
from napari_midl.engine.unfinished import stopped_training, trained_with
from napari_midl.errors import InputError
from napari_midl.widgets.parts.dock_frame import torch_is_here
from napari_midl.widgets.parts.loss_plot import LossPlot
from napari_midl.widgets.parts.path_picker import PathPicker
from napari_midl.widgets.parts.progress_bar import ProgressPanel
from napari_midl.widgets.parts.section import enable, note
from napari_midl.widgets.tool.dialogs import ask_save, ask_yes
from napari_midl.widgets.tool.models_in_use import ModelsInUse
from napari_midl.widgets.tool.section import B, ToolSection
from napari_midl.widgets.tool.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.operations import Operation
    from napari_midl.engine.runs import Run
    from napari_midl.engine.settings import Settings
    from napari_midl.widgets.parts.model_picker import ModelPicker
    from napari_midl.widgets.worker import JobRunner


class TrainSection(ToolSection[B]):
    """Trains, shows curve and gain, and takes the model into use or back out of it.

    A subclass gives the words and the `operation`.

    Parameters
    ----------
    bench : Bench
        What the sections of the dock share.
    model : ModelPicker
        The training begins with this model where it begins with one; the new one is chosen in it.
    runner : JobRunner, optional
        Trains beside the jobs of `bench.runner`; the section then shows its progress.

    Attributes
    ----------
    verb, tip : str
        Text of the button, which is also the title of the job, and its tooltip.
    stem : str
        Name of the models made here, before their number.
    settings : type
        How to train; its ``minutes`` are shown beside the button.
    elsewhere : tuple of str
        Settings that `operation` takes from elsewhere.
    score : str, optional
        Name of the validation score that the curve shows.
    listens : bool
        Whether the training ends, and keeps what it has, when `Watch.enough` says so.
    choose_newest : bool
        Whether the newest model of a project is chosen when an image is opened.
    """

    verb: ClassVar[str] = "Train"
    tip: ClassVar[str]
    stem: ClassVar[str]
    settings: ClassVar[type[Settings]]
    elsewhere: ClassVar[tuple[str, ...]] = ()
    score: ClassVar[str | None] = None
    listens: ClassVar[bool] = False
    choose_newest: ClassVar[bool] = False

    def __init__(self, bench: B, model: ModelPicker, runner: JobRunner | None = None) -> None:
        super().__init__(bench)
        self.model, self.runner = model, runner or bench.runner
        self.in_use = ModelsInUse(bench, model, self.stem, self.choose_newest)
        self._out: Path | None = None
        self._folders: list[PathPicker] = []
        self._enough = self._kept = False
        self.form: Any = self.make_form(
            self.settings, promote=("minutes",), leave_out=self.elsewhere
        )
        self.train = self.action(self.verb, self.tip, self._on_train)
        self.anew = self.action(
            "Begin anew",
            "Throw away the training that was stopped, and begin another one",
            self._on_anew,
        )
        self.status = note("What the training begins with")
        self.plot = LossPlot(self.score)
        self.gain = note("What came of the training")
        self.stop = self.action(
            "Stop and keep",
            "End the training now and keep the best model so far",
            self._on_stop,
            lambda: self.training and not self._enough,
        )
        self.back = self.action(
            "Roll back",
            "Go back to the model before",
            self._on_back,
            lambda: bool(self.in_use.before) and not self.runner.running,
            bench.model,
        )
        self.save = self.action(
            "Save…",
            "Keep the chosen model in a file",
            self._on_save,
            lambda: isinstance(model.choice, Path),
            model.changed,
        )
        unseen = (self.anew, self.status, self.plot, self.gain)
        for widget in unseen if self.listens else (*unseen, self.stop):
            widget.hide()
        self.shelf = Shelf(bench, model, self)
        self._arrange()
        bench.opened.connect(self._on_opened)
        bench.viewer.events.theme.connect(self._on_theme)
        self.follow(self.refresh, bench.job, bench.model, *self.depends_on())
        self._on_theme()

    def first_rows(self) -> None:
        """Hook: rows above the button, such as where the data lie."""

    def folder_row(self, label: str, caption: str, tip: str) -> PathPicker:
        """A row for a folder to learn from; it can be trained once all such rows are filled."""
        made = PathPicker(caption, tip, folder=True)
        self._folders.append(made)
        made.changed.connect(self.refresh)
        self.enabled_when(made, lambda: not self.runner.running)
        self.row(label, made, stretch=1)
        return made

    def beside(self) -> Sequence[QWidget]:
        """Hook: widgets beside the button."""
        return ()

    def depends_on(self) -> Sequence[Any]:
        """Hook: signals that `can_train` depends on, beside those of the bench."""
        return ()

    def can_train(self) -> bool:
        """Hook: whether there is something to learn from; by default all folders."""
        return all(folder.path is not None for folder in self._folders)

    def operation(self, out: Path) -> Operation[Any]:
        """Hook: the training that writes the model `out`; an `InputError` is told."""
        raise NotImplementedError

    def job(self, out: Path) -> Job[Outcome[Any]]:
        """Hook: what is run; `operation` is enough for most."""
        return self.operation(out).perform(self.watch())

    def watch(self) -> Watch:
        """Hook: what the person wants while it trains; it is asked in the job's thread."""
        return Watch(enough=lambda: self._enough)

    def began(self) -> None:
        """Hook: the training has begun."""

    def progressed(self, batch: list[Progress]) -> None:
        """Hook: more than the curve."""

    def gained(self, run: Run) -> str:
        """Hook: in words, for `gain`, what came of the training."""
        return f"Trained for {run.results.get('steps', 0)} steps."

    def forgotten(self) -> None:
        """Hook: take away what is shown of a network that is not the chosen one."""

    @property
    def training(self) -> bool:
        """Whether it is training, and was not cancelled."""
        runner = self.runner
        return runner.running and runner.title == self.verb and not runner.cancelling

    @property
    def models(self) -> Path | None:
        """The folder of the models of this project."""
        return self.in_use.folder

    def forget(self) -> None:
        """Take away curve and preview."""
        self.plot.hide()
        self.forgotten()

    def refresh(self) -> None:
        """Show what the button does now."""
        stopped = self._stopped() if not self.runner.running else None
        self.train.setText("Go on" if stopped else self.verb)
        self.train.setToolTip(
            f"Go on with the training of {stopped.stem}, which was stopped, with the settings it "
            "began with"
            if stopped
            else self.tip
        )
        bench, alone = self.bench, self.runner is not self.bench.runner
        idle = bench.volume is not None and not self.runner.running if alone else bench.idle
        enable(self.train, idle and torch_is_here() and self.can_train())
        self.anew.setVisible(stopped is not None)
        self.anew.setEnabled(self.train.isEnabled())

    def _arrange(self) -> None:
        self.first_rows()
        self.row(self.train, self.form.outside("minutes"), self.anew, *self.beside())
        self.body.addWidget(self.status)
        if self.runner is not self.bench.runner:
            self.progress = ProgressPanel(self.runner, "End the training; the model stays as it is")
            self.follow(lambda: self.progress.setVisible(self.runner.running), self.bench.job)
            self.body.addWidget(self.progress)
        for widget in (self.form, self.plot, self.gain):
            self.body.addWidget(widget)
        self.row(self.stop, self.back, self.save, self.model.shelf)

    def _stopped(self) -> Path | None:
        return stopped_training(self.models, self.stem) if self.models is not None else None

    def _on_train(self) -> None:
        assert self.models is not None
        stopped = self._stopped()
        out = stopped.with_suffix(SUFFIX) if stopped else free_name(self.models, self.stem, SUFFIX)
        self._enough = self._kept = False
        try:
            job = self.job(out)
        except InputError as error:
            self.bench.report(error)
            return
        if self.bench.start(
            self.verb, job, self._on_trained, self._on_progress, self._on_ended, self.runner
        ):
            self._out = out
            self.plot.clear()
            self.plot.hide()
            self.gain.hide()
            self.began()

    def _on_anew(self) -> None:
        stopped = self._stopped()
        if stopped is not None:
            if not ask_yes(self, "Begin anew", f"Throw away the stopped training {stopped.stem}?"):
                return
            stopped.unlink(missing_ok=True)
        self._on_train()

    def _on_progress(self, batch: list[Progress]) -> None:
        self.plot.add(batch)
        self.progressed(batch)

    def _on_trained(self, outcome: Outcome[Any]) -> None:
        assert self._out is not None
        if outcome.run.results.get("taken", True):
            if not self.in_use.take(self._out):
                return
        else:
            self.in_use.only_list(self._out)
            self.forgotten()
        self._kept = True
        self.in_use.tell()
        self.gain.setText(self.gained(outcome.run))
        self.gain.show()
        self.bench.model.emit()
        self.bring_into_sight(self.gain)

    def _on_ended(self) -> None:
        if not self._kept:
            self.forget()

    def _on_stop(self) -> None:
        self._enough = True
        if self.runner.paused:
            self.runner.pause()
        self.bench.job.emit()

    def _on_back(self) -> None:
        self.in_use.go_back()
        self.forget()
        self.gain.setText(f"Rolled back to {self.model.name}.")
        self.gain.show()
        self.bench.model.emit()

    def _on_save(self) -> None:
        source = Path(self.model.choice)
        path = ask_save(self, "Save the model", Path(source.name), f"Models (*{SUFFIX})")
        try:
            if path is not None:
                show_info(f"Saved {copy_model(source, path)}")
        except InputError as error:
            self.bench.report(error)

    def _on_opened(self) -> None:
        """List the models that were made in this project before."""
        self.forget()
        self.gain.hide()
        self.in_use.find()
        if self.models is not None:
            stopped = self._stopped()
            self.form.fill(trained_with(stopped) if stopped is not None else {})
        self.refresh()

    def _on_theme(self, event: Any = None) -> None:
        theme = get_theme(self.bench.viewer.theme)
        self.plot.set_colours(theme.background.as_hex(), theme.text.as_hex())

"""A job in a background thread: progress, pause, cancel, and errors that cannot vanish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from superqt.utils import GeneratorWorker

from napari_midl.errors import InputError
from napari_midl.widgets.parts.section import once_after
from napari_midl.widgets.threads import LONGEST_WAIT_MS, OneThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.engine.jobs import Job, Progress

EVERY_MS = 100


def nothing(*_: Any) -> None:
    """Nobody asked to be called back."""


class JobFailed(Exception):
    """A job ended with an error of the kind that superqt's worker would swallow."""


class JobRunner(QObject):
    """Drives one job at a time in a thread of its own.

    The job is stepped and closed in the worker's thread; what it yields and returns comes back
    by queued signals, so that all callbacks run in the GUI thread.

    Attributes
    ----------
    changed : Signal
        Started, paused, resumed, cancelling or ended.
    progressed : Signal(list)
        The `Progress` objects since the last time, none left out, at most ten times a second.
    failed : Signal(Exception)
        The job raised.
    outcome : str
        How the last job ended: ``done``, ``failed`` or ``cancelled``; empty before that.
    """

    changed = Signal()
    progressed = Signal(list)
    failed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.title = self.outcome = ""
        self.paused = False
        self.cancelling = False
        self._worker: _JobWorker | None = None
        self._callbacks = _Callbacks()
        self._batch: list[Progress] = []
        self._thread = OneThread()
        self._timer = once_after(EVERY_MS, self._deliver, self)

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return self._worker is not None

    def start(
        self,
        title: str,
        job: Job[Any],
        *,
        on_result: Callable[[Any], object] = nothing,
        on_progress: Callable[[list[Progress]], object] = nothing,
        on_finished: Callable[[], object] = nothing,
    ) -> None:
        """Start a job.

        Parameters
        ----------
        title : str
            What to call it, such as ``Fine-tune``.
        job : generator
            Not started yet.
        on_result, on_progress, on_finished : callable
            Called in the GUI thread with the result, each batch of progress (the last always),
            and in any case at the end. A cancelled job has no result. Of a result that
            `on_result` refuses by an `InputError` the job has failed.

        Raises
        ------
        InputError
            If another job is under way.
        """
        if self._worker is not None:
            job.close()
            raise InputError(
                f"{self.title} is still running; wait for it or cancel it, then press {title}."
            )
        self.title, self.outcome, self.paused, self.cancelling = title, "", False, False
        self._batch = []
        self._callbacks = _Callbacks(on_result, on_progress, on_finished)
        self._worker = worker = _JobWorker(job)
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        worker.errored.connect(self._on_errored)
        # superqt's stubs say that it carries a value.
        worker.finished.connect(self._on_finished)  # type: ignore[arg-type]
        self._thread.start(worker)
        self.changed.emit()

    def pause(self) -> None:
        """Stop asking for the next step, or go on."""
        if self._worker is None or self.cancelling:
            return
        self.paused = not self.paused
        if self.paused:
            self._worker.pause()
        else:
            self._worker.resume()
        self.changed.emit()

    def cancel(self) -> None:
        """End the job before its next step."""
        if self._worker is None or self.cancelling:
            return
        self.cancelling = True
        self._worker.quit()
        self.changed.emit()

    def shut_down(self) -> bool:
        """Cancel and wait for the thread; nothing is called back any more.

        Returns
        -------
        bool
            Whether the job has ended. One that has not ends after the step it is at.
        """
        worker, self._worker, self._callbacks = self._worker, None, _Callbacks()
        self._batch = []
        self._timer.stop()
        if worker is None:
            return True
        worker.quit()
        for signal in (worker.yielded, worker.returned, worker.errored, worker.finished):
            signal.disconnect()
        ended = self._thread.wait(LONGEST_WAIT_MS, worker)
        self.paused = self.cancelling = False
        self.changed.emit()
        return ended

    def _on_yielded(self, progress: Progress) -> None:
        if self._worker is None:
            return
        self._batch.append(progress)
        if not self._timer.isActive():
            self._deliver()

    def _deliver(self) -> None:
        if not self._batch:
            return
        batch, self._batch = self._batch, []
        self._timer.start()
        self.progressed.emit(batch)
        self._callbacks.on_progress(batch)

    def _on_returned(self, result: Any) -> None:
        self._deliver()
        self.outcome = "done"
        try:
            self._callbacks.on_result(result)
        except InputError as error:
            self._on_errored(error)

    def _on_errored(self, error: Exception) -> None:
        self._deliver()
        self.outcome = "failed"
        if self._worker is not None:
            self.failed.emit(error)

    def _on_finished(self) -> None:
        if self._worker is None:
            return
        self._deliver()
        self._timer.stop()
        self.outcome = self.outcome or "cancelled"
        finished = self._callbacks.on_finished
        self._worker, self._callbacks = None, _Callbacks()
        self.paused = self.cancelling = False
        self.changed.emit()
        finished()


@dataclass(frozen=True)
class _Callbacks:
    on_result: Callable[[Any], object] = nothing
    on_progress: Callable[[list[Progress]], object] = nothing
    on_finished: Callable[[], object] = nothing


class _JobWorker(GeneratorWorker):
    """Closes its generator in the thread in which it ran, whatever happens."""

    def __init__(self, job: Job[Any]) -> None:
        super().__init__(_guarded, job)
        self._job = job

    def work(self) -> Any:
        try:
            return super().work()
        finally:
            self._job.close()

    def resume(self) -> None:
        # A pause that was not reached yet would otherwise outlive the wish to go on.
        self._pause_requested = False
        if self.is_paused:
            super().resume()


def _guarded(job: Job[Any]) -> Job[Any]:
    # superqt's GeneratorWorker takes a RuntimeError for its own deletion and emits no signal;
    # torch reports bad shapes and exhausted memory as RuntimeError.
    try:
        return (yield from job)
    except RuntimeError as error:
        raise JobFailed(str(error) or type(error).__name__) from error

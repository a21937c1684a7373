from __future__ import annotations

import threading
import time

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QCoreApplication, QEvent
from qtpy.QtWidgets import QWidget

from napari_midl.engine.jobs import Progress
from napari_midl.errors import InputError
from napari_midl.widgets.lifetime import Lifetime
from napari_midl.widgets.threads import OneThread
from napari_midl.widgets.tool.bench import Bench
from napari_midl.widgets.worker import EVERY_MS, JobFailed, JobRunner


@pytest.fixture
def runner(qtbot):
    made = JobRunner()
    yield made
    made.shut_down()


class Heard:
    """Collects what a runner calls back, and in which thread."""

    def __init__(self):
        self.events, self.batches, self.threads = [], [], set()

    def of(self, runner):
        runner.failed.connect(lambda error: self._note(("error", type(error), str(error))))
        return self.callbacks()

    def callbacks(self):
        return {
            "on_progress": lambda batch: self._note("progress", self.batches.append(batch)),
            "on_result": lambda result: self._note(("result", result)),
            "on_finished": lambda: self._note("finished"),
        }

    def _note(self, event, _=None):
        self.events.append(event)
        self.threads.add(threading.current_thread())

    @property
    def steps(self):
        return [p.done for batch in self.batches for p in batch]


def forever(closed: list[str]):
    """Steps until it is closed, and says in which thread that was."""
    try:
        done = 0
        while True:
            time.sleep(0.005)
            done += 1
            yield Progress(done, 0)
    finally:
        closed.append(threading.current_thread().name)


def test_result_and_every_step_arrive_in_the_gui_thread(runner, qtbot):
    def job():
        for i in range(200):
            yield Progress(i, 200)
        return "done"

    heard = Heard()
    runner.start("Count", job(), **heard.callbacks())
    qtbot.waitUntil(lambda: not runner.running)
    assert heard.steps == list(range(200))
    assert heard.events[-2:] == [("result", "done"), "finished"]
    assert heard.threads == {threading.main_thread()}


def test_progress_comes_in_batches(runner, qtbot):
    def job():
        end = time.monotonic() + 5 * EVERY_MS / 1000
        while time.monotonic() < end:
            time.sleep(0.001)
            yield Progress(0, 0)

    heard = Heard()
    runner.start("Count", job(), **heard.callbacks())
    qtbot.waitUntil(lambda: not runner.running)
    assert len(heard.steps) > 4 * len(heard.batches)


@pytest.mark.parametrize("late", [False, True])
def test_a_runtime_error_does_not_vanish(runner, qtbot, late):
    def job():
        if late:
            yield Progress(0, 1)
        raise RuntimeError("out of memory")
        yield

    heard = Heard()
    runner.start("Break", job(), **heard.of(runner))
    qtbot.waitUntil(lambda: not runner.running)
    assert heard.events[-2:] == [("error", JobFailed, "out of memory"), "finished"]


def test_an_input_error_stays_one(runner, qtbot):
    def job():
        raise InputError("give another file.")
        yield

    heard = Heard()
    runner.start("Break", job(), **heard.of(runner))
    qtbot.waitUntil(lambda: not runner.running)
    assert heard.events == [("error", InputError, "give another file."), "finished"]


def test_a_job_whose_result_is_refused_has_failed(runner, qtbot):
    def job():
        yield Progress(0, 1)
        return "fit"

    def refuse(result):
        raise InputError(f"the {result} came too late.")

    heard = Heard()
    runner.start("Fit", job(), **heard.of(runner) | {"on_result": refuse})
    qtbot.waitUntil(lambda: not runner.running)
    assert heard.events[-2:] == [("error", InputError, "the fit came too late."), "finished"]
    assert runner.outcome == "failed"


def test_cancel_closes_the_job_in_its_own_thread_and_gives_no_result(runner, qtbot):
    closed, heard = [], Heard()
    runner.start("Wait", forever(closed), **heard.callbacks())
    qtbot.waitUntil(lambda: bool(heard.batches))
    runner.cancel()
    assert runner.cancelling
    qtbot.waitUntil(lambda: not runner.running)
    assert closed and closed[0] != threading.main_thread().name
    assert heard.events[-1] == "finished"
    assert not [e for e in heard.events if isinstance(e, tuple)]


def test_a_paused_job_takes_no_step_until_it_is_resumed(runner, qtbot):
    heard = Heard()
    runner.start("Wait", forever([]), **heard.callbacks())
    qtbot.waitUntil(lambda: bool(heard.batches))
    runner.pause()
    qtbot.waitUntil(lambda: runner._worker.is_paused)
    qtbot.wait(2 * EVERY_MS)
    steps = len(heard.steps)
    qtbot.wait(2 * EVERY_MS)
    assert len(heard.steps) == steps
    runner.pause()
    qtbot.waitUntil(lambda: len(heard.steps) > steps)


def test_a_paused_job_can_be_cancelled(runner, qtbot):
    closed, heard = [], Heard()
    runner.start("Wait", forever(closed), **heard.callbacks())
    qtbot.waitUntil(lambda: bool(heard.batches))
    runner.pause()
    qtbot.waitUntil(lambda: runner._worker.is_paused)
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.running)
    assert closed


def test_a_second_job_is_refused_and_the_first_goes_on(runner, qtbot):
    heard = Heard()
    runner.start("Fine-tune", forever([]), **heard.callbacks())
    with pytest.raises(InputError, match=r"Fine-tune is still running.*press Predict"):
        runner.start("Predict", forever([]))
    steps = len(heard.steps)
    qtbot.waitUntil(lambda: len(heard.steps) > steps)
    runner.cancel()
    qtbot.waitUntil(lambda: not runner.running)
    runner.start("Predict", forever([]))
    assert runner.title == "Predict"


def test_shutting_down_waits_for_the_end_and_calls_nothing_back(runner, qtbot):
    closed, heard = [], Heard()
    runner.start("Wait", forever(closed), **heard.callbacks())
    qtbot.waitUntil(lambda: bool(heard.batches))
    before = list(heard.events)
    running = []
    runner.changed.connect(lambda: running.append(runner.running))
    runner.shut_down()
    assert closed
    assert running == [False]
    qtbot.wait(3 * EVERY_MS)
    assert heard.events == before


def test_a_widget_leaves_a_window_that_qt_has_deleted(qtbot):
    first, second, between = QWidget(), QWidget(), QWidget()
    qtbot.addWidget(second)
    inside, ended = QWidget(between), []
    between.setParent(first)
    lifetime = Lifetime(inside, lambda: ended.append(True))
    lifetime.follow()
    between.setParent(second)  # of which the widget inside hears nothing
    first.deleteLater()
    QCoreApplication.sendPostedEvents(first, QEvent.Type.DeferredDelete)
    lifetime.follow()
    assert not ended
    second.show()
    second.close()
    assert ended == [True]


def test_a_job_that_ends_too_late_is_said_and_ends_by_itself(qtbot, monkeypatch):
    monkeypatch.setattr("napari_midl.widgets.worker.LONGEST_WAIT_MS", 50)
    release, ended, heard = threading.Event(), threading.Event(), Heard()

    def stuck():
        try:
            yield Progress(0, 0)
            release.wait(10)
            yield Progress(1, 0)
        finally:
            ended.set()

    parent = QWidget()
    runner = JobRunner(parent)
    runner.start("Predict", stuck(), **heard.callbacks())
    qtbot.waitUntil(lambda: "progress" in heard.events)
    qtbot.wait(50)
    assert not runner.shut_down() and not runner.running
    # Qt would wait here for the thread, if it were the runner's.
    parent.deleteLater()
    del parent, runner
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    before = list(heard.events)
    assert not ended.is_set()
    release.set()
    assert ended.wait(10)
    qtbot.wait(50)
    assert heard.events == before
    assert OneThread().wait(0)


def test_a_dock_says_which_job_has_not_ended(qtbot, monkeypatch):
    said = []
    monkeypatch.setattr("napari_midl.widgets.tool.bench.show_error", said.append)
    bench = Bench(ViewerModel())
    monkeypatch.setattr(bench.runner, "shut_down", lambda: False)
    bench.runner.title = "Fine-tune"
    bench.shut_down()
    assert said == [
        "Fine-tune has not ended yet: it stops after the step it is at. Wait a little before you "
        "start it again."
    ]

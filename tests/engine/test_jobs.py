from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from napari_midl.engine.interrupt import go_on
from napari_midl.engine.jobs import Progress, in_thread, run, stepped_in, wait_for


def count(to: int, log: list[str]):
    try:
        for i in range(to):
            yield Progress(i, to, metrics={"i": float(i)})
        return to
    finally:
        log.append("closed")


def test_run_returns_the_result_and_shows_every_step():
    seen: list[float] = []
    assert run(count(3, []), lambda p: seen.append(p.done)) == 3
    assert seen == [0, 1, 2]


def test_closing_a_job_releases_what_it_holds():
    log: list[str] = []
    job = count(3, log)
    next(job)
    job.close()
    assert log == ["closed"]


def test_a_long_call_can_be_left_before_it_returns():
    release = threading.Event()
    job = wait_for(in_thread(release.wait), Progress(0, 0, "busy"), every=0.01)
    assert next(job).message == "busy"
    assert next(job).message == "busy"
    job.close()
    release.set()


def test_a_call_that_is_left_ends_at_its_next_step():
    ended = threading.Event()

    def steps():
        try:
            while True:
                time.sleep(0.001)
                go_on()
        finally:
            ended.set()

    job = wait_for(in_thread(steps), Progress(0, 0, "busy"), every=0.01)
    next(job)
    job.close()
    assert ended.wait(60)


def test_an_error_in_the_thread_reaches_whoever_drives_the_job():
    def fail():
        raise RuntimeError("lost?")

    with pytest.raises(RuntimeError, match="lost"):
        run(wait_for(in_thread(fail), Progress(0, 0)))


def test_a_context_is_left_while_a_job_rests():
    inside: list[str] = []

    @contextmanager
    def context():
        inside.append("in")
        try:
            yield
        finally:
            inside.pop()

    def job():
        for step in range(2):
            assert inside == ["in"]
            yield Progress(step, 2)
        assert inside == ["in"]
        return "result"

    resting: list[list[str]] = []
    assert run(stepped_in(context, job()), lambda _: resting.append(inside.copy())) == "result"
    assert resting == [[], []]

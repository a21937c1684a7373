"""A job is a generator that yields `Progress` and returns its result.

Whoever drives the generator decides where it runs. Pausing is not asking for the
next step; cancelling is closing the generator. A job therefore yields at least
every few hundred milliseconds and releases what it holds in ``finally``.
"""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, TypeVar
from weakref import WeakSet

from napari_midl.engine.interrupt import stopping_at

T = TypeVar("T")

_LONGEST_END = 5.0  # seconds


@dataclass(frozen=True)
class Progress:
    """How far a job has come.

    Parameters
    ----------
    done, total : float
        Work done and work in all, in the job's own units; a total of 0 means unknown.
    message : str
        What is happening now, for a person.
    metrics : dict of str to float
        Figures worth plotting, such as ``loss`` or ``validation_dice``.
    preview : object, optional
        Something to look at while waiting; each job says what it is.
    note : str
        A sentence that a person is to read, on what was taken for granted.
    """

    done: float
    total: float
    message: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    preview: Any = None
    note: str = ""


Job = Generator[Progress, None, T]


def run(job: Job[T], on_progress: Callable[[Progress], object] | None = None) -> T:
    """Drive a job to its end in this thread and return its result."""
    while True:
        try:
            progress = next(job)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        if on_progress is not None:
            on_progress(progress)


class _Call(Future[T]):
    """What a call in a thread of its own gives, and whether nobody waits for it any more."""

    def __init__(self) -> None:
        super().__init__()
        self.unwanted = Event()


_calls: WeakSet[_Call[Any]] = WeakSet()


def in_thread(function: Callable[[], T]) -> Future[T]:
    """Start a long call that cannot yield in a thread of its own.

    The thread is a daemon: if the job is cancelled the call runs on unseen until it returns or
    asks `interrupt.go_on`, and its result is dropped.
    """
    future: _Call[T] = _Call()

    def call() -> None:
        try:
            with stopping_at(future.unwanted):
                found = function()
            future.set_result(found)
        except BaseException as error:
            future.set_exception(error)

    _calls.add(future)
    Thread(target=call, daemon=True, name="napari-midl call").start()
    return future


def wait_for(future: Future[T], progress: Progress, every: float = 0.2) -> Job[T]:
    """Yield `progress` until a future is done, so that the job can be cancelled meanwhile."""
    try:
        while not wait([future], timeout=every).done:
            yield progress
        return future.result()
    finally:
        if isinstance(future, _Call):
            future.unwanted.set()


@atexit.register
def _end_calls() -> None:
    # Python ends daemon threads in a way that aborts the program where one is in torch.
    if "torch" in sys.modules:
        under_way = list(_calls)
        for call in under_way:
            call.unwanted.set()
        wait(under_way, _LONGEST_END)


def elsewhere(function: Callable[[], T], message: str) -> Job[T]:
    """What a long call that cannot yield gives; it runs in a thread, and can be cancelled."""
    step = Progress(0, 0, message)
    yield step
    return (yield from wait_for(in_thread(function), step))


def stepped_in(context: Callable[[], AbstractContextManager[None]], job: Job[T]) -> Job[T]:
    """A job whose steps each run in a context, which is left while the job rests between them."""
    with closing(job):
        while True:
            with context():
                try:
                    step = next(job)
                except StopIteration as stop:
                    return stop.value  # type: ignore[no-any-return]
            yield step


def mapped(job: Job[T], shown: Callable[[Progress], Progress]) -> Job[T]:
    """A job whose steps are told as `shown` makes them."""
    with closing(job):
        while True:
            try:
                step = next(job)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            yield shown(step)

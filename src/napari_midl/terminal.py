"""Running a job in a terminal: a bar where someone watches, plain lines in a log."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from napari_midl.engine.jobs import run
from napari_midl.engine.pace import Pace, spoken

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job, Progress

T = TypeVar("T")

PLAIN_EVERY = 10.0


def drive(job: Job[T]) -> T:
    """Run a job to its end under a progress bar; an interruption closes it."""
    with closing(job):
        if Console(stderr=True).is_terminal:
            return _under_bar(job)
        shown = PlainProgress()
        result = run(job, shown)
        shown.tell()
        return result


def _under_bar(job: Job[T]) -> T:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[metrics]}", markup=False),
    )
    metrics: dict[str, float] = {}
    pace = Pace()
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, metrics="", left="")

        def show(progress: Progress) -> None:
            if progress.note:
                bar.console.print(progress.note, markup=False, highlight=False, soft_wrap=True)
            metrics.update(progress.metrics)
            bar.update(
                task,
                completed=progress.done,
                total=progress.total or None,
                description=progress.message,
                left=_left(pace, progress),
                metrics=_figures(metrics),
            )

        return run(job, show)


class PlainProgress:
    """Progress for a log file: a line every ten seconds.

    None at once, and notes with the first or at the end, so that a command that cannot do what is
    asked says only why.
    """

    def __init__(self) -> None:
        self.last = time.monotonic()
        self.pace = Pace()
        self.metrics: dict[str, float] = {}
        self.notes: list[str] = []

    def tell(self) -> None:
        """Print the notes that came since."""
        for note in self.notes:
            print(note, file=sys.stderr)
        self.notes.clear()

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        if progress.note:
            self.notes.append(progress.note)
        self.metrics.update(progress.metrics)
        left = _left(self.pace, progress)
        now = time.monotonic()
        if now - self.last < PLAIN_EVERY or not progress.message:
            return
        self.last = now
        self.tell()
        parts = [progress.message]
        if progress.total:
            parts.append(f"{progress.done / progress.total:.0%}")
        parts += [left, _figures(self.metrics)]
        print(*filter(None, parts), sep=", ", file=sys.stderr)


def _left(pace: Pace, progress: Progress) -> str:
    seconds = pace.left(progress.done, progress.total)
    return "" if seconds is None else f"{spoken(seconds)} left"


def _figures(metrics: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in metrics.items())

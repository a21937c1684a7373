"""Running a job in a terminal: a bar where someone watches, plain lines in a log."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from napari_midl.engine.jobs import run

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job, Progress

T = TypeVar("T")

PLAIN_EVERY = 10.0


def drive(job: Job[T]) -> T:
    """Run a job to its end under a progress bar; an interruption closes it."""
    with closing(job):
        if Console(stderr=True).is_terminal:
            return _under_bar(job)
        return run(job, PlainProgress())


def _under_bar(job: Job[T]) -> T:
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[metrics]}", markup=False),
    )
    metrics: dict[str, float] = {}
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None, metrics="")

        def show(progress: Progress) -> None:
            metrics.update(progress.metrics)
            bar.update(
                task,
                completed=progress.done,
                total=progress.total or None,
                description=progress.message,
                metrics=_figures(metrics),
            )

        return run(job, show)


class PlainProgress:
    """Progress for a log file: a line at once, then one every ten seconds."""

    def __init__(self) -> None:
        self.started = self.last = time.monotonic()
        self.message = ""
        self.metrics: dict[str, float] = {}

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        self.metrics.update(progress.metrics)
        now = time.monotonic()
        if now - self.last < PLAIN_EVERY and (self.message or not progress.message):
            return
        self.last, self.message = now, progress.message
        parts = [progress.message]
        if progress.total:
            parts.append(f"{progress.done / progress.total:.0%}")
            if progress.done:
                left = (now - self.started) * (progress.total - progress.done) / progress.done
                parts.append(f"{left:.0f} s left")
        parts.append(_figures(self.metrics))
        print(*filter(None, parts), sep=", ", file=sys.stderr)


def _figures(metrics: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in metrics.items())

"""What the dock starts: jobs that load what they need, and leave their record.

They run in a worker thread. torch is imported there, and not before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_midl.engine.jobs import Job, Progress, in_thread, wait_for
from napari_midl.engine.runs import Run, record_path, write_run
from napari_midl.errors import InputError
from napari_midl.volumes.traces import Trace, check_inside, read_traces, swc_size, write_traces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_midl.engine.models import Model
    from napari_midl.methods.axons.apply import Tracing
    from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings
    from napari_midl.volumes.traces import Seed
    from napari_midl.volumes.volume import Volume

# So few that the first look at their seeds takes well below a second.
TOGETHER = 16


class Ready:
    """The last image made ready for a model, for as long as nothing about it changes."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[Volume, str | Path, TraceSettings], Tracing] | None = None

    def get(self, volume: Volume, choice: str | Path, settings: TraceSettings) -> Job[Tracing]:
        """The tracing of an image by a model."""
        kept = self._kept
        if kept is not None and kept[0][0] is volume and kept[0][1:] == (choice, settings):
            return kept[1]

        def make() -> Tracing:
            from napari_midl.methods.axons.apply import Tracing
            from napari_midl.methods.axons.models import named_model

            return Tracing(volume, named_model(choice), settings)

        made = yield from wait_for(in_thread(make), Progress(0, 0, "looking at the image"))
        self._kept = (volume, choice, settings), made
        return made

    def forget(self) -> None:
        """Make it anew the next time."""
        self._kept = None


@dataclass(frozen=True)
class Grown:
    """How far some traces are.

    Parameters
    ----------
    done : tuple of Trace
        Those that have ended.
    growing : tuple of Trace
        Those under way.
    """

    done: tuple[Trace, ...]
    growing: tuple[Trace, ...]


def follow(
    ready: Ready,
    volume: Volume,
    choice: str | Path,
    settings: TraceSettings,
    seeds: Sequence[Seed],
) -> Job[list[Trace]]:
    """Trace from seeds, a few at a time; previews are `Grown`."""
    tracing = yield from ready.get(volume, choice, settings)
    from napari_midl.methods.axons import apply

    done: list[Trace] = []
    for begin in range(0, len(seeds), TOGETHER):
        some = seeds[begin : begin + TOGETHER]
        fibres = []
        for seed in some:
            yield Progress(len(done), len(seeds), "looking at the seeds")
            tracing.check(seed)
            if tracing.sees_fibre(seed):
                fibres.append(seed)
        job = apply.follow(tracing, fibres)
        try:
            while fibres:
                step = next(job)
                share = len(some) * step.done / max(step.total, 1)
                yield Progress(
                    len(done) + share,
                    len(seeds),
                    f"{len(done)} of {len(seeds)} traced" if len(seeds) > 1 else "following",
                    preview=Grown(tuple(done), _with_empty(step.preview or (), some)),
                )
            done += _with_empty((), some)
        except StopIteration as stop:
            done += _with_empty(stop.value, some)
        finally:
            job.close()
        yield Progress(len(done), len(seeds), preview=Grown(tuple(done), ()))
    return done


def _with_empty(found: Sequence[Trace], seeds: Sequence[Seed]) -> tuple[Trace, ...]:
    """What was found in the order of the seeds; empty traces for those on no fibre."""
    known = {trace.path: trace for trace in found}
    empty = [Trace(s.path, np.zeros((0, 3)), np.zeros(0), why="no fibre") for s in seeds]
    return tuple(known.get(trace.path, trace) for trace in empty)


def connect(
    ready: Ready,
    volume: Volume,
    choice: str | Path,
    settings: TraceSettings,
    start: Sequence[float],
    end: Sequence[float],
    name: str,
) -> Job[list[Trace]]:
    """The fibre between two places, as a list of one."""
    tracing = yield from ready.get(volume, choice, settings)
    from napari_midl.methods.axons import apply

    return [(yield from apply.connect(tracing, start, end, name))]


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned model as it was saved.

    Parameters
    ----------
    path : Path
        The model.
    before, after : dict of str to float
        ``coverage`` and ``error`` (px) on traces kept aside, or empty.
    steps : int
        Steps taken.
    """

    path: Path
    before: dict[str, float]
    after: dict[str, float]
    steps: int


def finetune(
    volume: Volume,
    traces: Sequence[Trace],
    choice: str | Path,
    settings: FinetuneSettings,
    path: Path,
    channel: int = 0,
    time: int = 0,
) -> Job[Tuned]:
    """Fine-tune, and save the model, the traces it learnt from and the record at `path`."""
    started = monotonic()

    def load() -> Model:
        from napari_midl.methods.axons.models import named_model

        return named_model(choice)

    model = yield from wait_for(in_thread(load), Progress(0, 0, "loading the tracker"))
    from napari_midl.engine.models import check_model_path, save_model, whole_name
    from napari_midl.methods.axons import learn

    check_model_path(path)
    lessons = path.with_name(f"{path.stem} traces.csv")
    write_traces(lessons, traces, volume.voxel_size)
    try:
        # Learning from what the file says is what a replay will do.
        known = read_traces(lessons, volume.voxel_size)
        result = yield from learn.finetune(volume, known, model, settings)
        yield Progress(1, 1, "saving the model")
        sha256 = save_model(result.model, path)
    finally:
        if not path.exists():
            lessons.unlink(missing_ok=True)
    run = Run(
        "axons.finetune",
        {
            "image": volume.source,
            "traces": str(lessons.resolve()),
            "model": whole_name(str(choice)),
            "channel": channel,
            "time": time,
        },
        settings.to_dict(),
        inputs={
            "image": volume.identity(),
            "traces": {"sha256": hashlib.sha256(lessons.read_bytes()).hexdigest()},
            "model": {"sha256": model.sha256},
        },
        outputs={"model": {"path": str(path), "sha256": sha256}},
        results={"steps": result.steps, "before": result.before, "after": result.after},
        seconds=monotonic() - started,
    )
    write_run(run, record_path(path))
    return Tuned(path, result.before, result.after, result.steps)


def read(path: Path, volume: Volume) -> Job[list[Trace]]:
    """Read a file of traces that fits the image."""
    size, _ = swc_size(volume)
    traces = yield from _apart(lambda: read_traces(path, size), f"reading {path.name}")
    try:
        check_inside(traces, volume.shape, volume.name)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return traces


def write(path: Path, traces: Sequence[Trace], volume: Volume) -> Job[Path]:
    """Write a file of traces of the image."""
    size, unit = swc_size(volume)
    yield from _apart(lambda: write_traces(path, traces, size, unit), f"writing {path.name}")
    return path


def _apart(function: Callable[[], Any], message: str) -> Job[Any]:
    return (yield from wait_for(in_thread(function), Progress(0, 0, message)))

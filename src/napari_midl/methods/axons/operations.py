"""What can be done with axons: trace, connect, learn from corrections, train, measure, export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_midl.engine.jobs import Progress, in_thread, wait_for
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.ports import ImageIn, ModelOut
from napari_midl.methods.axons.ports import (
    AxonModelIn,
    MeasurementsOut,
    Ready,
    SeedsIn,
    TracesIn,
    TracesOut,
)
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.methods.axons.learn import Finetuned
    from napari_midl.methods.axons.tracing import Tracing
    from napari_midl.volumes.traces import Trace as Traced
    from napari_midl.volumes.volume import Volume


@operation("axons.trace", argument="image")
@dataclass(frozen=True, kw_only=True)
class Trace(Operation["list[Traced]"]):
    """Follow a fibre from each seed.

    Parameters
    ----------
    image : ImageIn
        The image, a plane or a stack.
    seeds : SeedsIn
        Table with the columns path,y,x[,z][,dy,dx[,dz]] in pixels.
    model : AxonModelIn
        ``base`` (shipped), or the path of a model.
    skip : bool
        Leave out seeds on no fibre that the model sees, instead of refusing all.
    out : TracesOut
        The ``.csv`` (pixels) or ``.swc`` (micrometres, a ``.csv`` beside it) to write.
    settings : TraceSettings
        How to follow.
    """

    image: ImageIn
    seeds: SeedsIn
    model: AxonModelIn = AxonModelIn()
    skip: bool = False
    out: TracesOut
    settings: TraceSettings = TraceSettings()

    def job(self, run: Running) -> Job[list[Traced]]:
        """Trace; the previews are `Grown`."""
        seeds = yield from run.open(self.seeds, "reading the seeds")
        tracing = yield from _tracing(run, self.image, self.model, self.settings)
        from napari_midl.methods.axons import apply

        # A person who watches wants to see the first of them soon.
        most = apply.TOGETHER if self.out.path is not None else apply.WATCHED
        found = yield from apply.trace(tracing, seeds, skip=self.skip, most=most)
        _write(run, found, tracing.volume)
        return found

    def said(self, results: dict[str, Any]) -> list[str]:
        """How many, and how long."""
        return [f"{results['traces']} traces, {results['length']:.1f} long in all"]


@operation("axons.connect", argument="image")
@dataclass(frozen=True, kw_only=True)
class Connect(Operation["list[Traced]"]):
    """Find the fibre between two places on it.

    Parameters
    ----------
    image : ImageIn
        The image, a plane or a stack.
    start : tuple of float
        Where it begins, z y x in pixels counted from 0; z is 0 in a plane.
    end : tuple of float
        Where it ends.
    path : str
        Name of the trace.
    model : AxonModelIn
        ``base`` (shipped), or the path of a model.
    out : TracesOut
        The ``.csv`` (pixels) or ``.swc`` (micrometres, a ``.csv`` beside it) to write.
    settings : TraceSettings
        How to follow.
    """

    image: ImageIn
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    path: str = "1"
    model: AxonModelIn = AxonModelIn()
    out: TracesOut
    settings: TraceSettings = TraceSettings()

    def job(self, run: Running) -> Job[list[Traced]]:
        """Connect; the result is a list of one."""
        tracing = yield from _tracing(run, self.image, self.model, self.settings)
        from napari_midl.methods.axons import apply

        found = [(yield from apply.connect(tracing, self.start, self.end, self.path))]
        _write(run, found, tracing.volume)
        return found

    def said(self, results: dict[str, Any]) -> list[str]:
        """How long."""
        return [f"{results['length']:.1f} long"]


@operation("axons.finetune", argument="image")
@dataclass(frozen=True, kw_only=True)
class Finetune(Operation["Finetuned"]):
    """Fine-tune a tracker on the traces of an image.

    Parameters
    ----------
    image : ImageIn
        The image, a plane or a stack.
    traces : TracesIn
        Whole fibres, as ``.swc`` in micrometres or ``.csv`` in pixels.
    model : AxonModelIn
        ``base`` (shipped), or the path of a model.
    out : ModelOut
        The ``.safetensors`` file to write.
    settings : FinetuneSettings
        How to train.
    """

    image: ImageIn
    traces: TracesIn
    model: AxonModelIn = AxonModelIn()
    out: ModelOut
    settings: FinetuneSettings = FinetuneSettings()

    def job(self, run: Running) -> Job[Finetuned]:
        """Train."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.traces import read_traces, swc_size

        known = read_traces(path, swc_size(volume)[0])
        model = yield from run.open(self.model, "loading the tracker")
        from napari_midl.methods.axons import learn

        tuned = yield from learn.finetune(volume, known, model, self.settings, exactly=run.steps)
        yield Progress(1, 1, "saving the model")
        run.save(tuned.model)
        run.results |= {"steps": tuned.steps, "before": tuned.before, "after": tuned.after}
        return tuned

    def said(self, results: dict[str, Any]) -> list[str]:
        """The scores before and after."""
        before, after = results["before"], results["after"]
        return [f"held-out {name}: {before[name]:.3f} -> {after[name]:.3f}" for name in after]


@operation("axons.train")
@dataclass(frozen=True, kw_only=True)
class Train(Operation["Model"]):
    """Train a tracker on synthetic fibres.

    Parameters
    ----------
    out : ModelOut
        The ``.safetensors`` file to write; a training that was stopped goes on.
    settings : TrainSettings
        The agent, the images, how long.
    """

    out: ModelOut
    settings: TrainSettings = TrainSettings()

    def job(self, run: Running) -> Job[Model]:
        """Train, and keep the state at every look."""
        yield Progress(0, 0, "loading torch")
        from napari_midl.methods.axons import learn

        model = yield from learn.train(self.settings, run.checkpoint(), exactly=run.steps)
        run.save(model, half=True)
        run.results |= {"steps": model.card["steps"], "calibration": model.card["calibration"]}
        return model


@operation("axons.measure", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Measure(Operation["pd.DataFrame"]):
    """Measure traces: length, tortuosity, uncertainty.

    Parameters
    ----------
    traces : TracesIn
        Traces, as ``.swc`` in micrometres or ``.csv`` in pixels.
    image : ImageIn, optional
        Their image, which tells the size of a pixel; without it a ``.csv`` is measured in pixels.
    out : MeasurementsOut
        The ``.csv`` to write, a row a trace.
    """

    traces: TracesIn
    image: ImageIn | None = None
    out: MeasurementsOut

    def job(self, run: Running) -> Job[pd.DataFrame]:
        """Measure."""
        volume = (yield from run.open(self.image)) if self.image is not None else None
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.tables import write_table
        from napari_midl.volumes.traces import measurements, read_traces, read_traces_of

        if volume is not None:
            known, size, unit = read_traces_of(path, volume), volume.voxel_size, volume.unit
        else:
            size = (1.0, 1.0, 1.0)
            known, unit = read_traces(path, size), "micrometer" if path.suffix == ".swc" else None
        table = measurements(known, size, unit)
        if self.out.path is not None:
            write_table(table, run.staged())
        run.results["traces"] = len(known)
        return table

    def said(self, results: dict[str, Any]) -> list[str]:
        """How many."""
        return [f"{results['traces']} traces"]


@operation("axons.export", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Export(Operation["list[Traced]"]):
    """Write traces of an image as SWC, or as a table.

    Parameters
    ----------
    traces : TracesIn
        Traces, as ``.swc`` in micrometres or ``.csv`` in pixels.
    image : ImageIn
        Their image, which tells the size of a pixel.
    out : TracesOut
        The ``.csv`` (pixels) or ``.swc`` (micrometres, a ``.csv`` beside it) to write.
    """

    traces: TracesIn
    image: ImageIn
    out: TracesOut

    def job(self, run: Running) -> Job[list[Traced]]:
        """Read and write."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.traces import read_traces_of

        known = read_traces_of(path, volume)
        _write(run, known, volume)
        return known

    def said(self, results: dict[str, Any]) -> list[str]:
        """How many, and how long."""
        return [f"{results['traces']} traces, {results['length']:.1f} long in all"]


def _tracing(
    run: Running, image: ImageIn, model: AxonModelIn, settings: TraceSettings
) -> Job[Tracing]:
    """A model made ready for an image, or what a dock has ready."""
    volume = yield from run.open(image)
    tracker = yield from run.open(model, "loading the tracker")
    step = Progress(0, 0, "looking at the image")
    yield step
    ready = model.ready or Ready()
    make = in_thread(lambda: ready.tracing(volume, tracker, settings))
    return (yield from wait_for(make, step))


def _write(run: Running, found: Sequence[Traced], volume: Volume) -> None:
    from napari_midl.volumes.traces import swc_size, write_traces

    found = [trace for trace in found if len(trace.points)]
    if run.operation.out.path is not None:
        write_traces(run.staged(), found, *swc_size(volume))
    length = sum(trace.length(volume.voxel_size) for trace in found)
    run.results |= {"traces": len(found), "length": length}

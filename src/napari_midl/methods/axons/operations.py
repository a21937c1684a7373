"""What can be done with axons: trace, connect, learn from corrections, train, measure, export."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.engine.jobs import Progress, elsewhere
from napari_midl.engine.lengths import IN_VOXELS, WHY, unit_of, why_voxels
from napari_midl.engine.operations import Operation, operation
from napari_midl.engine.ports import ImageIn, TableOut
from napari_midl.engine.trained import FinetunedOperation, TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.axons.links import accepted, on_their_own
from napari_midl.methods.axons.ports import (
    AxonModelIn,
    KnownIn,
    SeedsIn,
    TracesIn,
    TracesOut,
)
from napari_midl.methods.axons.ready import ready
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings
from napari_midl.methods.axons.words import MORE, Counts, of_seeds
from napari_midl.volumes.boxes import box_in, check_box
from napari_midl.volumes.units import length_in_words, symbol

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.engine.trained import Finetuned
    from napari_midl.volumes.traces import Trace as Traced
    from napari_midl.volumes.volume import Volume


_LOOKING = "looking where the traces lie"


@dataclass(frozen=True, kw_only=True)
class TracesOperation(Operation["list[Traced]"]):
    """An operation that writes traces of an image."""

    image: ImageIn
    out: TracesOut

    def keep(self, run: Running, found: list[Traced], volume: Volume) -> list[Traced]:
        """Write them, but for those that are empty."""
        from napari_midl.volumes.traces import write_traces

        written = [trace for trace in found if len(trace.points)]
        if self.out.path is not None:
            write_traces(run.staged(), written, volume.space)
        length = sum(trace.length(volume.voxel_size) for trace in written)
        run.results |= {"traces": len(written), "length": length, **unit_of(volume)}
        return found

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many, how long, and what is odd about them."""
        length = length_in_words(results["length"], results["unit"])
        many = f"{results['traces']} traces, {length} long in all"
        return [many, *results.get("notes", []), *why_voxels(results)]


@operation("axons.trace", argument="image")
@dataclass(frozen=True, kw_only=True)
class Trace(TracesOperation):
    """Follow the fibre at each seed, or all fibres that stand out; each becomes one trace.

    Parameters
    ----------
    seeds : SeedsIn, optional
        Where to begin; without them places on fibres are found in the image.
    box : str
        Where fibres are looked for without seeds: z0:z1,y0:y1,x0:x1 in voxels, such as
        10:40,0:512,100: ; by default the whole image.
    known : KnownIn, optional
        Traces that are there already: what they follow is not traced again.
    skip : bool
        Leave out seeds on no fibre that the model sees, instead of refusing all.
    keep_overlaps : bool
        Follow every seed, on a traced fibre too, and keep what runs along another trace.
    faint : bool
        Keep traces that hardly stand out from the noise, too.
    """

    seeds: SeedsIn | None = None
    box: str = ""
    known: KnownIn | None = None
    model: AxonModelIn = AxonModelIn()
    skip: bool = False
    keep_overlaps: bool = False
    faint: bool = False
    settings: TraceSettings = TraceSettings()

    def __post_init__(self) -> None:
        if self.box:
            check_box(self.box)
        if self.box and self.seeds is not None:
            raise InputError("A box says where to look for fibres, and seeds do; give one of them.")

    def job(self, run: Running) -> Job[list[Traced]]:
        """Trace; the previews are `Grown`."""
        volume = yield from run.open(self.image)
        text = self.box or ":,:,:"
        box, seeds, places = box_in(text, volume.shape, volume.name), None, []
        if self.seeds is not None:
            seeds = yield from run.open(self.seeds, "reading the seeds")
            places = [seed.position for seed in seeds]
        known = []
        if self.known is not None:
            known = yield from run.open(self.known, "reading the traces", volume=volume)
        tracing = yield from ready(run, volume, self.model, self.settings, places, box)
        from napari_midl.methods.axons import apply, batch, finding

        skip = self.skip or seeds is None
        if seeds is None:
            seeds = yield from finding.find_seeds(tracing, box, {trace.path for trace in known})
        # A person who watches wants to see the first of them soon.
        most = apply.TOGETHER if self.out.path is not None else apply.WATCHED
        if self.keep_overlaps:
            found = yield from apply.trace(tracing, seeds, skip=skip, most=most)
        else:
            if not skip:
                yield from apply.require_fibres(tracing, seeds)
            found = yield from batch.trace_each_fibre(
                tracing, seeds, known, most=min(most, batch.ROUND), faint=self.faint
            )
        if self.out.path is not None:
            found = on_their_own(found)
        run.results["of_seeds"] = asdict(Counts.of(found, len(seeds)))
        return self.keep(run, found, tracing.volume)

    def summary(self, results: dict[str, Any]) -> list[str]:
        """What came of the seeds, and how long the traces are."""
        counts = Counts(**results["of_seeds"])
        return [of_seeds(counts, given=self.seeds is not None), *super().summary(results)]


@operation("axons.connect", argument="image")
@dataclass(frozen=True, kw_only=True)
class Connect(TracesOperation):
    """Find the fibre between two places on it.

    Parameters
    ----------
    start : tuple of float
        Where it begins, z y x in pixels counted from 0; z is 0 in a plane.
    end : tuple of float
        Where it ends.
    through : tuple of float
        Places that it comes by, in their order: z y x of the first, z y x of the next …
    path : str
        Name of the trace.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    through: tuple[float, ...] = ()
    path: str = "1"
    model: AxonModelIn = AxonModelIn()
    settings: TraceSettings = TraceSettings()

    def __post_init__(self) -> None:
        if len(self.through) % 3:
            raise InputError(
                f"through has {len(self.through)} numbers; give z y x of each place, z is 0 in a "
                "plane."
            )

    @property
    def places(self) -> list[tuple[float, float, float]]:
        """The start, the places it comes by, and the end."""
        z, y, x = self.through[::3], self.through[1::3], self.through[2::3]
        return [self.start, *zip(z, y, x, strict=True), self.end]

    def job(self, run: Running) -> Job[list[Traced]]:
        """Connect; the result is a list of one."""
        volume = yield from run.open(self.image)
        tracing = yield from ready(run, volume, self.model, self.settings, self.places)
        from napari_midl.methods.axons import apply

        found = [(yield from apply.connect(tracing, self.places, self.path))]
        return self.keep(run, found, tracing.volume)

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How long."""
        length = length_in_words(results["length"], results["unit"])
        return [f"{length} long", *why_voxels(results)]


@operation("axons.finetune", argument="image")
@dataclass(frozen=True, kw_only=True)
class Finetune(FinetunedOperation):
    """Fine-tune a tracker on the traces of an image.

    Parameters
    ----------
    traces : TracesIn
        Whole fibres, as ``.swc`` in micrometres or ``.csv`` in pixels.
    """

    units: ClassVar[dict[str, str]] = {"error": "px"}
    scored_on, more = "traces", MORE

    image: ImageIn
    traces: TracesIn
    model: AxonModelIn = AxonModelIn()
    settings: FinetuneSettings = FinetuneSettings()

    def finetune(self, run: Running) -> Job[Finetuned]:
        """Train."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.methods.axons.beside import read_and_look

        look = partial(read_and_look, path, volume, ours=self.traces.path is None)
        known, said = yield from elsewhere(look, _LOOKING)
        if said:
            raise InputError(said)
        model = yield from run.open(self.model, "loading the tracker")
        from napari_midl.methods.axons import learn
        from napari_midl.methods.axons.polarity import seen_as

        places = [place for trace in known for place in trace.points.tolist()]
        settings = yield from elsewhere(lambda: seen_as(volume, self.settings, places), _LOOKING)
        run.results["fibres"] = settings.fibres
        return (yield from learn.finetune(volume, known, model, settings, exactly=run.steps))


@operation("axons.train")
@dataclass(frozen=True, kw_only=True)
class Train(TrainedOperation):
    """Train a tracker on synthetic fibres."""

    facts = ("steps", "calibration")

    settings: TrainSettings = TrainSettings()

    def train(self, run: Running) -> Job[Model]:
        """Train."""
        yield Progress(0, 0, "loading torch")
        from napari_midl.methods.axons import learn

        return (yield from learn.train(self.settings, run.checkpoint(), exactly=run.steps))


@operation("axons.measure", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Measure(Operation["pd.DataFrame"]):
    """Measure traces: length, tortuosity, uncertainty.

    Parameters
    ----------
    image : ImageIn, optional
        Their image, which tells the size of a pixel; without it a ``.csv`` is measured in pixels.
    out : TableOut
        The ``.csv`` to write, a row a trace.
    """

    traces: TracesIn
    image: ImageIn | None = None
    out: TableOut

    def job(self, run: Running) -> Job[pd.DataFrame]:
        """Measure."""
        volume = (yield from run.open(self.image)) if self.image is not None else None
        path = yield from run.open(self.traces, "reading the traces")
        from napari_midl.volumes.space import Space
        from napari_midl.volumes.swc import in_pixels, is_swc
        from napari_midl.volumes.tables import write_table
        from napari_midl.volumes.traces import measurements, read_traces

        if volume is not None:
            known = yield from _read(run, path, volume)
            size, unit = volume.voxel_size, volume.unit
        else:
            known, size = read_traces(path, Space()), Space().voxel_size
            unit = "micrometer" if is_swc(path) and not in_pixels(path) else None
        table = measurements(known, size, unit)
        if self.out.path is not None:
            write_table(table, run.staged())
        run.results |= {"traces": len(known), "unit": unit or IN_VOXELS}
        if volume is not None:
            run.results |= unit_of(volume)
        elif unit is None:
            run.results[WHY] = "Lengths are in voxels; give --image, which tells the voxel size."
        return table

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many, the unit of their lengths, and what is odd about them."""
        unit = "voxels" if results["unit"] == IN_VOXELS else symbol(results["unit"])
        many = f"{results['traces']} traces, lengths in {unit}"
        return [many, *results.get("notes", []), *why_voxels(results)]


@operation("axons.export", argument="traces")
@dataclass(frozen=True, kw_only=True)
class Export(TracesOperation):
    """Write traces of an image as SWC, or as a table.

    Parameters
    ----------
    image : ImageIn
        Their image, which tells the size of a pixel.
    accepted_only : bool
        Leave out what nobody has accepted.
    """

    traces: TracesIn
    accepted_only: bool = False

    def job(self, run: Running) -> Job[list[Traced]]:
        """Read and write."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        known = yield from _read(run, path, volume)
        return self.keep(run, accepted(known, path) if self.accepted_only else known, volume)


def _read(run: Running, path: Path, volume: Volume) -> Job[list[Traced]]:
    """The traces of an image; what is odd about where they lie becomes a note."""
    from napari_midl.methods.axons.beside import read_and_look

    known, said = yield from elsewhere(partial(read_and_look, path, volume), _LOOKING)
    if said:
        run.results["notes"] = [said]
    return known

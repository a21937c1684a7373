"""What can be done with axons: trace, connect, join, learn, train, measure, export."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from napari_midl.engine.inputs import ImageIn
from napari_midl.engine.jobs import Progress, elsewhere
from napari_midl.engine.lengths import why_voxels
from napari_midl.engine.operations import operation
from napari_midl.engine.trained import FinetunedOperation, TrainedOperation
from napari_midl.errors import InputError
from napari_midl.methods.axons.keeping import (
    LOOKING,
    Export,
    Measure,
    TracesOperation,
    read_traces_of,
)
from napari_midl.methods.axons.links import on_their_own
from napari_midl.methods.axons.ports import (
    AxonModelIn,
    KnownIn,
    SeedsIn,
    TracesIn,
)
from napari_midl.methods.axons.ready import ready
from napari_midl.methods.axons.settings import FinetuneSettings, TraceSettings, TrainSettings
from napari_midl.methods.axons.words import GUESS, MORE, Counts, of_seeds
from napari_midl.volumes.boxes import box_in, check_box
from napari_midl.volumes.units import length_in_words

if TYPE_CHECKING:
    from napari_midl.engine.jobs import Job
    from napari_midl.engine.models import Model
    from napari_midl.engine.running import Running
    from napari_midl.engine.trained import Finetuned
    from napari_midl.volumes.traces import Trace as Traced

__all__ = ["Connect", "Export", "Finetune", "Join", "Measure", "Trace", "Train"]


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
        from napari_midl.methods.axons.radii import measure_all

        skip = self.skip or seeds is None
        if seeds is None:
            seeds = yield from finding.find_seeds(tracing, box, {trace.path for trace in known})
        # A person who watches wants to see the first of them soon.
        most, first = apply.TOGETHER, batch.ROUND
        if self.out.path is None:
            most, first = apply.WATCHED, apply.FIRST
        if self.keep_overlaps:
            found = yield from apply.trace(tracing, seeds, skip=skip, most=most)
            found = yield from measure_all(tracing.volume, found)
        else:
            if not skip:
                yield from apply.require_fibres(tracing, seeds)
            found = yield from batch.trace_each_fibre(
                tracing, seeds, known, most=min(most, batch.ROUND), first=first, faint=self.faint
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
        if not self.path.strip():
            raise InputError("path is empty; give the trace a name, or a number.")

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
        from napari_midl.methods.axons.radii import measure_all

        found = [(yield from apply.connect(tracing, self.places, self.path))]
        found = yield from measure_all(tracing.volume, found)
        return self.keep(run, found, tracing.volume)

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How long."""
        length = length_in_words(results["length"], results["unit"])
        return [f"{length} long", *why_voxels(results)]


@operation("axons.join", argument="image")
@dataclass(frozen=True, kw_only=True)
class Join(TracesOperation):
    """Join traces into one tree, along the image from where one comes nearest to another.

    Parameters
    ----------
    traces : TracesIn
        What is to be joined. What grows from several somata becomes a tree each.
    guess : bool
        Join also what lies far apart with nothing between in the image, by a doubtful line.
    """

    traces: TracesIn
    guess: bool = False
    model: AxonModelIn = AxonModelIn()
    settings: TraceSettings = TraceSettings()

    def job(self, run: Running) -> Job[list[Traced]]:
        """Join; the result are the bridges, those that are guesses too."""
        volume = yield from run.open(self.image)
        path = yield from run.open(self.traces, "reading the traces")
        known = yield from read_traces_of(run, path, volume)
        places = [place for trace in known for place in trace.points.tolist()]
        tracing = yield from ready(run, volume, self.model, self.settings, places)
        from napari_midl.methods.axons import joining
        from napari_midl.methods.axons.radii import measure_all

        found = yield from joining.bridges(tracing, known)
        found = yield from measure_all(tracing.volume, found)
        kept = [bridge for bridge in found if self.guess or bridge.why != GUESS]
        whole = yield from elsewhere(lambda: joining.one_tree(known, kept), "joining")
        run.results |= {"gaps": len(found), "closed": len(kept)}
        self.keep(run, whole, tracing.volume)
        return found

    def summary(self, results: dict[str, Any]) -> list[str]:
        """How many gaps were closed, and what is left."""
        gaps, closed = results["gaps"], results["closed"]
        if not gaps:
            return ["no gap between the traces: nothing was joined", *super().summary(results)]
        left = "" if gaps == closed else "; the image shows nothing in the others: look, or --guess"
        return [f"{closed} of {gaps} gaps closed{left}", *super().summary(results)]


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
        known, said = yield from elsewhere(look, LOOKING)
        if said:
            raise InputError(said)
        model = yield from run.open(self.model, "loading the tracker")
        from napari_midl.methods.axons import learn
        from napari_midl.methods.axons.polarity import seen_as

        places = [place for trace in known for place in trace.points.tolist()]
        settings = yield from elsewhere(lambda: seen_as(volume, self.settings, places), LOOKING)
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

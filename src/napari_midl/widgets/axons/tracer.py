"""Following fibres, one job at a time, and putting what is found into the list."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from napari_midl.errors import InputError
from napari_midl.methods.axons.edits import continued, facing
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.requests import RequestQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.requests import TraceRequest, Voxel
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.parts.model_picker import ModelPicker


T = TypeVar("T")


class Tracer:
    """Follows what is requested; what is requested meanwhile waits its turn.

    Parameters
    ----------
    bench : AxonsBench
        Runs the jobs and takes the traces.
    model : ModelPicker
        The tracker to follow with.
    settings : callable
        How to follow; may raise `InputError`.
    """

    def __init__(
        self, bench: AxonsBench, model: ModelPicker, settings: Callable[[], TraceSettings]
    ) -> None:
        self._bench, self._model, self._settings = bench, model, settings
        self._queue = RequestQueue()
        bench.opened.connect(self._on_opened)

    def free_names(self, count: int) -> list[str]:
        """Names that neither a trace nor a request has."""
        return self._bench.traces.free_names(count, self._queue.names)

    def request(self, requests: Sequence[TraceRequest]) -> None:
        """Begin, or wait for the traces under way.

        Raises
        ------
        InputError
            If another job is running.
        """
        runner = self._bench.runner
        if runner.running and not self._queue.under_way:
            raise InputError(
                f"{runner.title} is still running; wait for it or cancel it, then click again."
            )
        self._queue.waiting += requests
        self._mark()
        self._begin()

    def bridge(self) -> None:
        """Join the two selected traces along the fibre between their nearest ends.

        Raises
        ------
        InputError
            If a setting lies outside its range.
        """
        bench, pair = self._bench, self._bench.traces.selected
        first, second, _ = facing(pair[0].trace, pair[1].trace, bench.traces.voxel_size)
        z, y, x = (float(v) for v in first.points[-1])
        to_z, to_y, to_x = (float(v) for v in second.points[0])

        def found(between: Trace) -> None:
            if not set(pair) <= set(bench.entries):
                raise InputError("One of the two traces was changed meanwhile; join them again.")
            bench.traces.select(pair)
            bench.traces.join(between)

        self._connect([(z, y, x), (to_z, to_y, to_x)], first.path, found)

    def connect(self, way: Sequence[Voxel]) -> None:
        """Find the fibre through two or more voxels, in their order.

        Raises
        ------
        InputError
            If a setting lies outside its range.
        """
        traces, (name,) = self._bench.traces, self.free_names(1)
        self._connect(way, name, lambda found: traces.add([found]))

    def _connect(self, way: Sequence[Voxel], name: str, then: Callable[[Trace], object]) -> None:
        """Find the fibre along a way, and decide what comes of it."""
        bench = self._bench

        def found(outcomes: list[Outcome[list[Trace]]]) -> None:
            first, *others = (outcome.result[0] for outcome in outcomes)
            whole = reduce(onwards, others, first)
            bench.decide(lambda: then(whole))

        how = (bench.image_in, str(self._model.choice), self._settings())
        ends = list(pairwise(way))
        parts = [self._queue.connect(*how, pair, name).perform() for pair in ends]
        bench.layers.marks.show("connected", way)
        bench.start(
            "From – to",
            one_after_another(parts),
            found,
            on_finished=lambda: bench.layers.marks.show("connected", []),
        )

    def _begin(self) -> None:
        bench, queue = self._bench, self._queue
        if bench.runner.running or not queue.waiting or bench.volume is None:
            return
        try:
            settings = self._settings()
        except InputError as error:
            queue.waiting = []
            self._mark()
            bench.report(error)
            return
        job = queue.begin(bench.image_in, str(self._model.choice), settings).perform()
        bench.start("Trace", job, self._on_traced, self._on_progress, self._on_finished)

    def _on_progress(self, batch: list[Progress]) -> None:
        grown = [p.preview for p in batch if isinstance(p.preview, Grown)]
        if grown:
            self._bench.layers.grow(self._queue.grow(grown[-1]))

    def _on_traced(self, outcome: Outcome[list[Trace]]) -> None:
        self._enter(lambda: self._queue.enter(self._bench.traces, outcome.result))

    def _on_finished(self) -> None:
        queue = self._queue
        if queue.stopped:
            self._enter(lambda: queue.stop(self._bench.traces))
        queue.end()
        self._bench.layers.grow([])
        self._mark()
        self._begin()

    def _enter(self, entered: Callable[[], list[TraceRequest]]) -> None:
        missed: list[TraceRequest] = []
        self._bench.decide(lambda: missed.extend(entered()))
        if missed:
            self._bench.say(" ".join(request.missed for request in missed))

    def _mark(self) -> None:
        """Mark where clicks wait for their traces."""
        queue = self._queue
        places = [request.seed.position for request in (*queue.under_way, *queue.waiting)]
        self._bench.layers.marks.show("traced", places)

    def _on_opened(self) -> None:
        # What was requested, and what is ready, is for the image before.
        self._queue = RequestQueue()


def one_after_another(jobs: Sequence[Job[T]]) -> Job[list[T]]:
    """The results of some jobs, in their order."""
    found = []
    try:
        for job in jobs:
            found.append((yield from job))
    finally:
        for job in jobs:
            job.close()
    return found


def onwards(head: Trace, found: Trace) -> Trace:
    """A trace that goes on with one that begins where it ends."""
    return continued(head, found.part(slice(1, None)))

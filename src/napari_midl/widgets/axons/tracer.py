"""Following fibres, one job at a time, and putting what is found into the list."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info, show_warning

from napari_midl.engine.jobs import in_thread
from napari_midl.errors import InputError
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.requests import RequestQueue, TraceRequest
from napari_midl.methods.axons.words import Counts, of_seeds
from napari_midl.volumes.traces import Seed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.requests import Voxel
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Trace
    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.parts.model_picker import ModelPicker


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

    def prepare(self) -> None:
        """Make the model and the image ready in the background, before the first click."""
        volume = self._bench.volume
        if volume is None:
            return
        try:
            how = (volume, str(self._model.choice), self._settings())
        except InputError:
            return  # said at the click
        # What goes wrong there goes wrong again, and is said, at the click.
        in_thread(partial(self._queue.prepare, *how))

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
        self._begin()

    def batch(self, places: Sequence[Voxel]) -> None:
        """Follow the fibres at many voxels, each once; what hardly stands out is left out.

        Raises
        ------
        InputError
            If another job is running.
        """
        seeds = map(Seed, self.free_names(len(places)), places)
        self.request([TraceRequest(seed, faint=False) for seed in seeds])

    def find(self, box: str) -> None:
        """Follow all fibres in a box of the image that are not traced yet.

        Raises
        ------
        InputError
            If a setting lies outside its range.
        """
        bench, volume, grown = self._bench, self._bench.volume, [Grown()]
        how = (bench.image_in, str(self._model.choice), self._settings())

        def entered(found: Sequence[Trace]) -> None:
            grown.clear()
            bench.decide(lambda: bench.traces.add(self._named(found)))

        def result(outcome: Outcome[list[Trace]]) -> None:
            entered(outcome.result)
            show_info(of_seeds(Counts(**outcome.run.results["of_seeds"]), given=False))

        def progress(steps: list[Progress]) -> None:
            grown[1:] = [step.preview for step in steps if isinstance(step.preview, Grown)][-1:]
            bench.layers.grow([*grown[-1].done, *grown[-1].growing])

        def finished() -> None:
            bench.layers.grow([])
            # It was cancelled or failed: what had ended is kept.
            if grown and bench.volume is volume:
                entered([*grown[-1].done, *grown[-1].more])

        operation = self._queue.find(*how, self._known(), box)
        bench.start("Trace all in view", operation.perform(), result, progress, finished)

    def connect(self, ends: tuple[Voxel, ...]) -> None:
        """Find the fibre through two voxels or more.

        Raises
        ------
        InputError
            If a setting lies outside its range.
        """
        bench, (name,) = self._bench, self.free_names(1)

        def found(outcome: Outcome[list[Trace]]) -> None:
            bench.decide(lambda: bench.traces.add(outcome.result))

        how = (bench.image_in, str(self._model.choice), self._settings())
        bench.start("From – to", self._queue.connect(*how, ends, name).perform(), found)

    def _known(self) -> list[Trace]:
        return [entry.trace for entry in self._bench.entries]

    def _named(self, found: Sequence[Trace]) -> list[Trace]:
        """The traces that are not empty, under names that are free."""
        some = [trace for trace in found if len(trace.points)]
        names = dict(zip((t.path for t in some), self.free_names(len(some)), strict=True))
        links = (
            link and replace(link, path=names.get(link.path, link.path))
            for link in (trace.parent for trace in some)
        )
        return [
            replace(trace, path=names[trace.path], parent=link)
            for trace, link in zip(some, links, strict=True)
        ]

    def _begin(self) -> None:
        bench, queue = self._bench, self._queue
        if bench.runner.running or not queue.waiting or bench.volume is None:
            return
        try:
            settings = self._settings()
        except InputError as error:
            queue.waiting = []
            bench.report(error)
            return
        how = (bench.image_in, str(self._model.choice), settings, self._known())
        job = queue.begin(*how).perform()
        bench.start("Trace", job, self._on_traced, self._on_progress, self._on_finished)

    def _on_progress(self, batch: list[Progress]) -> None:
        grown = [p.preview for p in batch if isinstance(p.preview, Grown)]
        if grown:
            self._bench.layers.grow(self._queue.grow(grown[-1]))

    def _on_traced(self, outcome: Outcome[list[Trace]]) -> None:
        bench, queue, found = self._bench, self._queue, outcome.result
        bench.decide(lambda: queue.enter(bench.traces, found))
        self._tell(queue.under_way, found)

    def _on_finished(self) -> None:
        bench, queue = self._bench, self._queue
        if queue.stopped:
            bench.decide(lambda: queue.stop(bench.traces))
        queue.end()
        bench.layers.grow([])
        self._begin()

    def _tell(self, requests: Sequence[TraceRequest], found: Sequence[Trace]) -> None:
        """Say once what came of a batch, and of a single click only that nothing did."""
        if len(requests) > 1:
            show_info(of_seeds(Counts.of(found, len(requests))))
        elif not len(found[0].points):
            show_warning(requests[0].nothing_new(found[0].why))

    def _on_opened(self) -> None:
        # What was requested, and what is ready, is for the image before.
        self._queue = RequestQueue()

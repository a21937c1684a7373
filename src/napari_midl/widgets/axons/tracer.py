"""Following fibres, one job at a time, and putting what is found into the list."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_midl.engine.jobs import in_thread
from napari_midl.errors import InputError
from napari_midl.methods.axons.ports import Grown
from napari_midl.methods.axons.requests import RequestQueue, TraceRequest
from napari_midl.methods.axons.settings import TraceSettings
from napari_midl.methods.axons.words import (
    GUESS,
    ON,
    ON_NOTHING,
    Counts,
    of_beside,
    of_bridges,
    of_seeds,
    of_stopped,
)
from napari_midl.volumes.traces import Seed
from napari_midl.widgets.axons.other_ways import OtherWays
from napari_midl.widgets.axons.ways import Ways

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from napari_midl.engine.jobs import Job, Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.doubts import Doubt
    from napari_midl.methods.axons.edits import Tie
    from napari_midl.methods.axons.other_ways import OtherWay
    from napari_midl.methods.axons.requests import Voxel
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

    Attributes
    ----------
    other_ways : OtherWays
        On from the doubtful place that is looked at.
    """

    def __init__(
        self, bench: AxonsBench, model: ModelPicker, settings: Callable[[], TraceSettings]
    ) -> None:
        self._bench, self._model, self._settings = bench, model, settings
        self._queue = RequestQueue()
        self._ways = self._make_ways()
        self._preparing: Future[None] | None = None
        self.other_ways = OtherWays(bench, self._finding)
        bench.opened.connect(self._on_opened)

    def prepare(self) -> None:
        """Make the model and the image ready in the background, before the first click."""
        volume, before = self._bench.volume, self._preparing
        # Whoever goes through the time points does not wait for each; a click makes its own ready.
        if volume is None or (before is not None and not before.done()):
            return
        try:
            how = (volume, str(self._model.choice), self._settings())
        except InputError:
            return  # said at the click
        # What goes wrong there goes wrong again, and is said, at the click.
        self._preparing = in_thread(partial(self._queue.prepare, *how))

    def free_names(self, count: int) -> list[str]:
        """Names that neither a trace nor a request has."""
        return self._bench.traces.free_names(count, [*self._queue.names, self._ways.name])

    def request(self, requests: Sequence[TraceRequest]) -> None:
        """Begin, or wait for the traces under way.

        Raises
        ------
        InputError
            If another job is running, or a trace that is to be corrected still is.
        """
        self._require_turn()
        for request in requests:
            if request.instead_of is not None and request.seed.path in self._queue.names:
                raise InputError(
                    f"{request.seed.path} is still being corrected; click again once that is done."
                )
        self._queue.waiting += requests
        self._mark()
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
            bench.decide(lambda: bench.traces.add_found(self._named(found)))

        def result(outcome: Outcome[list[Trace]]) -> None:
            entered(outcome.result)
            bench.say(of_seeds(Counts(**outcome.run.results["of_seeds"]), given=False))

        def progress(steps: list[Progress]) -> None:
            # Many a step shows nothing, and what was shown before stays.
            grown[:] = [*grown, *(s.preview for s in steps if isinstance(s.preview, Grown))][-1:]
            bench.layers.grow([*grown[-1].done, *grown[-1].more, *grown[-1].growing])

        def finished() -> None:
            bench.layers.grow([])
            if not grown or bench.volume is not volume:
                return
            # It was cancelled or failed: what had ended is kept.
            (left,) = grown
            before = len(bench.entries)
            entered([*left.done, *left.more])
            if bench.runner.outcome == "cancelled":
                bench.say(of_stopped(len(bench.entries) - before, len(left.done)))

        operation = self._queue.find(*how, self._known(), box)
        bench.start("Trace all in view", operation.perform(), result, progress, finished)

    def bridge(self, tied: Tie) -> None:
        """Join the two selected traces along the fibre between their ends."""
        self._ways.bridge(tied)
        self._mark()

    def join_all(self, ask: Callable[[Sequence[Trace]], bool | None]) -> None:
        """Join all traces, or the selected trees, into one tree along the image.

        Parameters
        ----------
        ask : callable
            Told the bridges that are guesses; gives whether to draw them, or None to stop.

        Raises
        ------
        InputError
            If they are one tree, or a setting lies outside its range.
        """
        bench = self._bench
        how = (bench.image_in, str(self._model.choice), self._settings())
        operation = self._queue.join(*how, bench.traces.to_join_all())

        def found(outcome: Outcome[list[Trace]]) -> None:
            guesses = [bridge for bridge in outcome.result if bridge.why == GUESS]
            drawn = ask(guesses) if guesses else False
            if drawn is None:
                return
            kept = [bridge for bridge in outcome.result if drawn or bridge.why != GUESS]
            before = _accepted(bench)
            bench.decide(lambda: bench.traces.join_all(kept))
            again = sorted(before - _accepted(bench))
            bench.say(of_bridges(kept, len(outcome.result) - len(kept), again))

        bench.start("Join into one tree", operation.perform(), found)

    def connect(self, way: Sequence[Voxel]) -> None:
        """Find the fibre through two or more voxels; where it meets a trace it grows from that.

        Raises
        ------
        InputError
            If another job is running.
        """
        self._require_turn()
        self._ways.waiting.append(tuple(way))
        self._begin()
        self._mark()

    def _require_turn(self) -> None:
        """Refuse what would have to wait for something else than clicks."""
        runner = self._bench.runner
        if runner.running and not (self._queue.under_way or self._ways.name):
            raise InputError(
                f"{runner.title} is still running; wait for it or cancel it, then click again."
            )

    def _make_ways(self) -> Ways:
        bench, queue = self._bench, self._queue

        def finding(way: tuple[Voxel, ...], name: str) -> Job[Outcome[list[Trace]]]:
            how = (bench.image_in, str(self._model.choice), self._settings())
            return queue.connect(*how, way, name).perform()

        return Ways(bench, finding, lambda: self.free_names(1)[0], self._on_way)

    def _on_way(self) -> None:
        self._begin()
        self._mark()

    def _finding(self, doubt: Doubt) -> Job[list[OtherWay]]:
        """What finds other ways on from a place, by a copy of the settings as they are now."""
        try:
            settings = self._settings()
        except InputError:
            settings = TraceSettings()  # what is wrong is said at a click
        how = (self._bench.opened_volume, str(self._model.choice), settings)
        others = [trace for trace in self._known() if trace is not doubt.entry.trace]
        return self._queue.other_ways(*how, doubt, others)

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
        if bench.runner.running or bench.volume is None:
            return
        if self._ways.waiting:  # a trace that was clicked after them may lie on what they find
            self._ways.begin()
        if bench.runner.running or not queue.waiting:
            return
        try:
            settings = self._settings()
        except InputError as error:
            queue.waiting = []
            self._mark()
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
        changed = bench.shorten(lambda: queue.enter(bench.traces, found))
        self._tell(queue.under_way, found, changed)

    def _on_finished(self) -> None:
        bench, queue = self._bench, self._queue
        if queue.stopped:
            bench.shorten(lambda: queue.stop(bench.traces))
        queue.end()
        bench.layers.grow([])
        self._mark()
        self._begin()

    def _mark(self) -> None:
        """Mark where clicks wait for their traces."""
        queue = self._queue
        places = [request.seed.position for request in (*queue.under_way, *queue.waiting)]
        self._bench.layers.marks.show("awaited", [*places, *self._ways.places])

    def _tell(self, requests: Sequence[TraceRequest], found: Sequence[Trace], changed: str) -> None:
        """Say once what came of a batch, and of a single click what nobody would expect.

        What became of other traces by it is said before, again.
        """
        bench, words = self._bench, list[str]()
        if len(requests) > 1:
            counts = Counts.of(found, len(requests))
            words.append(of_seeds(counts, clicked=requests[0].faint))
        elif not len(found[0].points):
            why = found[0].why
            bench.select([e for e in bench.entries if f"{ON}{e.name}" == why])
            words.append(requests[0].nothing_new(why))
        elif requests[0].is_on_nothing(found[0]):
            words.append(ON_NOTHING)
        clicked = {request.seed.path: request for request in requests if request.faint}
        far = {
            entry.name: clicked[entry.name].beside(entry.trace, bench.traces.voxel_size)
            for entry in bench.entries
            if entry.name in clicked
        }
        beside = {name: bench.in_words(away) for name, away in far.items() if away}
        if beside:
            words.append(of_beside(beside))
        if words:
            bench.say(f"{changed} {'. '.join(words)}".strip())

    def _on_opened(self) -> None:
        # What was requested, and what is ready, is for the image before.
        self._queue = RequestQueue()
        self._ways = self._make_ways()


def _accepted(bench: AxonsBench) -> set[str]:
    """Names of the accepted traces."""
    return {entry.name for entry in bench.entries if entry.accepted}

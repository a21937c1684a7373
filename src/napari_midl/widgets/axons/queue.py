"""Traces that are wanted: followed one job at a time, and entered as they are found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from napari_midl.engine.ports import ImageIn
from napari_midl.errors import InputError
from napari_midl.methods.axons import operations
from napari_midl.methods.axons.ports import AxonModelIn, Grown, Ready, SeedsIn, TracesOut
from napari_midl.widgets.axons.edits import continued
from napari_midl.widgets.axons.entry import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_midl.engine.jobs import Progress
    from napari_midl.engine.running import Outcome
    from napari_midl.methods.axons.settings import TraceSettings
    from napari_midl.volumes.traces import Seed, Trace
    from napari_midl.widgets.axons.workbench import Workbench
    from napari_midl.widgets.parts.model_picker import ModelPicker


@dataclass(frozen=True, eq=False)
class Wish:
    """A trace that is wanted.

    Parameters
    ----------
    seed : Seed
        Where to follow it from.
    head : Trace, optional
        What lies before the seed.
    instead_of : Entry, optional
        The trace that it takes the place of.
    """

    seed: Seed
    head: Trace | None = None
    instead_of: Entry | None = None

    def come_true(self, found: Trace) -> Trace:
        """The whole trace."""
        return found if self.head is None else continued(self.head, found)


class TraceQueue:
    """Follows what is wished for; what is wished for meanwhile waits its turn.

    Parameters
    ----------
    bench : Workbench
        Runs the jobs and takes the traces.
    model : ModelPicker
        The tracker to follow with.
    settings : callable
        How to follow; may raise `InputError`.
    """

    def __init__(
        self, bench: Workbench, model: ModelPicker, settings: Callable[[], TraceSettings]
    ) -> None:
        self._bench, self._model, self._settings = bench, model, settings
        self.ready = Ready()
        self._under_way: list[Wish] = []
        self._waiting: list[Wish] = []
        self._grown: Grown | None = None

    def free_names(self, count: int) -> list[str]:
        """Names that neither a trace nor a wish has."""
        wished = [wish.seed.path for wish in (*self._under_way, *self._waiting)]
        return self._bench.free_names(count, wished)

    def clear(self) -> None:
        """Forget all wishes, and the image they were for."""
        self._waiting.clear()
        self._under_way, self._grown = [], None
        self.ready.forget()

    def add(self, wishes: Sequence[Wish]) -> None:
        """Begin, or wait for the traces under way.

        Raises
        ------
        InputError
            If another job is running.
        """
        if self._bench.runner.running and not self._under_way:
            raise InputError(
                f"{self._bench.runner.title} is still running; wait for it or cancel it, then "
                "click again."
            )
        self._waiting += wishes
        self._begin()

    def _begin(self) -> None:
        bench = self._bench
        if bench.runner.running or not self._waiting or bench.volume is None:
            return
        self._under_way, self._waiting, self._grown = self._waiting, [], Grown()
        try:
            settings = self._settings()
        except InputError as error:
            self._under_way = []
            bench.report(error)
            return
        job = operations.Trace(
            image=ImageIn.of(bench.volume, bench.channel, bench.time),
            seeds=SeedsIn(None, [wish.seed for wish in self._under_way]),
            model=AxonModelIn(str(self._model.choice), self.ready),
            skip=True,
            out=TracesOut(None),
            settings=settings,
        ).perform()
        bench.start("Trace", job, self._on_traced, self._on_grown, self._on_finished)

    def _on_grown(self, batch: list[Progress]) -> None:
        grown = [p.preview for p in batch if isinstance(p.preview, Grown)]
        if grown:
            self._grown = grown[-1]
            found = (*self._grown.done, *self._grown.growing)
            wishes = self._under_way[: len(found)]
            self._bench.layers.grow(
                [wish.come_true(trace) for wish, trace in zip(wishes, found, strict=True)]
            )

    def _on_traced(self, outcome: Outcome[list[Trace]]) -> None:
        self._enter(outcome.result)
        self._grown = None

    def _on_finished(self) -> None:
        if self._grown is not None:
            # Cancelled or failed: what a batch had finished is worth keeping.
            self._enter(self._grown.done)
            self._waiting.clear()
        self._under_way, self._grown = [], None
        self._bench.layers.grow([])
        self._begin()

    def _enter(self, traces: Sequence[Trace]) -> None:
        """Put what was found into the list, as one decision."""
        bench = self._bench
        entries, new = list(bench.entries), []
        for wish, found in zip(self._under_way, traces, strict=False):
            whole = wish.come_true(found)
            if len(found.points) == 0 or len(whole.points) < 2:
                show_warning(
                    f"The tracker sees no fibre at {_spoken(wish.seed.position)}: click nearer to "
                    "the middle of one, or draw it with From – to."
                )
                continue
            new.append(Entry(whole))
            if wish.instead_of in entries:
                entries[entries.index(wish.instead_of)] = new[-1]
            else:
                entries.append(new[-1])
        if new:
            bench.write(entries, new[-1:])


def _spoken(position: Sequence[float]) -> str:
    return ", ".join(f"{axis} {value:.0f}" for axis, value in zip("zyx", position, strict=True))

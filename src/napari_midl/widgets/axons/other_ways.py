"""The other ways on from the doubtful place that a person looks at: found, shown and taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal

from napari_midl.engine.interrupt import go_on
from napari_midl.engine.jobs import Job, run
from napari_midl.widgets.latest import LatestWorker
from napari_midl.widgets.parts.dock_frame import torch_is_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.methods.axons.doubts import Doubt
    from napari_midl.methods.axons.other_ways import OtherWay
    from napari_midl.widgets.axons.bench import AxonsBench


class OtherWays(QObject):
    """Looks for them in the background, each time another place is looked at.

    Parameters
    ----------
    bench : AxonsBench
        Shows them and takes the decision.
    finding : callable
        Gives the job that finds those on from a place.

    Attributes
    ----------
    changed : Signal
        Others were found, or none are offered any more.
    ways : list of OtherWay
        The likeliest first.
    """

    changed = Signal()

    def __init__(self, bench: AxonsBench, finding: Callable[[Doubt], Job[list[OtherWay]]]) -> None:
        super().__init__(bench)
        self._bench, self._finding = bench, finding
        self._doubt: Doubt | None = None
        self.ways: list[OtherWay] = []
        self._worker = LatestWorker(_find, parent=self)
        self._worker.answered.connect(self._offer)
        self._worker.failed.connect(bench.report)

    def look(self, doubt: Doubt | None) -> None:
        """Offer those on from a place, or none."""
        if doubt is self._doubt:
            return
        self._doubt = doubt
        self._worker.forget()
        self._offer([])
        if doubt is not None and torch_is_here():
            self._worker.ask(self._finding(doubt))

    def take(self, which: int = 0) -> None:
        """Let the trace go one of them, as one decision."""
        bench, doubt = self._bench, self._doubt
        if doubt is not None and which < len(self.ways):
            trace = self.ways[which].trace
            bench.shorten(lambda: bench.traces.take_other_way(doubt.entry, trace))

    def shut_down(self) -> None:
        """End what goes on."""
        self._worker.shut_down()

    def _offer(self, ways: list[OtherWay]) -> None:
        if ways or self.ways:
            self.ways = ways
            self._bench.layers.offer([way.trace.points[way.begin - 1 :] for way in ways])
            self.changed.emit()


def _find(job: Job[list[OtherWay]]) -> list[OtherWay]:
    return run(job, lambda _: go_on())

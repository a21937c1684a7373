"""What each click into the image does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_midl.errors import InputError
from napari_midl.methods.axons.overlaps import traced_at
from napari_midl.methods.axons.requests import TraceRequest, branch, correction
from napari_midl.methods.axons.soma_size import soma_radius
from napari_midl.methods.axons.words import NO_SIZE
from napari_midl.volumes.traces import Seed
from napari_midl.widgets.axons.hand import SELECTS, Hand
from napari_midl.widgets.axons.modes import BETWEEN, BRANCH, CORRECT, CUT, MODES, MOVE, SOMA, TRACE
from napari_midl.widgets.axons.pointing import Pointing
from napari_midl.widgets.clicks import Click, Clicks

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_midl.methods.axons.requests import Voxel
    from napari_midl.widgets.axons.bench import AxonsBench
    from napari_midl.widgets.axons.tracer import Tracer

_APART = 3.0


class Clicking(QObject):
    """Selects, traces, corrects and cuts by clicks.

    Parameters
    ----------
    bench : AxonsBench
        The image and its traces.
    tracer : Tracer
        Follows what is clicked.
    mode : callable
        What a click means; None selects.

    Attributes
    ----------
    asked : Signal
        The next click means something else.
    """

    asked = Signal()

    def __init__(
        self,
        bench: AxonsBench,
        tracer: Tracer,
        mode: Callable[[], str | None],
    ) -> None:
        super().__init__(bench)
        self._bench, self._tracer, self._mode = bench, tracer, mode
        self._way: list[Voxel] = []
        self.hand = Hand(bench, mode)
        self._pointing = Pointing(bench)
        self._pointing.failed.connect(bench.report)
        self._clicks = Clicks(
            bench.viewer, self._on_click, lambda: mode() is not None or self.hand.free
        )

    @property
    def begun(self) -> bool:
        """Whether a way was begun that has no end yet."""
        return bool(self._way)

    @property
    def words(self) -> str:
        """What the next click does."""
        mode = self._mode()
        if mode is None:
            return ""
        if mode == BETWEEN and self._way:
            return (
                "Click where the trace ends; with Shift, a place on the way. Backspace takes the "
                "last click back, Esc all."
            )
        return MODES[mode][1]

    def forget(self) -> None:
        """Begin anew: the way that was begun is none."""
        self._set_way([])

    def take_back(self) -> None:
        """Take the last place of the way back."""
        self._set_way(self._way[:-1])

    def shut_down(self) -> None:
        """Listen to the mouse no more."""
        self._clicks.stop()
        self.hand.stop()
        self._pointing.shut_down()
        self._tracer.other_ways.shut_down()

    def _on_click(self, click: Click) -> None:
        if self._bench.volume is None:
            return
        mode = self._mode()
        self._bench.told.emit("")
        try:
            if mode is None:
                self._select(click)
            elif mode == CUT:
                self._cut(click)
            elif mode == CORRECT:
                self.hand.take(click.position)
                self._pointing.at(click, partial(self._checked, self._correct, click.shift))
            elif mode != MOVE:
                does = {
                    TRACE: self._trace,
                    BETWEEN: self._between,
                    BRANCH: self._branch,
                    SOMA: self._soma,
                }[mode]
                self._pointing.at(click, partial(self._checked, does, click.shift))
        except InputError as error:
            self._bench.report(error)

    def _checked(self, does: Callable[[Voxel, bool], None], shift: bool, place: Voxel) -> None:
        """Do something at a voxel; it may have been looked for meanwhile."""
        try:
            does(place, shift)
        except InputError as error:
            self._bench.report(error)

    def _select(self, click: Click) -> None:
        found, bench = self.hand.find(click.position, SELECTS), self._bench
        if found is None:
            way = self.hand.offered(click.position)
            if way is not None:
                self._tracer.other_ways.take(way)
            return
        chosen = [found[0]]
        if click.shift:
            before = list(bench.traces.selected)
            chosen = [e for e in before if e is not found[0]]
            if found[0] not in before:
                chosen.append(found[0])
        bench.select(chosen)

    def _cut(self, click: Click) -> None:
        entry, where = self.hand.take(click.position)
        place = entry.trace.points[where.node].tolist()
        self._bench.shorten(lambda: self._bench.traces.cut(place, click.shift))

    def _trace(self, place: Voxel, shift: bool) -> None:
        traces = self._bench.traces
        known = traced_at(traces.entries, place, voxel_size=traces.voxel_size)
        if known is not None:
            self._bench.select([known])
            self._bench.say(f"This fibre is traced already: it is {known.name}, now selected.")
            return
        (name,) = self._tracer.free_names(1)
        self._tracer.request([TraceRequest(Seed(name, place))])

    def _branch(self, place: Voxel, shift: bool) -> None:
        (name,) = self._tracer.free_names(1)
        self._tracer.request([branch(name, self._bench.traces, place)])

    def _soma(self, place: Voxel, shift: bool) -> None:
        bench, volume = self._bench, self._bench.opened_volume

        def found(radius: float) -> None:
            bench.decide(lambda: bench.traces.add_soma(place, radius))
            if not radius > 0:
                bench.say(NO_SIZE)

        self._pointing.look(place, lambda: soma_radius(volume, place), found)

    def _correct(self, place: Voxel, shift: bool) -> None:
        self._tracer.request([correction(self._bench.traces, place, shift)])

    def _between(self, place: Voxel, shift: bool) -> None:
        if self._way and np.linalg.norm(np.subtract(place, self._way[-1])) < _APART:
            raise InputError("These two places are the same; click two that lie further apart.")
        way = [*self._way, place]
        if len(way) == 1 or shift:
            self._set_way(way)
            return
        self._set_way([])
        self._tracer.connect(way)

    def _set_way(self, way: list[Voxel]) -> None:
        self._way = way
        self._bench.layers.marks.show("way", way)
        self.asked.emit()

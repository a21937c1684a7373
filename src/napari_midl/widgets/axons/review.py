"""The traces, what is decided about them, and the places to look at first."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QMenu

from napari_midl.methods.axons.doubts import (
    Doubt,
    doubts_of,
    stopping_short,
    to_look_at,
    untold,
    without_doubt,
)
from napari_midl.methods.axons.entries import PerEntry
from napari_midl.methods.axons.fine import not_fine
from napari_midl.methods.axons.kinds import KINDS, set_kind
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.methods.axons.words import of_accepting, of_places
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.joins import Joins
from napari_midl.widgets.axons.looks import Looks
from napari_midl.widgets.axons.modes import SOMA
from napari_midl.widgets.axons.trace_table import HEIGHT, TraceTable
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.parts.grip import Grip
from napari_midl.widgets.parts.section import button, note, there
from napari_midl.widgets.tool.review_section import Place, ReviewSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QPushButton

    from napari_midl.methods.axons.entries import Entry
    from napari_midl.widgets.axons.trace import TraceSection

_SIDE = 80
# Those that follow move up as the first are decided.
_MOST = 100
_KEYS = (
    "<small>Keys: <b>T</b> trace, <b>F</b> from – to, <b>B</b> branch, <b>C</b> correct, <b>X</b> "
    "cut, <b>M</b> move points, <b>S</b> soma, <b>Esc</b> leave; <b>N</b> next doubtful, "
    "<b>G</b> fine, <b>O</b> other way, <b>A</b> accept, <b>R</b> or <b>Del</b> reject, "
    "<b>Shift+A</b> accept all sure, <b>J</b> join, <b>Shift+J</b> join into one tree, "
    "<b>Ctrl+Z</b> undo, <b>Ctrl+Shift+Z</b> redo; <b>H</b> hide, <b>P</b> project</small>"
)


class TraceReviewSection(ReviewSection[AxonsBench, Doubt]):
    """Takes the decisions; the list is of doubtful places, the worst first."""

    heading = "Traces"
    tip = "Click a place to fly there; its trace is selected. A accepts it, R rejects it"

    def __init__(self, bench: AxonsBench, trace: TraceSection) -> None:
        self._tracer, self._soma = trace.tracer, trace.modes[SOMA]
        self._doubts_of = PerEntry(doubts_of)
        self._last: Doubt | None = None
        # Where doubtful places were when the last one was shown.
        self._listed: set[tuple[float, ...]] = set()
        self._sure: list[Entry] = []
        super().__init__(bench)
        self.follow(self._on_traced, bench.opened, bench.traced)
        bench.opened.connect(self._on_opened)

    def arrange(self) -> None:
        """Traces above decisions above doubtful places."""
        bench = self.bench
        self.looks = Looks(self)
        self.table = TraceTable(bench)
        self.grip = Grip(self.table, HEIGHT // 2)
        self.accept = self._decision(
            "Accept",
            "The selected traces are right; learning uses them",
            TraceList.accept,
            lambda traces: traces.can_accept,
        )
        self.reject = self._decision(
            "Reject",
            "Delete the selected traces; Undo brings them back",
            TraceList.reject,
            lambda traces: traces.selected,
        )
        joins = Joins(self, self._tracer)
        self.join, self.join_all = joins.pair, joins.all
        self.kind = button(
            "Set type", "Which type the selected traces have in an SWC file", lambda: None
        )
        menu = QMenu(self.kind)
        for kind, word in KINDS.items():
            there(menu.addAction(word)).triggered.connect(partial(self._on_kind, kind))
        self.kind.setMenu(menu)
        self.enabled_when(self.kind, lambda: bench.traces.selected, bench.traced, bench.chosen)
        self.undo = self._decision(
            "Undo",
            "Take the last decision back",
            TraceList.undo,
            lambda traces: traces.history.can_undo,
        )
        self.redo = self._decision(
            "Redo",
            "Make the decision again that was taken back",
            TraceList.redo,
            lambda traces: traces.history.can_redo,
        )
        self.next = self.action(
            "Next doubtful place",
            "Fly to where a proposed trace is most likely off its fibre, the worst first. Where no "
            "doubt is told, as by an SWC file, no place is known",
            self.go_to_next,
        )
        self.fine = self.action(
            "This place is fine",
            "The trace is on its fibre here: this place is not listed again, unless the trace is "
            "changed here",
            self._on_fine,
        )
        ways = self._tracer.other_ways
        self.other_way = self.action(
            "Take the other way",
            "Cut the trace here, and let it go where the dashed line goes; of several, a click on "
            "one takes it. Undo brings the first way back",
            ways.take,
            lambda: ways.ways,
            ways.changed,
        )
        self.accept_sure = self.action(
            "Accept all sure",
            "Accept all traces that have no doubtful place left, but those with no doubt told; "
            "Undo takes it back at once",
            self._on_accept_sure,
        )
        self.count = note(
            "How many places there are where a trace may be off its fibre, and how many traces "
            "came from a file that does not say so: these are neither sure nor doubtful"
        )
        self.keys = note("Click into the image first; the keys press the buttons of these names")
        self.keys.setText(_KEYS)
        self.body.addWidget(self.table)
        self.body.addWidget(self.grip)
        self.row(self.accept, self.reject, self.join, self.undo, self.redo)
        self.row(self.kind, self._soma, self.join_all)
        self.row(self.next, self.fine)
        self.row(self.other_way, self.accept_sure)
        self.body.addWidget(self.count)
        self.body.addWidget(self.list)
        self.body.addWidget(self.keys)

    def place(self, item: Doubt) -> Place:
        """Around the point, in the plane."""
        size = np.array((1, _SIDE, _SIDE))[-spatial_ndim(self.bench.opened_image) :]
        corner = item.position[-len(size) :] - (size - 1) // 2
        what = f"{item.uncertainty:.0%} likely off the fibre"
        if item.short_of:
            what = f"stops short of {item.short_of}"
        return Place(f"{item.entry.name}: {what}", corner.tolist(), size.tolist())

    def shown(self) -> None:
        """Select the trace of the chosen place."""
        self.next.setEnabled(bool(self.items))
        self.fine.setEnabled(self.current is not None)
        self._tracer.other_ways.look(self.current)
        here = [] if self.current is None else [self.current.position.tolist()]
        self.bench.layers.marks.show("doubtful", here)
        if self.current is not None:
            self._last = self.current
            self._listed = {tuple(item.position.tolist()) for item in self.items}
            self.bench.select([self.current.entry])

    def go_to_next(self) -> None:
        """Go on from the last place, also where the list is another since.

        What is new since is not passed over, though it is worse.
        """
        if self.row_shown >= 0 or self._last is None or not self.items:
            super().go_to_next()
            return
        last = self._last
        rows = (
            row
            for row, item in enumerate(self.items)
            if not np.array_equal(item.position, last.position)
            and (
                item.uncertainty <= last.uncertainty
                or tuple(item.position.tolist()) not in self._listed
            )
        )
        row = next(rows, 0)
        self.list.setCurrentRow(row)

    def _on_kind(self, kind: int, checked: bool = False) -> None:
        self.bench.decide(lambda: set_kind(self.bench.traces, kind))

    def _on_fine(self) -> None:
        """Keep that the chosen place is fine, and go on to the next."""
        if self.current is not None:
            z, y, x = self.current.position.tolist()
            self.bench.decide(lambda: self.bench.traces.find_fine((z, y, x)))
            self.go_to_next()

    def _on_accept_sure(self) -> None:
        bench, sure = self.bench, self._sure
        bench.decide(lambda: bench.traces.accept(sure))
        left = sum(not entry.accepted for entry in bench.entries)
        dim = len(untold(bench.entries))
        bench.say(of_accepting(len(sure), left - dim, dim))

    def _decision(
        self,
        text: str,
        tooltip: str,
        decision: Callable[[TraceList], object],
        when: Callable[[TraceList], object],
    ) -> QPushButton:
        bench = self.bench
        return self.action(
            text,
            tooltip,
            lambda: bench.decide(lambda: decision(bench.traces)),
            lambda: when(bench.traces),
            bench.traced,
            bench.chosen,
        )

    def _on_opened(self) -> None:
        self._last = None

    def _on_traced(self) -> None:
        entries = self.bench.entries
        traces = self.bench.traces
        short = stopping_short(entries, traces.voxel_size)
        left = not_fine(chain(*self._doubts_of(entries), short), traces.fine)
        self._sure = without_doubt(entries, left)
        self.accept_sure.setEnabled(bool(self._sure))
        doubts = to_look_at(left)
        self.fill(doubts[:_MOST])
        self.count.setText(of_places(len(doubts), _MOST, len(untold(entries))))
        self.count.setVisible(bool(self.count.text()))
        for widget in (self.table, self.grip):
            widget.setVisible(bool(entries))

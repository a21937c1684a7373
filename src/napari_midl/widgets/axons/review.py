"""The traces, what is decided about them, and the places to look at first."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt

from napari_midl.methods.axons.doubts import Doubt, doubts_of, to_look_at
from napari_midl.methods.axons.entries import PerEntry
from napari_midl.methods.axons.trace_list import TraceList
from napari_midl.widgets.axons.bench import AxonsBench
from napari_midl.widgets.axons.layers import ACCEPTED_COLOUR
from napari_midl.widgets.axons.trace_table import TraceTable
from napari_midl.widgets.images import spatial_ndim
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS, ColourBar
from napari_midl.widgets.parts.section import note
from napari_midl.widgets.tool.review_section import Place, ReviewSection

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QPushButton

_SIDE = 80
# Those that follow move up as the first are decided.
_MOST = 100
_KEYS = (
    "<small>Keys in the image: <b>T</b> trace, <b>C</b> correct, <b>X</b> cut, <b>N</b> next "
    "doubtful, <b>A</b> accept, <b>R</b> reject, <b>J</b> join, <b>U</b> undo, <b>Shift+U</b> "
    "redo</small>"
)


class TraceReviewSection(ReviewSection[AxonsBench, Doubt]):
    """Takes the decisions; the list is of doubtful places, the worst first."""

    heading = "Traces"
    tip = "Click a place to fly there; its trace is selected. A accepts it, R rejects it"

    def __init__(self, bench: AxonsBench) -> None:
        self._doubts_of = PerEntry(doubts_of)
        super().__init__(bench)
        self.follow(self._on_traced, bench.opened, bench.traced)

    def arrange(self) -> None:
        """Traces above decisions above doubtful places."""
        bench = self.bench
        self.bar = ColourBar()
        self.legend = note("Accepted traces are drawn in this colour")
        self.legend.setText(f"<span style='color:{ACCEPTED_COLOUR}'>▬</span> accepted")
        self.table = TraceTable(bench)
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
        self.join = self._decision(
            "Join",
            "Make one of the two selected traces, at their nearest ends",
            TraceList.join,
            lambda traces: traces.can_join,
        )
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
            "Fly to where a proposed trace is most likely off its fibre, the worst first",
            self.go_to_next,
        )
        self.count = note("How many places there are where a trace may be off its fibre")
        self.list.decisions = {Qt.Key.Key_A: self.accept.click, Qt.Key.Key_R: self.reject.click}
        self.keys = note("Click into the image first; the keys press the buttons of these names")
        self.keys.setText(_KEYS)
        self.row(self.bar, self.legend, stretch=0)
        self.body.addWidget(self.table)
        self.row(self.accept, self.reject, self.join, self.undo, self.redo)
        self.row(self.next, self.count, stretch=1)
        self.body.addWidget(self.list)
        self.body.addWidget(self.keys)

    def place(self, item: Doubt) -> Place:
        """Around the point, in the plane."""
        size = np.array((1, _SIDE, _SIDE))[-spatial_ndim(self.bench.opened_image) :]
        corner = item.position[-len(size) :] - (size - 1) // 2
        words = f"{item.entry.name}: {item.uncertainty:.0%} likely off the fibre"
        return Place(words, corner.tolist(), size.tolist())

    def shown(self) -> None:
        """Select the trace of the chosen place."""
        self.next.setEnabled(bool(self.items))
        if self.current is not None:
            self.bench.select([self.current.entry])

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

    def _on_traced(self) -> None:
        entries = self.bench.entries
        doubts = to_look_at(chain.from_iterable(self._doubts_of(entries)))
        self.fill(doubts[:_MOST])
        more = f", the worst {_MOST} are listed" if len(doubts) > _MOST else ""
        self.count.setText(f"{len(doubts)} to look at{more}" if doubts else "")
        if entries:
            self.bar.show_range("sure", UNCERTAINTY_COLOURS, 0, 1, "off the fibre")
            self.bar.low.setText("on the fibre")
            self.bar.high.setText("off it")
            self.bar.setToolTip(
                "Colours of proposed traces: how likely the tracker is off the fibre there, from "
                "0 (blue) to 1 (red)"
            )
        for widget in (self.bar, self.legend, self.table):
            widget.setVisible(bool(entries))

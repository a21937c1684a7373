"""The list of traces, what is decided about them, and the places to look at."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_midl.errors import InputError
from napari_midl.widgets.axons.edits import doubts, doubts_of, joined
from napari_midl.widgets.axons.entry import PerEntry
from napari_midl.widgets.axons.layers import ACCEPTED_COLOUR
from napari_midl.widgets.images import spatial_ndim, symbol
from napari_midl.widgets.looking import fly_to
from napari_midl.widgets.parts.colour_bar import UNCERTAINTY_COLOURS, ColourBar
from napari_midl.widgets.parts.section import Section, button, note
from napari_midl.widgets.parts.table import TableView

if TYPE_CHECKING:
    from napari_midl.widgets.axons.edits import Doubt
    from napari_midl.widgets.axons.entry import Entry
    from napari_midl.widgets.axons.workbench import Workbench

_LOOK = 80


class ReviewSection(Section):
    """Shows the traces, and takes the decisions."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__("Traces")
        self._bench = bench
        self._doubts: list[Doubt] = []
        self._doubts_of = PerEntry(doubts_of)
        self._rows_of = PerEntry(self._row)
        self._visited = -1
        self._filling = False
        self.bar = ColourBar()
        self.legend = note()
        self.legend.setText(f"<span style='color:{ACCEPTED_COLOUR}'>▬</span> accepted")
        self.legend.setToolTip("Accepted traces are drawn in this colour")
        self.table = TableView(pd.DataFrame(), editable=0)
        self.table.edited.connect(self._on_renamed)
        self.table.view.setToolTip(
            "Click a trace to select it, with Ctrl or Shift several; a column's name to sort.\n"
            "Double-click a name to change it.\n"
            "bent: tortuosity, the length over the straight distance of the ends.\n"
            "unsure: how likely it is off its fibre, from 0 to 1, on average over the trace."
        )
        self.table.setFixedHeight(150)
        self.table.selected.connect(self._on_rows)
        self.accept = button(
            "Accept", "The selected traces are right; learning uses them", self._on_accept
        )
        self.reject = button(
            "Reject", "Delete the selected traces; Undo brings them back", self._on_reject
        )
        self.join = button(
            "Join", "Make one of the two selected traces, at their nearest ends", self._on_join
        )
        self.undo = button("Undo", "Take the last decision back", bench.undo)
        self.redo = button("Redo", "Make the decision again that was taken back", bench.redo)
        self.next = button(
            "Next doubtful place",
            "Fly to where a proposed trace is most likely off its fibre, the worst first",
            self._on_next,
        )
        self.doubt = note("The place that is shown, and how likely it is off the fibre")
        self.row(self.bar, self.legend, stretch=0)
        self.body.addWidget(self.table)
        self.row(self.accept, self.reject, self.join, self.undo, self.redo)
        self.row(self.next, self.doubt, stretch=1)
        self.keys = note("Click into the image first; the keys press the buttons of these names")
        self.keys.setText(
            "<small>Keys in the image: <b>T</b> trace, <b>C</b> correct, <b>X</b> cut, <b>N</b> "
            "next doubtful, <b>A</b> accept, <b>R</b> reject, <b>J</b> join, <b>U</b> undo, "
            "<b>Shift+U</b> redo</small>"
        )
        self.body.addWidget(self.keys)
        bench.traced.connect(self._on_traced)
        bench.chosen.connect(self._on_chosen)
        bench.changed.connect(self._on_changed)
        self._on_traced()
        self._on_changed()

    def _on_accept(self) -> None:
        bench = self._bench
        new = {e: replace(e, accepted=True) for e in bench.selected if not e.accepted}
        bench.write([new.get(e, e) for e in bench.entries], list(new.values()))

    def _on_reject(self) -> None:
        bench = self._bench
        bench.write([e for e in bench.entries if e not in bench.selected])

    def _on_join(self) -> None:
        bench = self._bench
        one, other = bench.selected
        new = replace(
            one,
            trace=joined(one.trace, other.trace, bench.voxel_size),
            accepted=one.accepted and other.accepted,
        )
        bench.write([new if e is one else e for e in bench.entries if e is not other], [new])

    def _on_next(self) -> None:
        bench = self._bench
        self._visited = (self._visited + 1) % len(self._doubts)
        doubt = self._doubts[self._visited]
        size = np.array((1, _LOOK, _LOOK))[-spatial_ndim(bench.image) :]
        corner = doubt.position[-len(size) :] - (size - 1) // 2
        fly_to(bench.viewer, bench.image, corner, size)
        bench.select([doubt.entry])
        self.doubt.setText(
            f"{self._visited + 1} of {len(self._doubts)}: {doubt.entry.name}, "
            f"{doubt.uncertainty:.0%} likely off the fibre"
        )

    def _on_renamed(self, row: int, text: str) -> None:
        bench = self._bench
        old, name = bench.entries[row], text.strip()
        if name == old.name:
            return
        try:
            if not name or name in {entry.name for entry in bench.entries}:
                raise InputError("Each trace needs a name of its own; choose another one.")
            new = replace(old, trace=replace(old.trace, path=name))
            bench.write([new if e is old else e for e in bench.entries], [new])
        except InputError as error:
            bench.report(error)

    def _on_rows(self, rows: list[int]) -> None:
        if not self._filling:
            self._bench.select([self._bench.entries[row] for row in rows])

    def _on_traced(self) -> None:
        bench = self._bench
        self._doubts = doubts(chain.from_iterable(self._doubts_of(bench.entries)))
        self._visited = -1
        self.doubt.setText(f"{len(self._doubts)} to look at" if self._doubts else "")
        if bench.entries:
            unit = symbol(bench.volume.unit) if bench.volume.unit else "px"
            names = ["name", f"length ({unit})", "bent", "unsure", "state"]
            shown = pd.DataFrame(self._rows_of(bench.entries), columns=names)
            self._filling = True
            self.table.fill(shown, keep_order=True)
            self._filling = False
            self.bar.show_range("sure", UNCERTAINTY_COLOURS, 0, 1, "off the fibre")
            self.bar.low.setText("on the fibre")
            self.bar.high.setText("off it")
            self.bar.setToolTip(
                "Colours of proposed traces: how likely the tracker is off the fibre there, from "
                "0 (blue) to 1 (red)"
            )
        for widget in (self.bar, self.legend, self.table):
            widget.setVisible(bool(bench.entries))

    def _row(self, entry: Entry) -> tuple[str, float, float, float, str]:
        """Short, so that the columns fit into the dock."""
        size, trace = self._bench.voxel_size, entry.trace
        bent, unsure = trace.tortuosity(size), float(np.mean(trace.uncertainty))
        return entry.name, trace.length(size), round(bent, 2), round(unsure, 2), entry.state

    def _on_chosen(self) -> None:
        if not self._bench.entries:
            return
        self._filling = True
        entries, selected = self._bench.entries, self._bench.selected
        rows = [row for row, entry in enumerate(entries) if entry in selected]
        if rows != self.table.rows:
            self.table.select(rows)
        self._filling = False

    def _on_changed(self) -> None:
        bench = self._bench
        count = len(bench.selected)
        self.accept.setEnabled(any(not entry.accepted for entry in bench.selected))
        self.reject.setEnabled(count > 0)
        self.join.setEnabled(count == 2)
        self.undo.setEnabled(bench.book.can_undo)
        self.redo.setEnabled(bench.book.can_redo)
        self.next.setEnabled(bool(self._doubts))

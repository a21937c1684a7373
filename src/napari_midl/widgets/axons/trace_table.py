"""The list of traces: click to select, double-click to rename."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from superqt.utils import signals_blocked

from napari_midl.methods.axons.entries import PerEntry, overview
from napari_midl.methods.axons.kinds import kind_of
from napari_midl.volumes.units import symbol
from napari_midl.widgets.axons.colouring import path_orders
from napari_midl.widgets.parts.table import TableView

if TYPE_CHECKING:
    from napari_midl.methods.axons.entries import Entry
    from napari_midl.widgets.axons.bench import AxonsBench

HEIGHT = 150


class TraceTable(TableView):
    """Shows the traces of a bench, follows what is selected and selects."""

    def __init__(self, bench: AxonsBench) -> None:
        super().__init__(pd.DataFrame(), editable=0)
        self._bench = bench
        self._rows_of = PerEntry(self._row)
        self.setFixedHeight(HEIGHT)
        self.view.setToolTip(
            "Click a trace to select it, with Ctrl or Shift several; a column's name to sort,\n"
            "the third time in the order in which they were made again.\n"
            "Double-click a name to change it.\n"
            "bent: tortuosity, the length over the straight distance of the ends.\n"
            "unsure: how likely it is off its fibre, from 0 to 1, on average over what is told\n"
            "of the trace; empty where no doubt is told, as by an SWC file.\n"
            "order: 1 for what begins a tree, one more for what branches off it."
        )
        self.edited.connect(self._on_renamed)
        self.selected.connect(self._on_rows)
        bench.traced.connect(self._fill)
        bench.opened.connect(self._on_opened)
        bench.chosen.connect(self._on_chosen)

    def _on_opened(self) -> None:
        # Their lengths are in the units of the image.
        self._rows_of = PerEntry(self._row)
        self._fill()

    def _fill(self) -> None:
        volume, entries = self._bench.volume, self._bench.entries
        if volume is None or not entries:
            return
        unit = symbol(volume.unit) if volume.unit else "px"
        names = ["name", f"length ({unit})", "bent", "unsure", "state"]
        table = pd.DataFrame(self._rows_of(entries), columns=names)
        # What decisions are about comes first: a narrow dock shows no more.
        table = table[[names[0], names[1], "unsure", "state", "bent"]]
        traces = [entry.trace for entry in entries]
        kinds = [kind_of(trace) for trace in traces]
        if len(set(kinds)) > 1 or any(trace.parent for trace in traces):
            orders = path_orders(traces)
            table["type"] = kinds
            table["order"] = [orders[trace.path] for trace in traces]
            table["grows from"] = [t.parent.path if t.parent else "" for t in traces]
        with signals_blocked(self):
            self.fill(table, keep_order=True)

    def _row(self, entry: Entry) -> tuple[str, float, float, float, str]:
        return overview(entry, self._bench.opened_volume.voxel_size)

    def _on_renamed(self, row: int, text: str) -> None:
        traces = self._bench.traces
        self._bench.decide(lambda: traces.rename(traces.entries[row], text))

    def _on_rows(self, rows: list[int]) -> None:
        self._bench.select([self._bench.entries[row] for row in rows])

    def _on_chosen(self) -> None:
        chosen = set(self._bench.traces.selected)
        rows = [row for row, entry in enumerate(self._bench.entries) if entry in chosen]
        if self._bench.entries and rows != self.rows:
            with signals_blocked(self):
                self.select(rows)

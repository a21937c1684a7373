"""A table in a window."""

from __future__ import annotations

import pandas as pd

from napari_midl.widgets.parts.table import TableView


def test_what_is_no_number_is_left_empty(qtbot):
    table = TableView(pd.DataFrame({"tortuosity": [1.25, float("nan")], "kind": ["a", "cycle"]}))
    qtbot.addWidget(table)
    model = table.view.model()
    shown = [[model.index(row, column).data() for column in (0, 1)] for row in (0, 1)]
    assert shown == [["1.25", "a"], ["", "cycle"]]

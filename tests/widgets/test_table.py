"""A table in a window."""

from __future__ import annotations

import pandas as pd
from qtpy.QtCore import QPoint, Qt

from napari_midl.widgets.parts.table import TableView


def test_what_is_no_number_is_left_empty(qtbot):
    table = TableView(pd.DataFrame({"tortuosity": [1.25, float("nan")], "kind": ["a", "cycle"]}))
    qtbot.addWidget(table)
    model = table.view.model()
    shown = [[model.index(row, column).data() for column in (0, 1)] for row in (0, 1)]
    assert shown == [["1.25", "a"], ["", "cycle"]]


def test_what_is_no_number_stands_below_the_numbers_in_order(qtbot):
    given = [0.3, float("nan"), 0.1, float("nan"), 0.2, float("nan"), 0.9]
    table = TableView(pd.DataFrame({"unsure": given}))
    qtbot.addWidget(table)
    table.sort(0)
    model = table.view.model()
    assert [model.index(row, 0).data() for row in range(7)] == [
        "0.9",
        "0.3",
        "0.2",
        "0.1",
        "",
        "",
        "",
    ]


def test_rows_stand_as_they_were_given_until_a_name_is_clicked_and_after_the_third_time(qtbot):
    given = pd.DataFrame({"name": ["trace 2", "soma 1", "trace 1"]})
    table = TableView(given)
    qtbot.addWidget(table)
    table.show()
    header, model = table.view.horizontalHeader(), table.view.model()
    name = QPoint(header.sectionViewportPosition(0) + 8, header.height() // 2)

    def shown():
        return header.sortIndicatorSection(), [model.index(row, 0).data() for row in range(3)]

    assert shown() == (-1, given["name"].tolist())
    places = []
    for _ in range(3):
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=name)
        table.fill(given, keep_order=True)  # as after each decision
        places.append(shown())
    up = sorted(given["name"])
    assert places == [(0, up), (0, up[::-1]), (-1, given["name"].tolist())]

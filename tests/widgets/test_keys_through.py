"""Keys that are pressed beside the image, and are meant for it."""

from __future__ import annotations

import pandas as pd
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from napari_midl.widgets.parts.keys_through import KeysThrough
from napari_midl.widgets.parts.table import TableView


class Window(QWidget):
    """Notes the keys that come to it."""

    def __init__(self, *parts):
        super().__init__()
        self.came = []
        layout = QVBoxLayout(self)
        for part in parts:
            layout.addWidget(part)

    def keyPressEvent(self, event):
        self.came.append(event.text())


@pytest.fixture
def window(qtbot):
    def make(*parts):
        made = Window(*parts)
        qtbot.addWidget(made)
        made.show()
        return made

    return make


def test_letters_and_digits_on_a_table_go_to_the_window(window, qtbot):
    table = TableView(pd.DataFrame({"branch": [1, 2, 3]}))
    whole = window(table)
    for key in (Qt.Key.Key_2, Qt.Key.Key_A):
        qtbot.keyClick(table.view, key)
    assert whole.came == ["2", "a"]


def test_a_list_keeps_its_choice_and_a_line_its_letters(window, qtbot):
    box, line = QComboBox(), QLineEdit()
    box.addItems(["one", "two"])
    whole = window(box, line)
    KeysThrough(whole)
    qtbot.keyClick(box, Qt.Key.Key_T)
    qtbot.keyClicks(line, "t2")
    assert box.currentText() == "one" and line.text() == "t2" and whole.came == ["t"]


@pytest.mark.parametrize("kind", [QLineEdit, QSpinBox])
def test_return_gives_the_keys_back(window, qtbot, kind):
    field = kind()
    whole = window(field)
    KeysThrough(whole)
    field.setFocus()
    assert whole.focusWidget() is field
    qtbot.keyClicks(field, "2")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert whole.focusWidget() is not field and "2" in field.text()

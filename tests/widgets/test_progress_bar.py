"""The bar of a job that does not know how much there is to do."""

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_midl.widgets.parts.progress_bar import Bar, ProgressPanel
from napari_midl.widgets.parts.words import Words
from napari_midl.widgets.worker import JobRunner


class Paints(QObject):
    """Counts how often a widget is drawn."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


@pytest.fixture
def bar(qtbot):
    made = Bar()
    qtbot.addWidget(made)
    made.resize(160, 12)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def paints(bar, qtbot):
    """How often the bar is drawn while it shows that nothing is known."""
    bar.show_share(None)
    qtbot.wait(50)
    counted = Paints()
    bar.installEventFilter(counted)
    return counted


def pixels(bar):
    image = bar.grab().toImage()
    return np.array([image.pixel(x, image.height() // 2) for x in range(image.width())])


def test_it_is_drawn_at_a_sign_of_life_alone(bar, paints, qtbot):
    qtbot.wait(400)
    assert not paints.count
    bar.show_share(None)
    qtbot.waitUntil(lambda: paints.count)


def test_each_sign_of_life_moves_it_on(bar):
    seen = []
    for _ in range(3):
        bar.show_share(None)
        seen.append(pixels(bar))
    assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()
    bar.show_share(0.5)
    half = pixels(bar)
    bar.show_share(None)
    bar.show_share(0.5)
    assert (pixels(bar) == half).all()


def test_nothing_is_left_of_it_once_the_share_is_known(bar, paints, qtbot):
    bar.show_share(0.0)
    qtbot.waitUntil(lambda: paints.count)


def test_other_words_are_drawn_and_no_layout_is_made_anew(qtbot):
    class Events(QObject):
        def eventFilter(self, watched, event):
            seen.append((watched, event.type()))
            return False

    box, words, seen = QWidget(), Words("tile 1 of 16"), []
    qtbot.addWidget(box)
    row = QHBoxLayout(box)
    row.addWidget(words)
    box.resize(200, 30)
    with qtbot.waitExposed(box):
        box.show()
    before, events = words.grab().toImage(), Events()
    for widget in (box, words):
        widget.installEventFilter(events)
    words.setText("tile 2 of 16, " * 20)
    qtbot.waitUntil(lambda: (words, QEvent.Type.Paint) in seen)
    qtbot.wait(50)
    assert (box, QEvent.Type.LayoutRequest) not in seen
    assert words.text().startswith("tile 2") and words.width() < 200
    assert words.grab().toImage() != before


def test_words_have_all_the_room_where_no_time_is_told(qtbot):
    runner = JobRunner()
    panel = ProgressPanel(runner, "End it")
    qtbot.addWidget(panel)
    panel.resize(300, 60)
    with qtbot.waitExposed(panel):
        panel.show()
    assert panel.message.width() > 0.9 * panel.width()

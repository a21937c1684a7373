"""What a dock held is let go of when it is closed, and what it does again piles nothing up."""

from __future__ import annotations

import gc
from collections import Counter
from functools import reduce
from itertools import pairwise
from operator import and_
from weakref import ref

import pandas as pd
import pytest
from qtpy.QtCore import QAbstractItemModel, QCoreApplication, QEvent, QObject

from napari_midl.engine.jobs import Progress
from napari_midl.widgets.parts.table import TableView
from napari_midl.widgets.tool.closing import AskedOnClosing
from napari_midl.widgets.worker import JobRunner

DOCKS = ("Vessels", "Axons", "Anatomy", "Staining", "Segment")


def settle() -> None:
    """Delete what is to be deleted later, and collect what nobody holds."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def held() -> Counter[str]:
    """How many objects of each type Python knows."""
    settle()
    return Counter(f"{type(each).__module__}.{type(each).__name__}" for each in gc.get_objects())


@pytest.mark.parametrize("name", DOCKS)
def test_a_dock_that_is_closed_is_let_go(viewer, tubes, notes, name, qtbot):
    viewer.add_image(tubes[0], name="tubes", scale=(2, 1, 1), units=("um",) * 3)
    dock = viewer.window.add_plugin_dock_widget("napari-midl", name)[1]
    viewer.dims.set_current_step(0, 3)
    viewer.scene.camera.zoom *= 2
    qtbot.wait(300)
    known = ref(dock)
    viewer.window.remove_dock_widget(dock)
    del dock
    qtbot.wait(300)
    settle()
    assert known() is None


def test_jobs_pile_nothing_up(viewer, qtbot):
    parent = QObject()
    runner = JobRunner(parent)
    AskedOnClosing(viewer, runner, "MIDL")

    def work() -> None:
        with qtbot.waitSignal(runner.changed, check_params_cb=lambda: not runner.running):
            runner.start("Predict", iter_steps())

    def iter_steps():
        yield Progress(1, 2)
        yield Progress(2, 2)

    jobs, counts = 4, []
    for _ in range(4):
        work()
        counts.append(held())
        for _ in range(jobs - 1):
            work()
    # What piles up does so in every stretch; what is imported meanwhile comes once.
    grown = reduce(and_, (after - before for before, after in pairwise(counts)))
    assert not {kind: count for kind, count in grown.items() if count >= jobs}
    runner.shut_down()


def test_a_table_that_is_filled_again_lets_the_last_one_go(qtbot):
    table = TableView(pd.DataFrame({"length": [1.0]}))
    qtbot.addWidget(table)
    counts = []
    for rows in range(1, 6):
        table.fill(pd.DataFrame({"length": [1.0] * rows}))
        settle()
        assert table.view.model().rowCount() == rows
        counts.append(len(table.findChildren(QAbstractItemModel)))
    assert len(set(counts)) == 1

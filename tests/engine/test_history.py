"""States, one a decision, to walk back and forth."""

from __future__ import annotations

from napari_midl.engine.history import History


def test_a_new_decision_ends_the_way_forth() -> None:
    history = History("a")
    assert not history.can_undo and not history.can_redo
    history.write("b")
    history.write("c")
    history.undo()
    history.undo()
    assert history.now == "a" and not history.can_undo and history.can_redo
    history.redo()
    assert history.now == "b"
    history.write("d")
    assert history.now == "d" and not history.can_redo
    history.undo()
    assert history.now == "b"

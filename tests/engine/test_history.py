"""States to walk back and forth."""

from __future__ import annotations

from napari_midl.engine.history import History


def test_decisions_are_taken_back_and_made_again():
    history = History("a")
    assert not history.can_undo and not history.can_redo
    history.write("b")
    history.write("c")
    history.undo()
    assert history.now == "b"
    history.undo()
    assert history.now == "a" and not history.can_undo
    history.redo()
    history.redo()
    assert history.now == "c" and not history.can_redo


def test_another_decision_ends_what_could_be_made_again():
    history = History(1)
    history.write(2)
    history.undo()
    history.write(3)
    assert not history.can_redo
    history.undo()
    assert history.now == 1

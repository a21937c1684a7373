"""Of requests that come while one is answered only the newest counts."""

from __future__ import annotations

from napari_midl.engine.newest import Newest


def test_requests_that_were_overtaken_are_left_out() -> None:
    newest: Newest[str] = Newest()
    newest.ask("a")
    assert newest.begin() == (0, "a")
    newest.ask("b")
    newest.ask("c")
    assert newest.begin() is None
    newest.end()
    assert newest.begin() == (0, "c")
    newest.end()
    assert newest.begin() is None


def test_an_answer_that_is_under_way_can_be_forgotten() -> None:
    newest: Newest[str] = Newest()
    newest.ask("a")
    begun = newest.begin()
    assert begun is not None and newest.counts(begun[0])
    newest.ask("b")
    newest.forget()
    assert not newest.counts(begun[0])
    newest.ask("c")
    newest.end()
    assert newest.begin() == (1, "c")
    assert newest.counts(1)

"""Requests of which only the newest counts, such as those of a hand that moves."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Newest(Generic[T]):
    """Which request is next, and whether an answer still counts.

    One is answered at a time; of those that come meanwhile only the last is kept.
    """

    def __init__(self) -> None:
        self._waiting: T | None = None
        self._busy = False
        self._round = 0

    def ask(self, request: T) -> None:
        """Make a request in the place of the one that waits."""
        self._waiting = request

    def begin(self) -> tuple[int, T] | None:
        """The request to answer now, and its round; None while another is, or without one."""
        if self._busy or self._waiting is None:
            return None
        request, self._waiting, self._busy = self._waiting, None, True
        return self._round, request

    def counts(self, round_: int) -> bool:
        """Whether the answer to a request of a round is still wanted."""
        return round_ == self._round

    def end(self) -> None:
        """The answer has come; the next may begin."""
        self._busy = False

    def forget(self) -> None:
        """Drop the request that waits, and the answer that is under way."""
        self._waiting = None
        self._round += 1

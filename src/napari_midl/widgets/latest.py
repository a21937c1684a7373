"""Work in the background of which only the newest counts."""

from __future__ import annotations

from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_midl.engine.interrupt import stopping_at
from napari_midl.engine.newest import Newest
from napari_midl.widgets.threads import LONGEST_WAIT_MS, OneThread

if TYPE_CHECKING:
    from collections.abc import Callable


class LatestWorker(QObject):
    """Answers requests in a thread of its own; those that were overtaken are left out.

    Parameters
    ----------
    work : callable
        Makes the answer to a request; `interrupt.go_on` stops it once that is not wanted.
    rest_ms : int
        How long the thread rests after an answer, so that the window can draw it.

    Attributes
    ----------
    answered : Signal(object)
        An answer that is still wanted, in the GUI thread.
    failed : Signal(Exception)
        The work raised.
    """

    answered = Signal(object)
    failed = Signal(object)
    _came = Signal(int, object)

    def __init__(
        self, work: Callable[[Any], object], rest_ms: int = 0, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._work, self._rest_ms = work, rest_ms
        self._newest: Newest[Any] = Newest()
        self._unwanted = Event()
        self._thread = OneThread()
        self._came.connect(self._on_came)

    def ask(self, request: Any) -> None:
        """Make a request."""
        self._newest.ask(request)
        self._begin()

    def forget(self) -> None:
        """Drop the request that waits, and the answer that is under way."""
        self._newest.forget()
        self._unwanted.set()
        self._unwanted = Event()

    def shut_down(self) -> bool:
        """Forget, and wait for the thread; whether it has ended."""
        self.forget()
        return self._thread.wait(LONGEST_WAIT_MS, self)

    def _begin(self) -> None:
        begun = self._newest.begin()
        if begun is not None:
            unwanted = self._unwanted
            self._thread.start(lambda: self._answer(*begun, unwanted))

    def _answer(self, round_: int, request: Any, unwanted: Event) -> None:
        answer: object
        try:
            with stopping_at(unwanted):
                answer = self._work(request)
        except Exception as error:  # told by whoever follows `failed`
            answer = error
        # The dock may have been closed, and this object with it.
        with suppress(RuntimeError):
            self._came.emit(round_, answer)

    def _on_came(self, round_: int, answer: object) -> None:
        QTimer.singleShot(self._rest_ms, self._on_rested)
        if self._newest.counts(round_):
            (self.failed if isinstance(answer, Exception) else self.answered).emit(answer)

    def _on_rested(self) -> None:
        self._newest.end()
        self._begin()
